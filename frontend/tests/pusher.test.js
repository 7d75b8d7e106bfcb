// usePusher against a pusher-js that the test plays itself.
import { createApp, defineComponent, h, nextTick, onBeforeUnmount, onMounted } from "vue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const made = [];

class Emitter {
  handlers = new Map();
  bind(name, handler) {
    this.handlers.set(name, [...(this.handlers.get(name) ?? []), handler]);
  }
  unbind_all() {
    this.handlers.clear();
  }
  emit(name, data) {
    (this.handlers.get(name) ?? []).forEach((handler) => handler(data));
  }
}

class FakePusher extends Emitter {
  connection = Object.assign(new Emitter(), { state: "initialized" });
  channels = new Map();
  subscribed = [];
  isDisconnected = false;
  constructor(key, options) {
    super();
    Object.assign(this, { key, options });
    made.push(this);
  }
  subscribe(name) {
    this.subscribed.push(name);
    if (!this.channels.has(name)) this.channels.set(name, new Emitter());
    return this.channels.get(name);
  }
  become(state) {
    const previous = this.connection.state;
    this.connection.state = state;
    this.connection.emit("state_change", { previous, current: state });
  }
  attempts = 0;
  connect() {
    this.attempts++;
    this.become("connecting");
  }
  disconnect() {
    this.isDisconnected = true;
    this.become("disconnected");
  }
}

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
const live = () => {
  made.at(-1).become("connected");
  channel().emit("pusher:subscription_succeeded", {});
};

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
