// One Pusher connection for the whole page, shared by all components. It subscribes to the user's
// channel, private or encrypted, and, on request, to the public channel of one market.
//
// Each listener receives an event once, even if it is delivered twice (after a reconnect, or when
// the server retries): duplicates are detected by `event_id`. Events that are published while a
// channel is not subscribed are lost; `onLive` and `onMarketLive` signal when to fetch fresh data.
import Pusher from "pusher-js/with-encryption";
import { reactive, readonly, ref } from "vue";
import * as api from "../api.js";
import {
  NO_KEY,
  OFFLINE,
  closeProblem,
  connectionOptions,
  eventName,
  subscriptionProblem,
  userChannel,
} from "../lib/provider.js";
import { settings } from "./useSettings.js";

// Binding an event that the server does not publish has no effect.
const USER_EVENTS = ["order.matched", "order.updated", "balance.updated"];
const MARKET_EVENTS = ["trade.executed", "book.updated"];
const SUBSCRIBED = "pusher:subscription_succeeded";
// Duplicates arrive within seconds. Each channel has its own limit, so that a busy market does not
// evict the ids of the user's channel.
const REMEMBERED_IDS = 1_000;
const RESUBSCRIBE_DELAY_MS = 3_000;
// pusher-js waits 15 seconds between connection attempts. This page retries sooner, then doubles
// the delay.
const FIRST_RECONNECT_DELAY_MS = 3_000;
const MAX_RECONNECT_DELAY_MS = 30_000;

const state = reactive({
  /** "connecting", "live" or "offline" */
  status: "offline",
  /** The current problem and how to solve it: `{code, text, advice}`, or `null`. */
  problem: null,
});

/** When the page tries again, in milliseconds since 1970; `null` if no attempt is scheduled. */
const retryAt = ref(null);

/** Callbacks by event name. */
const listeners = new Map([...USER_EVENTS, ...MARKET_EVENTS].map((name) => [name, new Set()]));
const liveListeners = new Set();
const marketLiveListeners = new Set();
let isNewUserEvent = createDeduplicator();
let current = null;
/** The requested market channel, whether or not there is a connection. */
let marketChannel = null;

/** Returns a function that is `true` for the first event with a given id. */
function createDeduplicator() {
  const seen = new Set();
  return ({ event_id: id }) => {
    if (id === undefined) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    if (seen.size > REMEMBERED_IDS) seen.delete(seen.values().next().value);
    return true;
  };
}

const notify = (callbacks, event) => [...callbacks].forEach((callback) => callback(event));

function setStatus(status, problem = null) {
  Object.assign(state, { status, problem });
  if (status !== "offline") retryAt.value = null;
}

/** Passes the named events of a channel to their listeners, without duplicates. */
function bindEvents({ serverSettings }, channel, names, isNew) {
  for (const name of names) {
    channel.bind(eventName(serverSettings, name), (event) => {
      if (isNew(event)) notify(listeners.get(name), event);
    });
  }
}

function subscribeToUser(connection) {
  const { pusher, channelName } = connection;
  const channel = pusher.subscribe(channelName);
  bindEvents(connection, channel, USER_EVENTS, (event) => isNewUserEvent(event));
  channel.bind(SUBSCRIBED, () => {
    setStatus("live");
    notify(liveListeners);
  });
  channel.bind("pusher:subscription_error", ({ status }) => {
    // pusher-js does not pass on the status of a custom authorization handler.
    const problem = subscriptionProblem(status ?? connection.authorizationStatus);
    setStatus("offline", problem);
    // pusher-js subscribes again only after a reconnect, so a temporary failure is retried here.
    if (problem.code !== "unavailable") return;
    clearTimeout(connection.resubscribeTimer);
    retryAt.value = Date.now() + RESUBSCRIBE_DELAY_MS;
    connection.resubscribeTimer = setTimeout(() => {
      if (pusher.connection.state === "connected") pusher.subscribe(channelName);
    }, RESUBSCRIBE_DELAY_MS);
  });
}

/** Subscribes a connection to the requested market channel and to no other. */
function updateMarketSubscription(connection) {
  const { pusher } = connection;
  if (!pusher || connection.marketChannel === marketChannel) return;
  if (connection.marketChannel) {
    pusher.channel(connection.marketChannel)?.unbind_all();
    pusher.unsubscribe(connection.marketChannel);
  }
  connection.marketChannel = marketChannel;
  if (!marketChannel) return;
  const channel = pusher.subscribe(marketChannel);
  bindEvents(connection, channel, MARKET_EVENTS, createDeduplicator());
  channel.bind(SUBSCRIBED, () => notify(marketLiveListeners));
}

/** Reconnects after a delay, and again with increasing delays, until the connection is open. */
function scheduleReconnect(connection, delay = FIRST_RECONNECT_DELAY_MS) {
  clearTimeout(connection.reconnectTimer);
  retryAt.value = Date.now() + delay;
  connection.reconnectTimer = setTimeout(() => reconnect(connection, delay * 2), delay);
}

function reconnect(connection, nextDelay) {
  const { pusher } = connection;
  retryAt.value = null;
  if (pusher.connection.state === "connected" || state.problem?.code === "provider") return;
  pusher.disconnect();
  pusher.connect();
  scheduleReconnect(connection, Math.min(nextDelay, MAX_RECONNECT_DELAY_MS));
}

/** Tries to connect at once instead of at the scheduled time. */
function reconnectNow() {
  if (current?.pusher) reconnect(current, FIRST_RECONNECT_DELAY_MS);
}

function watchConnection(connection) {
  const { pusher } = connection;
  scheduleReconnect(connection);
  pusher.connection.bind("state_change", ({ previous, current: now }) => {
    if (previous === "connected") scheduleReconnect(connection);
    // "connected" does not mean "live": the channel is not subscribed yet.
    if (now === "connected") {
      connection.wasConnected = true;
      setStatus("connecting");
    } else if (now === "connecting" && !connection.wasConnected) {
      setStatus("connecting");
    } else if (now === "failed") {
      setStatus("offline", { ...OFFLINE, text: "This browser does not support WebSockets." });
    } else if (now !== "initialized" && state.problem?.code !== "provider") {
      setStatus("offline", OFFLINE);
    }
  });
  pusher.connection.bind("error", (error) => {
    const data = error?.data ?? error?.error?.data;
    const problem = closeProblem(data?.code, data?.message);
    if (problem) setStatus("offline", problem);
  });
}

/** Connects as this user. Further calls for the same user have no effect. */
export async function initializePusher(userId) {
  if (current?.userId === userId) return;
  disconnectPusher();
  const connection = { userId, marketChannel: null };
  current = connection;
  setStatus("connecting");
  let serverSettings;
  try {
    serverSettings = await settings();
  } catch (error) {
    // Clears `current`, so that the next call tries again.
    if (current === connection) disconnectPusher();
    throw error;
  }
  if (current !== connection) return;
  const { key, options } = connectionOptions(serverSettings, import.meta.env, window.location);
  if (!key) return setStatus("offline", NO_KEY);
  const customHandler = ({ socketId, channelName }, callback) => {
    const succeed = (authorization) => callback(null, authorization);
    const fail = (error) => {
      connection.authorizationStatus = error.status;
      callback(error, null);
    };
    api.authorizeChannel(socketId, channelName).then(succeed, fail);
  };
  connection.serverSettings = serverSettings;
  connection.channelName = userChannel(serverSettings, userId);
  connection.pusher = new Pusher(key, { ...options, channelAuthorization: { customHandler } });
  watchConnection(connection);
  subscribeToUser(connection);
  updateMarketSubscription(connection);
}

/** Subscribes to the public channel of this market instead of any other; `null` for none. */
export function subscribeToMarket(symbol) {
  marketChannel = symbol && `market.${symbol}`;
  if (current) updateMarketSubscription(current);
}

/** Closes the connection. Listeners stay registered for the next one. */
export function disconnectPusher() {
  const closed = current;
  current = null;
  isNewUserEvent = createDeduplicator();
  if (!closed) return;
  clearTimeout(closed.resubscribeTimer);
  clearTimeout(closed.reconnectTimer);
  closed.pusher?.unbind_all();
  closed.pusher?.connection.unbind_all();
  closed.pusher?.disconnect();
  setStatus("offline");
  retryAt.value = null;
}

/** Calls back with each event of this name in the catalogue until `unsubscribe`. */
export function listenTo(name, callback) {
  listeners.get(name).add(callback);
}

export const listenToOrderMatched = (callback) => listenTo("order.matched", callback);

/** Removes a callback from everything it was registered for. */
export function unsubscribe(callback) {
  for (const callbacks of [...listeners.values(), liveListeners, marketLiveListeners]) {
    callbacks.delete(callback);
  }
}

/** Calls back each time the user's channel is subscribed: earlier changes must be fetched. */
export function onLive(callback) {
  liveListeners.add(callback);
}

/** Calls back each time the market's channel is subscribed. */
export function onMarketLive(callback) {
  marketLiveListeners.add(callback);
}

export function usePusher() {
  return {
    state: readonly(state),
    retryAt: readonly(retryAt),
    reconnectNow,
    initializePusher,
    disconnectPusher,
    subscribeToMarket,
    listenTo,
    listenToOrderMatched,
    onLive,
    onMarketLive,
    unsubscribe,
  };
}
