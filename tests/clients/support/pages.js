// Pages without a browser: real pusher-js and Laravel Echo connections that record the events they
// receive. Each connection is closed when its test ends.
import { createRequire } from "node:module";
import Echo from "laravel-echo";
import Sdk from "pusher";
import { waitUntil } from "./waitUntil.js";

const Pusher = createRequire(import.meta.url)("pusher-js");

function connectionOptions({ provider }) {
  return {
    cluster: "",
    wsHost: provider.host,
    wsPort: provider.port,
    forceTLS: false,
    enabledTransports: ["ws"],
    enableStats: false,
  };
}

// The three ways to configure authorization in pusher-js.
export const authorizations = {
  channelAuthorization: (user, path) => ({
    channelAuthorization: {
      transport: "ajax",
      endpoint: `${user.server.url}${path}`,
      headers: user.headers,
    },
  }),
  authEndpoint: (user, path) => ({
    authEndpoint: `${user.server.url}${path}`,
    auth: { headers: user.headers },
  }),
  userAuthentication: (user, path) => ({
    userAuthentication: {
      transport: "ajax",
      endpoint: `${user.server.url}${path}`,
      headers: user.headers,
    },
  }),
};

export class Page {
  // The received events in order: { channel, event, data }.
  received = [];

  constructor(t, server, options = {}) {
    this.pusher = this.connect(server, options);
    t.after(() => this.pusher.disconnect());
  }

  connect(server, options) {
    return new Pusher(server.provider.app.key, { ...connectionOptions(server), ...options });
  }

  get state() {
    return this.pusher.connection.state;
  }

  async connected() {
    await waitUntil("the page is connected", () => this.state === "connected");
    return this.pusher.connection.socket_id;
  }

  // Resolves when the channel is subscribed, and rejects with the status that pusher-js reports.
  subscribe(name) {
    const channel = this.pusher.subscribe(name);
    this.recordEvents(channel);
    return this.waitForSubscription(channel);
  }

  recordEvents(channel) {
    channel.bind_global((event, data) => {
      if (!event.startsWith("pusher:")) this.received.push({ channel: channel.name, event, data });
    });
  }

  async waitForSubscription(channel) {
    let failure;
    channel.bind("pusher:subscription_error", (error) => (failure = error));
    await waitUntil(
      `${channel.name} is subscribed or rejected`,
      () => channel.subscribed || failure,
    );
    if (failure) {
      throw Object.assign(new Error(`${channel.name} was rejected`), { status: failure.status });
    }
    return channel;
  }

  eventsNamed(name) {
    return this.received.filter(({ event }) => event === name);
  }

  // Waits until at least `count` events of this name have arrived, and returns their data.
  async waitForEvents(name, count = 1) {
    const hasArrived = () => this.eventsNamed(name).length >= count;
    await waitUntil(`${name} has been received ${count} times`, hasArrived);
    return this.eventsNamed(name).map(({ data }) => data);
  }
}

// A page of a Laravel application: `Echo.private('user.1').listen('.order.matched', …)`.
export class EchoPage extends Page {
  constructor(t, user, path) {
    super(t, user.server, {
      authEndpoint: `${user.server.url}${path}`,
      bearerToken: user.token,
    });
  }

  connect(server, options) {
    this.echo = new Echo({
      broadcaster: "pusher",
      key: server.provider.app.key,
      Pusher,
      ...connectionOptions(server),
      ...options,
    });
    return this.echo.connector.pusher;
  }

  // `name` has no `private-` prefix, as usual with Echo.
  async listen(name, event) {
    const channel = this.echo.private(name);
    channel.listen(`.${event}`, (data) => {
      this.received.push({ channel: channel.name, event, data });
    });
    return this.waitForSubscription(channel.subscription);
  }
}

// The official server library, as another application would use it. It is also the reference for
// every signature in these tests.
export function sdk({ provider }, changes = {}) {
  return new Sdk({
    appId: provider.app.id,
    key: provider.app.key,
    secret: provider.app.secret,
    host: provider.host,
    port: provider.port,
    useTLS: false,
    timeout: 10_000,
    ...changes,
  });
}

// Options of a page whose channels, of any name, are authorized by the library itself.
export function authorizedBy(library, channelData) {
  return {
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, callback) =>
        callback(null, library.authorizeChannel(socketId, channelName, channelData)),
    },
  };
}
