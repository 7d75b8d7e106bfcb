// Events, over one connection for the whole page, however many components listen: those of the
// user's own channel, and those of one market's public channel for as long as somebody wants it.
//
// An event is told to each listener once, although it may arrive twice (after a reconnect, or when
// the server sent it again): `event_id` says which it is. What happened while a channel was not
// heard is not told; `onLive` and `onMarketLive` say when to fetch it.
import Pusher from "pusher-js";
import { reactive, readonly } from "vue";
import * as api from "../api.js";
import { NO_KEY, OFFLINE, closureOf, connectionOf, refusalOf } from "../lib/provider.js";
import { settings } from "./useSettings.js";

// What a server does not send is listened to in vain, and costs nothing.
const OWN_EVENTS = ["order.matched", "order.updated", "balance.updated"];
const MARKET_EVENTS = ["trade.executed", "book.updated"];
const SUBSCRIBED = "pusher:subscription_succeeded";
// An event that arrives twice does so within seconds; this many are remembered of each channel, so
// that a busy market does not push one's own out.
const REMEMBERED = 1_000;
const ASK_AGAIN_MS = 3_000;
// pusher-js lets a quarter of a minute pass between attempts. The first of ours comes sooner, and
// each further one leaves a slow network twice as much time.
const FIRST_RETRY_MS = 3_000;
const LONGEST_RETRY_MS = 30_000;

const state = reactive({
  /** "connecting", "live" or "offline" */
  status: "offline",
  /** What is wrong and what to do: `{code, text, advice}`, or `null`. */
  problem: null,
});

/** Callbacks by the name of their event. */
const listeners = new Map([...OWN_EVENTS, ...MARKET_EVENTS].map((name) => [name, new Set()]));
const liveListeners = new Set();
const marketLiveListeners = new Set();
let isNewOwn = firstTimes();
let current = null;
/** The channel that is wanted besides one's own, whether or not there is a connection. */
let market = null;

/** A function that says whether it meets an event for the first time. */
function firstTimes() {
  const seen = new Set();
  return ({ event_id: id }) => {
    if (id === undefined) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
    return true;
  };
}

const tell = (callbacks, event) => [...callbacks].forEach((callback) => callback(event));

function become(status, problem = null) {
  Object.assign(state, { status, problem });
}

/** Tells the named events of a channel, each of them once. */
function hear(channel, names, isNew) {
  for (const name of names) {
    channel.bind(name, (event) => isNew(event) && tell(listeners.get(name), event));
  }
}

function subscribe(connection) {
  const { pusher, name } = connection;
  const channel = pusher.subscribe(name);
  if (connection.isBound) return;
  connection.isBound = true;
  hear(channel, OWN_EVENTS, (event) => isNewOwn(event));
  channel.bind(SUBSCRIBED, () => {
    become("live");
    tell(liveListeners);
  });
  channel.bind("pusher:subscription_error", ({ status }) => {
    // pusher-js drops the status of whoever authorizes in its place.
    const problem = refusalOf(status ?? connection.refusedWith);
    become("offline", problem);
    // pusher-js asks again only when it reconnects; a server that was busy would stay unheard.
    if (problem.code !== "unanswered") return;
    clearTimeout(connection.timer);
    connection.timer = setTimeout(() => {
      if (pusher.connection.state === "connected") pusher.subscribe(name);
    }, ASK_AGAIN_MS);
  });
}

/** Makes a connection hear the market that is wanted, and no other. */
function followMarket(connection) {
  const { pusher } = connection;
  if (!pusher || connection.market === market) return;
  if (connection.market) {
    pusher.channel(connection.market)?.unbind_all();
    pusher.unsubscribe(connection.market);
  }
  connection.market = market;
  if (!market) return;
  const channel = pusher.subscribe(market);
  hear(channel, MARKET_EVENTS, firstTimes());
  channel.bind(SUBSCRIBED, () => tell(marketLiveListeners));
}

/** Tries again after a while unless the connection stands by then. */
function retryLater(connection, delay = FIRST_RETRY_MS) {
  clearTimeout(connection.retry);
  connection.retry = setTimeout(() => {
    const { pusher } = connection;
    if (pusher.connection.state === "connected" || state.problem?.code === "provider") return;
    pusher.disconnect();
    pusher.connect();
    retryLater(connection, Math.min(delay * 2, LONGEST_RETRY_MS));
  }, delay);
}

function watch(connection) {
  const { pusher } = connection;
  retryLater(connection);
  pusher.connection.bind("state_change", ({ previous, current: now }) => {
    if (previous === "connected") retryLater(connection);
    // "connected" alone is not live: the channel is still to be subscribed.
    if (now === "connected") {
      connection.wasConnected = true;
      become("connecting");
    } else if (now === "connecting" && !connection.wasConnected) {
      become("connecting");
    } else if (now === "failed") {
      become("offline", { ...OFFLINE, text: "This browser cannot open a WebSocket." });
    } else if (now !== "initialized" && state.problem?.code !== "provider") {
      become("offline", OFFLINE);
    }
  });
  pusher.connection.bind("error", (error) => {
    const data = error?.data ?? error?.error?.data;
    const problem = closureOf(data?.code, data?.message);
    if (problem) become("offline", problem);
  });
}

/** Connects as this user; calling it again for the same user changes nothing. */
export async function initializePusher(userId) {
  const name = `private-user.${userId}`;
  if (current?.name === name) return;
  disconnectPusher();
  const mine = { name, market: null, timer: undefined };
  current = mine;
  become("connecting");
  let known;
  try {
    known = await settings();
  } catch (error) {
    // Nothing stands: the next call begins anew.
    if (current === mine) disconnectPusher();
    throw error;
  }
  if (current !== mine) return;
  const { key, options } = connectionOf(known, import.meta.env, window.location);
  if (!key) return become("offline", NO_KEY);
  const customHandler = ({ socketId, channelName }, callback) => {
    const answer = (body) => callback(null, body);
    const refuse = (error) => {
      mine.refusedWith = error.status;
      callback(error, null);
    };
    api.authorizeChannel(socketId, channelName).then(answer, refuse);
  };
  mine.pusher = new Pusher(key, { ...options, channelAuthorization: { customHandler } });
  watch(mine);
  subscribe(mine);
  followMarket(mine);
}

/** Hears the public channel of this market instead of another's; `null` for none. */
export function hearMarket(symbol) {
  market = symbol && `market.${symbol}`;
  if (current) followMarket(current);
}

/** Ends the connection; listeners stay for the next one. */
export function disconnectPusher() {
  const ended = current;
  current = null;
  isNewOwn = firstTimes();
  if (!ended) return;
  clearTimeout(ended.timer);
  clearTimeout(ended.retry);
  ended.pusher?.unbind_all();
  ended.pusher?.connection.unbind_all();
  ended.pusher?.disconnect();
  become("offline");
}

/** Calls back with each event of this name, until `unsubscribe`. */
export function listenTo(name, callback) {
  listeners.get(name).add(callback);
}

export const listenToOrderMatched = (callback) => listenTo("order.matched", callback);

/** The callback is not called any more, whatever it was given to. */
export function unsubscribe(callback) {
  for (const callbacks of [...listeners.values(), liveListeners, marketLiveListeners]) {
    callbacks.delete(callback);
  }
}

/** Calls back whenever events can be heard (again): what came before must be fetched. */
export function onLive(callback) {
  liveListeners.add(callback);
}

/** The same for the market's channel, which becomes live by itself. */
export function onMarketLive(callback) {
  marketLiveListeners.add(callback);
}

export function usePusher() {
  return {
    state: readonly(state),
    initializePusher,
    disconnectPusher,
    hearMarket,
    listenTo,
    listenToOrderMatched,
    onLive,
    onMarketLive,
    unsubscribe,
  };
}
