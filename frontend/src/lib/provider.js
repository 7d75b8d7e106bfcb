// Connection options for pusher-js, the user's channel, names of events, and descriptions of
// connection problems for the user. Pure functions: the server's settings and the build-time
// environment are arguments.

const ENCRYPTED_PREFIX = "private-encrypted-";
// Every server that does not list its user channels has this one.
const DEFAULT_USER_CHANNELS = ["private-user.{id}"];

/** @returns {{key: string, options: object}} the arguments of `new Pusher(key, options)` */
export function connectionOptions(settings, env, location) {
  const key = env.VITE_PUSHER_APP_KEY || settings.key || "";
  const cluster = env.VITE_PUSHER_APP_CLUSTER || settings.cluster || "mt1";
  const isEmbedded = settings.embedded && !env.VITE_PUSHER_APP_KEY;
  const envHost = env.VITE_PUSHER_HOST;
  const host = envHost || (isEmbedded ? location.hostname : settings.host);
  let isSecure = isEmbedded ? location.protocol === "https:" : settings.tls;
  if (env.VITE_PUSHER_SCHEME) isSecure = env.VITE_PUSHER_SCHEME === "https";
  else if (env.VITE_PUSHER_APP_KEY && !envHost) isSecure = true;
  // The server's port applies only to the server's own host.
  const hostPort = isEmbedded && !envHost ? location.port : envHost ? "" : settings.port;
  const port = Number(env.VITE_PUSHER_PORT || hostPort) || (isSecure ? 443 : 80);
  const options = { cluster, forceTLS: Boolean(isSecure), enableStats: false };
  if (host) {
    Object.assign(options, { wsHost: host, wsPort: port, wssPort: port });
    // A self-hosted port accepts either ws or wss. Trying the wrong one takes half a minute.
    options.enabledTransports = [isSecure ? "wss" : "ws"];
  }
  return { key, options };
}

const isEncrypted = (channel) => channel.startsWith(ENCRYPTED_PREFIX);

/** The channel with the user's events: an unencrypted one if the server has both. */
export function userChannel(settings, userId) {
  const patterns = settings.user_channels ?? DEFAULT_USER_CHANNELS;
  const pattern = patterns.find((name) => !isEncrypted(name)) ?? patterns[0];
  return pattern.replace("{id}", userId);
}

/** The name under which the server publishes an event of the catalogue. */
export function eventName(settings, name) {
  return settings?.event_names?.[name] ?? name;
}

export const NO_KEY = {
  code: "no_key",
  text: "No Pusher app key is configured.",
  advice: "Set PUSHER_APP_KEY or use the embedded provider, then restart the server.",
};

export const OFFLINE = {
  code: "offline",
  text: "Connection lost. The data on this page may be out of date.",
  advice: "The page reconnects automatically and then refreshes all data.",
};

/** Describes a failed channel subscription by the status of its authorization request. */
export function subscriptionProblem(status) {
  if (status === 401) {
    return {
      code: "rejected",
      text: "The server rejected the event subscription (401): your session is no longer valid.",
      advice: "Log in again.",
    };
  }
  if (status === 403) {
    return {
      code: "rejected",
      text: "The server rejected the event subscription (403): this is another user's channel.",
      advice: "Log out and log in again.",
    };
  }
  const failure = status ? `failed with status ${status}` : "received no response";
  return {
    code: "unavailable",
    text: `The event subscription ${failure}.`,
    advice: "The page tries again automatically in a few seconds.",
  };
}

/** Describes a fatal closing code (4000–4099); `null` for codes that allow reconnecting. */
export function closeProblem(code, message) {
  if (!(code >= 4000 && code <= 4099)) return null;
  const advice =
    code === 4001
      ? "Check that the page's key and cluster match the app at the provider."
      : "Check the app at the provider: it may be disabled or over its quota.";
  const text = `The provider rejected the connection (${code}): ${message || "no reason given"}.`;
  return { code: "provider", text, advice };
}
