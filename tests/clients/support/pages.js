// Browser pages without a browser: real pusher-js and Laravel Echo connections that note what they
// hear. Each is closed when its test ends.
import { createRequire } from "node:module";
import Echo from "laravel-echo";
import Sdk from "pusher";
import { until } from "./waitUntil.js";

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

// The three ways in which a page tells pusher-js where and as whom to ask for authorization.
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
  // Every event in the order of arrival: { channel, event, data }.
  heard = [];

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
    await until("the page is connected", () => this.state === "connected");
    return this.pusher.connection.socket_id;
  }

  // Resolves when the subscription stands, rejects with what pusher-js reports when it is refused.
  subscribe(name) {
    const channel = this.pusher.subscribe(name);
    this.note(channel);
    return this.settled(channel);
  }

  note(channel) {
    channel.bind_global((event, data) => {
      if (!event.startsWith("pusher:")) this.heard.push({ channel: channel.name, event, data });
    });
  }

  async settled(channel) {
    let refusal;
    channel.bind("pusher:subscription_error", (error) => (refusal = error));
    await until(`${channel.name} is answered`, () => channel.subscribed || refusal);
    if (refusal) {
      throw Object.assign(new Error(`${channel.name} refused`), { status: refusal.status });
    }
    return channel;
  }

  times(event) {
    return this.heard.filter((one) => one.event === event);
  }

  async hears(event, count = 1) {
    await until(`${event} is heard ${count} times`, () => this.times(event).length >= count);
    return this.times(event).map(({ data }) => data);
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

  // `name` as Echo's users write it, without the prefix.
  async listen(name, event) {
    const channel = this.echo.private(name);
    channel.listen(`.${event}`, (data) => {
      this.heard.push({ channel: channel.name, event, data });
    });
    return this.settled(channel.subscription);
  }
}

// The official server library, as an application beside matchcast would use it. In these tests it
// is also the independent judge of every signature.
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

// A page of which the library itself is the authorization server, for channels of any name.
export function signedBy(library, channelData) {
  return {
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, callback) =>
        callback(null, library.authorizeChannel(socketId, channelName, channelData)),
    },
  };
}
