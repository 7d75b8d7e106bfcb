// usePusher with a fake of pusher-js.
import { createApp, defineComponent, h, nextTick, onBeforeUnmount, onMounted } from "vue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const { FakePusher, instances } = await vi.hoisted(() => import("./support/fakePusher.js"));
vi.mock("pusher-js/with-encryption", () => ({ default: FakePusher }));
const settings = { key: "local", cluster: "mt1", host: null, tls: false, embedded: true };
const mocks = vi.hoisted(() => ({ authorize: null, settings: null }));
vi.mock("../src/api.js", () => ({
  settings: () => Promise.resolve(mocks.settings),
  authorizeChannel: (...args) => mocks.authorize(...args),
}));

let usePusher;
let pusher;

const userChannel = () => instances.at(-1).channels.get("private-user.7");
const connect = () => instances.at(-1).connectAndSubscribe();

beforeEach(async () => {
  instances.length = 0;
  mocks.settings = settings;
  vi.resetModules();
  ({ usePusher } = await import("../src/composables/usePusher.js"));
  pusher = usePusher();
});
afterEach(() => {
  pusher.disconnectPusher();
  vi.useRealTimers();
});

describe("the connection", () => {
  it("is shared by all callers", async () => {
    await Promise.all([pusher.initializePusher("7"), usePusher().initializePusher("7")]);
    await pusher.initializePusher("7");
    expect(instances).toHaveLength(1);
    expect(instances[0].subscribed).toEqual(["private-user.7"]);
  });

  it.each([
    [undefined, "private-user.7"],
    [["private-user.{id}"], "private-user.7"],
    [["private-encrypted-user.{id}"], "private-encrypted-user.7"],
    [["private-user.{id}", "private-encrypted-user.{id}"], "private-user.7"],
    [["private-App.Models.User.{id}"], "private-App.Models.User.7"],
  ])("subscribes to the channel that the server lists: %j", async (channels, expected) => {
    mocks.settings = { ...settings, user_channels: channels };
    await pusher.initializePusher("7");
    expect(instances[0].subscribed).toEqual([expected]);
  });

  it("is replaced for another user", async () => {
    await pusher.initializePusher("7");
    await pusher.initializePusher("8");
    expect(instances.map(({ isDisconnected }) => isDisconnected)).toEqual([true, false]);
    expect(instances[1].subscribed).toEqual(["private-user.8"]);
  });

  it("says when it tries again, and tries at once if the user asks for it", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    connect();
    expect(pusher.retryAt.value).toBeNull();
    instances[0].setState("unavailable");
    expect(pusher.state.problem.code).toBe("offline");
    expect(pusher.retryAt.value - Date.now()).toBe(3_000);
    vi.advanceTimersByTime(3_000);
    expect(pusher.retryAt.value - Date.now()).toBe(6_000);
    const { attempts } = instances[0];
    pusher.reconnectNow();
    expect(instances[0].attempts).toBe(attempts + 1);
    expect(pusher.retryAt.value - Date.now()).toBe(3_000);
    connect();
    expect(pusher.retryAt.value).toBeNull();
  });

  it("is live once the channel is subscribed, and again after a reconnect", async () => {
    await pusher.initializePusher("7");
    expect(pusher.state.status).toBe("connecting");
    instances[0].setState("connected");
    expect(pusher.state.status).toBe("connecting");
    userChannel().emit("pusher:subscription_succeeded", {});
    expect(pusher.state).toEqual({ status: "live", problem: null });
    instances[0].setState("connecting");
    expect(pusher.state.status).toBe("offline");
    expect(pusher.state.problem.code).toBe("offline");
    connect();
    expect(pusher.state).toEqual({ status: "live", problem: null });
  });

  it("is retried soon, then less often, and not while it is open", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    connect();
    vi.advanceTimersByTime(60_000);
    expect(instances[0].attempts).toBe(0);
    instances[0].setState("connecting");
    vi.advanceTimersByTime(4_000);
    expect(instances[0].attempts).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(instances[0].attempts).toBeGreaterThanOrEqual(3);
    expect(instances[0].attempts).toBeLessThanOrEqual(6);
    expect(pusher.state.problem.code).toBe("offline");
  });

  it("can be initialized again after the settings could not be fetched", async () => {
    mocks.settings = Promise.reject(new Error("unavailable"));
    await expect(pusher.initializePusher("7")).rejects.toThrow("unavailable");
    expect(pusher.state.status).toBe("offline");
    mocks.settings = settings;
    await pusher.initializePusher("7");
    expect(instances).toHaveLength(1);
  });

  it("reports a missing key", async () => {
    mocks.settings = { ...settings, key: "" };
    await pusher.initializePusher("7");
    expect(instances).toHaveLength(0);
    expect(pusher.state.problem.code).toBe("no_key");
  });

  it("reports why the provider closed it permanently and does not retry", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    const data = { code: 4001, message: "no such app" };
    instances[0].connection.emit("error", { error: { data } });
    instances[0].setState("disconnected");
    expect(pusher.state.problem.text).toContain("4001");
    vi.advanceTimersByTime(60_000);
    expect(instances[0].attempts).toBe(0);
  });
});

describe("authorization", () => {
  it("sends the socket id and the channel name", async () => {
    mocks.authorize = vi.fn(() => Promise.resolve({ auth: "k:s" }));
    await pusher.initializePusher("7");
    const { customHandler } = instances[0].options.channelAuthorization;
    const result = await new Promise((resolve) => {
      customHandler({ socketId: "1.2", channelName: "private-user.7" }, (error, body) =>
        resolve([error, body]),
      );
    });
    expect(mocks.authorize).toHaveBeenCalledWith("1.2", "private-user.7");
    expect(result).toEqual([null, { auth: "k:s" }]);
  });

  // Like pusher-js, drops the status of the handler's error.
  async function rejectWith(status) {
    mocks.authorize = () => Promise.reject(Object.assign(new Error("rejected"), { status }));
    const { customHandler } = instances[0].options.channelAuthorization;
    await new Promise((resolve) => {
      customHandler({ socketId: "1.2", channelName: "private-user.7" }, (error) => {
        userChannel().emit("pusher:subscription_error", {
          type: "AuthError",
          error: error.message,
        });
        resolve();
      });
    });
  }

  it.each([401, 403])("reports a rejection with its status: %i", async (status) => {
    await pusher.initializePusher("7");
    instances[0].setState("connected");
    await rejectWith(status);
    expect(pusher.state.status).toBe("offline");
    expect(pusher.state.problem.text).toContain(String(status));
  });

  it("is retried only after a temporary failure", async () => {
    vi.useFakeTimers();
    await pusher.initializePusher("7");
    instances[0].setState("connected");
    await rejectWith(503);
    vi.advanceTimersByTime(10_000);
    expect(instances[0].subscribed).toHaveLength(2);
    await rejectWith(403);
    vi.advanceTimersByTime(10_000);
    expect(instances[0].subscribed).toHaveLength(2);
  });
});

describe("events", () => {
  const emitMatched = (id) =>
    userChannel().emit("order.matched", { event_id: `order.matched-${id}` });

  it("are delivered once even if they arrive twice or again after a reconnect", async () => {
    const listener = vi.fn();
    pusher.listenToOrderMatched(listener);
    await pusher.initializePusher("7");
    connect();
    emitMatched(1);
    emitMatched(1);
    instances[0].setState("connecting");
    connect();
    emitMatched(1);
    emitMatched(2);
    expect(listener.mock.calls.map(([{ event_id: id }]) => id)).toEqual([
      "order.matched-1",
      "order.matched-2",
    ]);
  });

  it("are bound by the names that the server lists", async () => {
    const name = "App\\Events\\OrderMatched";
    mocks.settings = { ...settings, event_names: { "order.matched": name } };
    const [listener, onUpdated] = [vi.fn(), vi.fn()];
    pusher.listenToOrderMatched(listener);
    pusher.listenTo("order.updated", onUpdated);
    await pusher.initializePusher("7");
    connect();
    emitMatched(1);
    expect(listener).not.toHaveBeenCalled();
    userChannel().emit(name, { event_id: "order.matched-1" });
    userChannel().emit("order.updated", { event_id: "order.updated-1" });
    expect(listener).toHaveBeenCalledOnce();
    expect(onUpdated).toHaveBeenCalledOnce();
  });

  it("are not delivered after unsubscribe", async () => {
    const [listener, onLive] = [vi.fn(), vi.fn()];
    pusher.listenToOrderMatched(listener);
    pusher.onLive(onLive);
    await pusher.initializePusher("7");
    pusher.unsubscribe(listener);
    pusher.unsubscribe(onLive);
    connect();
    emitMatched(1);
    expect(listener).not.toHaveBeenCalled();
    expect(onLive).not.toHaveBeenCalled();
  });

  it("trigger onLive after each subscription", async () => {
    const onLive = vi.fn();
    pusher.onLive(onLive);
    await pusher.initializePusher("7");
    connect();
    instances[0].setState("unavailable");
    connect();
    expect(onLive).toHaveBeenCalledTimes(2);
  });

  it("are delivered to the listeners of their name", async () => {
    const [updated, balance] = [vi.fn(), vi.fn()];
    pusher.listenTo("order.updated", updated);
    pusher.listenTo("balance.updated", balance);
    await pusher.initializePusher("7");
    connect();
    userChannel().emit("order.updated", { event_id: "u1" });
    userChannel().emit("order.updated", { event_id: "u1" });
    userChannel().emit("balance.updated", { event_id: "b1" });
    expect([updated.mock.calls.length, balance.mock.calls.length]).toEqual([1, 1]);
  });

  it("leave no listeners behind after a hundred mounts and unmounts", async () => {
    let eventCount = 0;
    const Listener = defineComponent({
      setup() {
        const pusher = usePusher();
        const countEvent = () => eventCount++;
        onMounted(() => {
          pusher.listenToOrderMatched(countEvent);
          pusher.initializePusher("7");
        });
        onBeforeUnmount(() => pusher.unsubscribe(countEvent));
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
    await vi.waitFor(() => expect(instances).toHaveLength(1), 30_000);
    connect();
    emitMatched(1);
    expect(eventCount).toBe(1);
    expect(userChannel().handlers.get("order.matched")).toHaveLength(1);
    last.unmount();
  });
});

describe("the market channel", () => {
  const emitTrade = (id, symbol = "BTC") =>
    instances.at(-1).channel(`market.${symbol}`)?.emit("trade.executed", { event_id: id });
  let listener;

  beforeEach(() => {
    listener = vi.fn();
    pusher.listenTo("trade.executed", listener);
  });
  const ids = () => listener.mock.calls.map(([{ event_id: id }]) => id);

  it("is subscribed with the connection if it was requested before", async () => {
    pusher.subscribeToMarket("BTC");
    await pusher.initializePusher("7");
    expect(instances[0].subscribed).toEqual(["private-user.7", "market.BTC"]);
    connect();
    emitTrade("t1");
    emitTrade("t1");
    emitTrade("t2");
    expect(ids()).toEqual(["t1", "t2"]);
  });

  it("is one at a time, and none on request", async () => {
    await pusher.initializePusher("7");
    connect();
    const channels = () => [...instances[0].channels.keys()];
    expect(channels()).toEqual(["private-user.7"]);
    pusher.subscribeToMarket("BTC");
    const previous = instances[0].channel("market.BTC");
    pusher.subscribeToMarket("ETH");
    pusher.subscribeToMarket("ETH");
    expect(instances[0].subscribed).toEqual(["private-user.7", "market.BTC", "market.ETH"]);
    expect(channels()).toEqual(["private-user.7", "market.ETH"]);
    previous.emit("trade.executed", { event_id: "late" });
    emitTrade("t1", "ETH");
    expect(ids()).toEqual(["t1"]);
    pusher.subscribeToMarket(null);
    expect(channels()).toEqual(["private-user.7"]);
  });

  it("triggers onMarketLive independently of the user's channel", async () => {
    const [onUserLive, onMarketLive] = [vi.fn(), vi.fn()];
    pusher.onLive(onUserLive);
    pusher.onMarketLive(onMarketLive);
    await pusher.initializePusher("7");
    connect();
    pusher.subscribeToMarket("BTC");
    instances[0].channel("market.BTC").emit("pusher:subscription_succeeded", {});
    expect([onUserLive.mock.calls.length, onMarketLive.mock.calls.length]).toEqual([1, 1]);
    instances[0].setState("connecting");
    connect();
    expect([onUserLive.mock.calls.length, onMarketLive.mock.calls.length]).toEqual([2, 2]);
    pusher.unsubscribe(onMarketLive);
    connect();
    expect([onUserLive.mock.calls.length, onMarketLive.mock.calls.length]).toEqual([3, 2]);
  });

  it("is unsubscribed on logout", async () => {
    pusher.subscribeToMarket("BTC");
    await pusher.initializePusher("7");
    connect();
    pusher.disconnectPusher();
    pusher.subscribeToMarket(null);
    await pusher.initializePusher("8");
    expect(instances[0].isDisconnected).toBe(true);
    expect(instances[1].subscribed).toEqual(["private-user.8"]);
  });

  it("does not evict remembered ids of the user's channel", async () => {
    const userListener = vi.fn();
    pusher.listenToOrderMatched(userListener);
    pusher.subscribeToMarket("BTC");
    await pusher.initializePusher("7");
    connect();
    userChannel().emit("order.matched", { event_id: "mine" });
    for (let id = 0; id < 2_000; id++) emitTrade(`t${id}`);
    userChannel().emit("order.matched", { event_id: "mine" });
    expect(userListener).toHaveBeenCalledTimes(1);
    expect(listener).toHaveBeenCalledTimes(2_000);
  });
});
