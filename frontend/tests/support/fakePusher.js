// A fake of pusher-js that tests control.

/** All instances in order of creation. Tests clear this list. */
export const instances = [];

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

export class FakePusher extends Emitter {
  connection = Object.assign(new Emitter(), { state: "initialized" });
  channels = new Map();
  subscribed = [];
  isDisconnected = false;
  constructor(key, options) {
    super();
    Object.assign(this, { key, options });
    instances.push(this);
  }
  subscribe(name) {
    this.subscribed.push(name);
    if (!this.channels.has(name)) this.channels.set(name, new Emitter());
    return this.channels.get(name);
  }
  unsubscribe(name) {
    this.channels.delete(name);
  }
  channel(name) {
    return this.channels.get(name);
  }
  setState(state) {
    const previous = this.connection.state;
    this.connection.state = state;
    this.connection.emit("state_change", { previous, current: state });
  }
  /** Connects and subscribes all channels, as pusher-js does after a (re)connect. */
  connectAndSubscribe() {
    this.setState("connected");
    this.channels.forEach((channel) => channel.emit("pusher:subscription_succeeded", {}));
  }
  attempts = 0;
  connect() {
    this.attempts++;
    this.setState("connecting");
  }
  disconnect() {
    this.isDisconnected = true;
    this.setState("disconnected");
  }
}
