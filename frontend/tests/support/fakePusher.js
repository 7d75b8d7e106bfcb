// A pusher-js that a test plays itself.

/** Those that were made, in order; a test empties it. */
export const made = [];

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
    made.push(this);
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
  become(state) {
    const previous = this.connection.state;
    this.connection.state = state;
    this.connection.emit("state_change", { previous, current: state });
  }
  /** As the real one does it: connected, then every channel subscribed (again). */
  live() {
    this.become("connected");
    this.channels.forEach((channel) => channel.emit("pusher:subscription_succeeded", {}));
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
