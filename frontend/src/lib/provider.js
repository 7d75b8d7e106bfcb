// Where events come from, and what is wrong in words. Pure: what the server says at run time and
// what was set at build time in, options for pusher-js out.

/** @returns {{key: string, options: object}} what `new Pusher(key, options)` takes */
export function connectionOf(settings, build, page) {
  const key = build.VITE_PUSHER_APP_KEY || settings.key || "";
  const cluster = build.VITE_PUSHER_APP_CLUSTER || settings.cluster || "mt1";
  const isOwn = settings.embedded && !build.VITE_PUSHER_APP_KEY;
  const buildHost = build.VITE_PUSHER_HOST;
  const host = buildHost || (isOwn ? page.hostname : settings.host);
  const isPageSecure = page.protocol === "https:";
  let isSecure = isOwn ? isPageSecure : settings.tls;
  if (build.VITE_PUSHER_SCHEME) isSecure = build.VITE_PUSHER_SCHEME === "https";
  else if (build.VITE_PUSHER_APP_KEY && !buildHost) isSecure = true;
  // A host set at build time is not on the port that the server names for its own.
  const known = isOwn && !buildHost ? page.port : buildHost ? "" : settings.port;
  const port = Number(build.VITE_PUSHER_PORT || known) || (isSecure ? 443 : 80);
  const options = { cluster, forceTLS: Boolean(isSecure), enableStats: false };
  if (host) {
    Object.assign(options, { wsHost: host, wsPort: port, wssPort: port });
    // A server of one's own speaks one of them on its port; trying the other costs half a minute.
    options.enabledTransports = [isSecure ? "wss" : "ws"];
  }
  return { key, options };
}

export const NO_KEY = {
  code: "no_key",
  text: "The server names no key for the provider of events.",
  advice: "Set PUSHER_APP_KEY (or use the embedded provider) and start the server again.",
};

export const OFFLINE = {
  code: "offline",
  text: "The connection is lost. What you see may be out of date.",
  advice: "Nothing to do: it comes back by itself, and then everything is fetched again.",
};

/** Why a subscription was refused. */
export function refusalOf(status) {
  if (status === 401) {
    return {
      code: "refused",
      text: "Events were refused (401): the log-in is not valid any more.",
      advice: "Log in again.",
    };
  }
  if (status === 403) {
    return {
      code: "refused",
      text: "Events were refused (403): this channel belongs to somebody else.",
      advice: "Log out and in again, so that the page asks for your own channel.",
    };
  }
  const answer = status ? `answered ${status}` : "did not answer";
  return {
    code: "unanswered",
    text: `The server ${answer} when the page asked to hear its events.`,
    advice: "Nothing to do: the page asks again in some seconds.",
  };
}

/** Why the provider closed a connection for good (4000–4099); `null` when it may be tried again. */
export function closureOf(code, message) {
  if (!(code >= 4000 && code <= 4099)) return null;
  const advice =
    code === 4001
      ? "Compare the page's key and cluster with those of the app at the provider."
      : "Look at the app at the provider: it may be disabled or over its quota.";
  const text = `The provider refused the connection (${code}): ${message || "no reason given"}.`;
  return { code: "provider", text, advice };
}
