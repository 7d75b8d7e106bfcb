// usePusher against a pusher-js that the test plays itself.
import { createApp, defineComponent, h, nextTick, onBeforeUnmount, onMounted } from "vue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const { FakePusher, made } = await vi.hoisted(() => import("./support/fakePusher.js"));
vi.mock("pusher-js", () => ({ default: FakePusher }));
const settings = { key: "local", cluster: "mt1", host: null, tls: false, embedded: true };
const asked = vi.hoisted(() => ({ authorize: null, settings: null }));
vi.mock("../src/api.js", () => ({
  settings: () => Promise.resolve(asked.settings),
  authorizeChannel: (...args) => asked.authorize(...args),
}));

let usePusher;
let pusher;

const channel = () => made.at(-1).channels.get("private-user.7");
const live = () => made.at(-1).live();

beforeEach(async () => {
  made.length = 0;
  asked.settings = settings;
  vi.resetModules();
  ({ usePusher } = await import("../src/composables/usePusher.js"));
  pusher = usePusher();
});
afterEach(() => {
  pusher.disconnectPusher();
  vi.useRealTimers();
});

describe("the connection", () => {
  it("is one, whoever asks for it", async () => {
    await Promise.all([pusher.initializePusher("7"), usePusher().initializePusher("7")]);
    await pusher.initializePusher("7");
    expect(made).toHaveLength(1);
    expect(made[0].subscribed).toEqual(["private-user.7"]);
  });

  it("is another one for another user", async () => {
    await pusher.initializePusher("7");
    await pusher.initializePusher("8");
    expect(made.map(({ isDisconnected }) => isDisconnected)).toEqual([true, false]);
    expect(made[1].subscribed).toEqual(["private-user.8"]);
  });

  it("is live when the channel is, offline when it is lost, and live again", async () => {
    await pusher.initializePusher("7");
    expect(pusher.state.status).toBe("connecting");
    made[0].become("connected");
    expect(pusher.state.status).toBe("connecting");
    channel().emit("pusher:subscription_succeeded", {});
    expect(pusher.state).toEqual({ status: "live", problem: null });
    made[0].become("connecting");
    expect(pusher.state.status).toBe("offline");
    expect(pusher.state.problem.code).toBe("offline");
    live();
    expect(pusher.state).toEqual({ status: "live", problem: null });
  });

  it("is tried again soon, then less often, and not while it stands", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    live();
    vi.advanceTimersByTime(60_000);
    expect(made[0].attempts).toBe(0);
    made[0].become("connecting");
    vi.advanceTimersByTime(4_000);
    expect(made[0].attempts).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(made[0].attempts).toBeGreaterThanOrEqual(3);
    expect(made[0].attempts).toBeLessThanOrEqual(6);
    expect(pusher.state.problem.code).toBe("offline");
  });

  it("can be asked for again when the settings could not be fetched", async () => {
    asked.settings = Promise.reject(new Error("away"));
    await expect(pusher.initializePusher("7")).rejects.toThrow("away");
    expect(pusher.state.status).toBe("offline");
    asked.settings = settings;
    await pusher.initializePusher("7");
    expect(made).toHaveLength(1);
  });

  it("says so when there is no key", async () => {
    asked.settings = { ...settings, key: "" };
    await pusher.initializePusher("7");
    expect(made).toHaveLength(0);
    expect(pusher.state.problem.code).toBe("no_key");
  });

  it("says why the provider closed it for good", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    const data = { code: 4001, message: "no such app" };
    made[0].connection.emit("error", { error: { data } });
    made[0].become("disconnected");
    expect(pusher.state.problem.text).toContain("4001");
    vi.advanceTimersByTime(60_000);
    expect(made[0].attempts).toBe(0);
  });
});

describe("authorization", () => {
  it("asks with the socket's id and the channel's name", async () => {
    asked.authorize = vi.fn(() => Promise.resolve({ auth: "k:s" }));
    await pusher.initializePusher("7");
    const { customHandler } = made[0].options.channelAuthorization;
    const answer = await new Promise((resolve) => {
      customHandler({ socketId: "1.2", channelName: "private-user.7" }, (error, body) =>
        resolve([error, body]),
      );
    });
    expect(asked.authorize).toHaveBeenCalledWith("1.2", "private-user.7");
    expect(answer).toEqual([null, { auth: "k:s" }]);
  });

  // As pusher-js does it: the error of a handler loses its status on the way.
  async function refuse(status) {
    asked.authorize = () => Promise.reject(Object.assign(new Error("refused"), { status }));
    const { customHandler } = made[0].options.channelAuthorization;
    await new Promise((resolve) => {
      customHandler({ socketId: "1.2", channelName: "private-user.7" }, (error) => {
        channel().emit("pusher:subscription_error", { type: "AuthError", error: error.message });
        resolve();
      });
    });
  }

  it.each([401, 403])("tells a refusal in words: %i", async (status) => {
    await pusher.initializePusher("7");
    made[0].become("connected");
    await refuse(status);
    expect(pusher.state.status).toBe("offline");
    expect(pusher.state.problem.text).toContain(String(status));
  });

  it("asks again when the server did not answer", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    made[0].become("connected");
    await refuse(503);
    vi.advanceTimersByTime(10_000);
    expect(made[0].subscribed).toHaveLength(2);
    await refuse(403);
    vi.advanceTimersByTime(10_000);
    expect(made[0].subscribed).toHaveLength(2);
  });
});

describe("events", () => {
  const matched = (id) => channel().emit("order.matched", { event_id: `order.matched-${id}` });

  it("are told once, also when they arrive twice or after a reconnect", async () => {
    const heard = vi.fn();
    pusher.listenToOrderMatched(heard);
    await pusher.initializePusher("7");
    live();
    matched(1);
    matched(1);
    made[0].become("connecting");
    live();
    matched(1);
    matched(2);
    expect(heard.mock.calls.map(([{ event_id: id }]) => id)).toEqual([
      "order.matched-1",
      "order.matched-2",
    ]);
  });

  it("are not told after unsubscribe", async () => {
    const [heard, alive] = [vi.fn(), vi.fn()];
    pusher.listenToOrderMatched(heard);
    pusher.onLive(alive);
    await pusher.initializePusher("7");
    pusher.unsubscribe(heard);
    pusher.unsubscribe(alive);
    live();
    matched(1);
    expect(heard).not.toHaveBeenCalled();
    expect(alive).not.toHaveBeenCalled();
  });

  it("make everything be fetched whenever they can be heard again", async () => {
    const alive = vi.fn();
    pusher.onLive(alive);
    await pusher.initializePusher("7");
    live();
    made[0].become("unavailable");
    live();
    expect(alive).toHaveBeenCalledTimes(2);
  });

  it("of other names are told to whoever listens to them", async () => {
    const [updated, balance] = [vi.fn(), vi.fn()];
    pusher.listenTo("order.updated", updated);
    pusher.listenTo("balance.updated", balance);
    await pusher.initializePusher("7");
    live();
    channel().emit("order.updated", { event_id: "u1" });
    channel().emit("order.updated", { event_id: "u1" });
    channel().emit("balance.updated", { event_id: "b1" });
    expect([updated.mock.calls.length, balance.mock.calls.length]).toEqual([1, 1]);
  });

  it("leave nothing behind after a hundred mounts and unmounts", async () => {
    let told = 0;
    const Listener = defineComponent({
      setup() {
        const own = usePusher();
        const hear = () => told++;
        onMounted(() => {
          own.listenToOrderMatched(hear);
          own.initializePusher("7");
        });
        onBeforeUnmount(() => own.unsubscribe(hear));
        return () => h("p");
      },
    });
    for (let round = 0; round < 100; round++) {
      const app = createApp(Listener);
      app.mount(document.createElement("div"));
      await nextTick();
      app.unmount();
    }
    const last = createApp(Listener);
    last.mount(document.createElement("div"));
    await vi.waitFor(() => expect(made).toHaveLength(1));
    live();
    matched(1);
    expect(told).toBe(1);
    expect(channel().handlers.get("order.matched")).toHaveLength(1);
    last.unmount();
  });
});

describe("the channel of a market", () => {
  const executed = (id, symbol = "BTC") =>
    made.at(-1).channel(`market.${symbol}`)?.emit("trade.executed", { event_id: id });
  let heard;

  beforeEach(() => {
    heard = vi.fn();
    pusher.listenTo("trade.executed", heard);
  });
  const ids = () => heard.mock.calls.map(([{ event_id: id }]) => id);

  it("is heard from the first connection on, whenever it was asked for", async () => {
    pusher.hearMarket("BTC");
    await pusher.initializePusher("7");
    expect(made[0].subscribed).toEqual(["private-user.7", "market.BTC"]);
    live();
    executed("t1");
    executed("t1");
    executed("t2");
    expect(ids()).toEqual(["t1", "t2"]);
  });

  it("is one at a time, and none when nobody wants it", async () => {
    await pusher.initializePusher("7");
    live();
    const channels = () => [...made[0].channels.keys()];
    expect(channels()).toEqual(["private-user.7"]);
    pusher.hearMarket("BTC");
    const left = made[0].channel("market.BTC");
    pusher.hearMarket("ETH");
    pusher.hearMarket("ETH");
    expect(made[0].subscribed).toEqual(["private-user.7", "market.BTC", "market.ETH"]);
    expect(channels()).toEqual(["private-user.7", "market.ETH"]);
    left.emit("trade.executed", { event_id: "late" });
    executed("t1", "ETH");
    expect(ids()).toEqual(["t1"]);
    pusher.hearMarket(null);
    expect(channels()).toEqual(["private-user.7"]);
  });

  it("says when it is live (again), apart from one's own", async () => {
    const [own, market] = [vi.fn(), vi.fn()];
    pusher.onLive(own);
    pusher.onMarketLive(market);
    await pusher.initializePusher("7");
    live();
    pusher.hearMarket("BTC");
    made[0].channel("market.BTC").emit("pusher:subscription_succeeded", {});
    expect([own.mock.calls.length, market.mock.calls.length]).toEqual([1, 1]);
    made[0].become("connecting");
    live();
    expect([own.mock.calls.length, market.mock.calls.length]).toEqual([2, 2]);
    pusher.unsubscribe(market);
    live();
    expect([own.mock.calls.length, market.mock.calls.length]).toEqual([3, 2]);
  });

  it("ends with the log-out", async () => {
    pusher.hearMarket("BTC");
    await pusher.initializePusher("7");
    live();
    pusher.disconnectPusher();
    pusher.hearMarket(null);
    await pusher.initializePusher("8");
    expect(made[0].isDisconnected).toBe(true);
    expect(made[1].subscribed).toEqual(["private-user.8"]);
  });

  it("does not make the page forget which of one's own events it has told", async () => {
    const own = vi.fn();
    pusher.listenToOrderMatched(own);
    pusher.hearMarket("BTC");
    await pusher.initializePusher("7");
    live();
    channel().emit("order.matched", { event_id: "mine" });
    for (let id = 0; id < 2_000; id++) executed(`t${id}`);
    channel().emit("order.matched", { event_id: "mine" });
    expect(own).toHaveBeenCalledTimes(1);
    expect(heard).toHaveBeenCalledTimes(2_000);
  });
});
