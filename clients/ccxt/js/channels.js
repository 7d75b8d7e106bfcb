// Pusher Channels on ccxt's WebSocket client: the connection, channel authorization, and
// subscriptions that are made once for each connection.
//
// A failure to subscribe or to synchronise closes the connection. Every waiting watch…() then
// throws, and the next one connects, subscribes and synchronises again.
import ccxt from "ccxt";
import { Rest } from "./rest.js";

const PROTOCOL_QUERY = "protocol=7&client=matchcast-ccxt&version=0.1.0";

export class Channels extends Rest {
  #configuration;

  // The settings of GET /config, which do not change while the server runs.
  async configuration() {
    this.#configuration ??= this.publicGetConfig();
    try {
      return (await this.#configuration).data;
    } catch (error) {
      this.#configuration = undefined;
      throw error;
    }
  }

  // The provider's address: an app key, and a host unless it is that of the API.
  async webSocketUrl() {
    // ccxt needs it for connections without TLS.
    await this.loadHttpProxyAgent();
    const config = await this.configuration();
    const key = this.safeString(config, "key");
    const host = this.safeString(config, "host");
    const cluster = this.safeString(config, "cluster");
    let base = `wss://ws-${cluster}.pusher.com`;
    if (config.embedded) {
      base = this.implodeHostname(this.urls.api).replace(/^http/, "ws");
    } else if (host !== undefined) {
      base = `${config.tls ? "wss" : "ws"}://${host}:${this.safeString(config, "port")}`;
    }
    return `${this.safeString(this.urls, "ws", base)}/app/${key}?${PROTOCOL_QUERY}`;
  }

  // Pusher's keep-alive message, which ccxt sends at intervals.
  ping() {
    return { event: "pusher:ping", data: {} };
  }

  // Waits for the next value of `hash`, which begins with the channel's name. The first call on a
  // connection runs `before`, subscribes to the channel, and runs `after`.
  async watchChannel(channel, hash, before, after) {
    const url = await this.webSocketUrl();
    const isNew = this.clients?.[url]?.subscriptions[hash] === undefined;
    const future = this.watch(url, hash, undefined, hash);
    if (isNew) this.spawn(this.startWatching, this.client(url), channel, before, after);
    return await future;
  }

  async startWatching(client, channel, before, after) {
    try {
      await before();
      client.channels ??= {};
      client.channels[channel] ??= this.subscribe(client, channel);
      await client.channels[channel];
      await after(client);
    } catch (error) {
      this.abandon(client, error);
    }
  }

  async subscribe(client, channel) {
    const socketId = client.socketId ?? (await client.future("socket"));
    const data = { channel };
    if (channel.startsWith("private-")) {
      const request = { socket_id: socketId, channel_name: channel };
      data.auth = this.safeString(await this.privatePostBroadcastingAuth(request), "auth");
    }
    const confirmation = client.future(`subscribed:${channel}`);
    await client.send({ event: "pusher:subscribe", data });
    await confirmation;
  }

  abandon(client, error) {
    client.onError(error);
    client.close();
  }

  // Pusher's codes 4000 to 4099 mean that connecting again will not help.
  isFinal(event, data) {
    const code = this.safeInteger(data, "code", 0);
    return event !== "pusher:error" || (code >= 4000 && code < 4100);
  }

  handleMessage(client, message) {
    const { event, channel } = message;
    const data = typeof message.data === "string" ? this.parseJson(message.data) : message.data;
    if (event === "pusher:connection_established") {
      client.socketId = this.safeString(data, "socket_id");
      client.resolve(client.socketId, "socket");
    } else if (event === "pusher_internal:subscription_succeeded") {
      client.resolve(true, `subscribed:${channel}`);
    } else if (event === "pusher:ping") {
      this.spawn(async () => await client.send({ event: "pusher:pong", data: {} }));
    } else if (event === "pusher:pong") {
      client.onPong();
    } else if (event === "pusher:error" || event === "pusher:subscription_error") {
      const text = this.safeString2(data, "message", "error");
      const ErrorClass = this.isFinal(event, data) ? ccxt.ExchangeError : ccxt.NetworkError;
      this.abandon(client, new ErrorClass(`${this.id} ${event} ${channel ?? ""} ${text}`));
    } else {
      this.handleEvent(client, channel, event, data);
    }
  }
}
