// The data of the dashboard, shared by its components.
//
// Refreshes are coalesced: any number of refreshes requested during a running one cause one more.
// Market events add live trades in front of the fetched list and replace the order book with
// snapshots.
//
// A fetched order book and a snapshot carry no common version, so neither is known to be newer.
// While snapshots arrive they take precedence: a response whose request started before the last
// snapshot or within SNAPSHOT_PRIORITY_MS after it is discarded. Otherwise price levels would
// flicker as older and newer books alternate. If no snapshot has arrived for longer, or none since
// the market was selected or the connection was restored, the response is used. It is at least as
// new as the last snapshot, and the only source while the provider is delayed.
import { computed, reactive, readonly, ref } from "vue";
import * as api from "../api.js";
import { MAX_TRADES, tradesNewerThan } from "../lib/trades.js";

const SYMBOL_KEY = "symbol";
/** The minimum pause between two refreshes, so that a burst of events causes few requests. */
const REFRESH_PAUSE_MS = 400;
/** Longer than the longest interval, one second, between the server's snapshots of a busy book. */
const SNAPSHOT_PRIORITY_MS = 1_500;
/** Live trades are rendered in batches, because each update redraws the chart. */
const TRADE_BATCH_MS = 100;

const emptyResource = () => ({ data: null, error: null });
const data = reactive({
  profile: emptyResource(),
  orders: emptyResource(),
  history: emptyResource(),
  book: emptyResource(),
  trades: emptyResource(),
});
const symbol = ref(localStorage.getItem(SYMBOL_KEY) ?? "BTC");
const bookUpdatedAt = ref(null);
const activeFetches = ref(0);
const isFetching = computed(() => activeFetches.value > 0);

const fetchers = {
  profile: api.profile,
  orders: api.orders,
  history: api.history,
  book: () => api.book(symbol.value),
  trades: () => api.trades(symbol.value),
};
const ALL_RESOURCES = Object.keys(fetchers);
const MARKET_RESOURCES = ["book", "trades"];
const USER_RESOURCES = ALL_RESOURCES.filter((name) => !MARKET_RESOURCES.includes(name));
// Identify the latest request of each resource, because responses may arrive out of order.
const versions = {};

let lastSnapshotAt = -Infinity;
/** The fetched list of trades, and the live trades received since, newest first. */
let fetchedTrades = null;
let liveTrades = [];
let tradeBatchTimer;

async function fetchResource(name) {
  const version = (versions[name] = (versions[name] ?? 0) + 1);
  const startedAt = performance.now();
  const result = await fetchers[name]().then(
    (response) => ({ data: response, error: null }),
    (error) => ({ data: data[name].data, error }),
  );
  if (versions[name] !== version) return;
  if (name === "book" && startedAt < lastSnapshotAt + SNAPSHOT_PRIORITY_MS) return;
  Object.assign(data[name], result);
  if (!result.error) afterFetch[name]?.();
}

const afterFetch = {
  book: () => (bookUpdatedAt.value = new Date()),
  trades: () => {
    fetchedTrades = data.trades.data;
    mergeTrades();
  },
};

async function fetchResources(names) {
  activeFetches.value++;
  await Promise.all(names.map(fetchResource));
  activeFetches.value--;
}

/** The running refresh including the pause after it, and the one that follows. */
let currentRefresh = null;
let nextRefresh = null;
const requestedNames = new Set();

function startRefresh() {
  const fetched = fetchResources([...requestedNames]);
  requestedNames.clear();
  const pause = () => new Promise((resolve) => setTimeout(resolve, REFRESH_PAUSE_MS));
  currentRefresh = fetched.then(pause).then(() => (currentRefresh = null));
  return fetched;
}

/** Fetches the named resources, now or after the running refresh; resolves when they are loaded. */
function refreshResources(names) {
  names.forEach((name) => requestedNames.add(name));
  if (!currentRefresh && !nextRefresh) return startRefresh();
  nextRefresh ??= currentRefresh.then(() => {
    nextRefresh = null;
    return startRefresh();
  });
  return nextRefresh;
}

const refresh = () => refreshResources(ALL_RESOURCES);
const refreshTrades = () => refreshResources(["trades"]);
/** The user's data, and the order book if the server publishes no snapshots of it. */
const refreshUser = ({ withBook }) =>
  refreshResources(withBook ? [...USER_RESOURCES, "book"] : USER_RESOURCES);

/** Fetches the market's data immediately; earlier snapshots do not take precedence over it. */
function fetchMarket() {
  lastSnapshotAt = -Infinity;
  return fetchResources(MARKET_RESOURCES);
}

/** Switches to another market and loads its order book and trades. */
function selectMarket(newSymbol) {
  if (newSymbol === symbol.value) return;
  symbol.value = newSymbol;
  localStorage.setItem(SYMBOL_KEY, newSymbol);
  [fetchedTrades, liveTrades] = [null, []];
  for (const name of MARKET_RESOURCES) Object.assign(data[name], emptyResource());
  return fetchMarket();
}

/** Replaces the order book with a snapshot that is newer than all before it. */
function applyBookSnapshot(book) {
  lastSnapshotAt = performance.now();
  Object.assign(data.book, { data: book, error: null });
  bookUpdatedAt.value = new Date();
}

/** Adds a trade that is newer than all live trades before it, with the next batch. */
function addLiveTrade(trade) {
  liveTrades = [trade, ...liveTrades].slice(0, MAX_TRADES);
  tradeBatchTimer ??= setTimeout(() => {
    tradeBatchTimer = undefined;
    mergeTrades();
  }, TRADE_BATCH_MS);
}

/** Puts the live trades in front of the fetched list, once it is loaded. */
function mergeTrades() {
  if (!fetchedTrades) return;
  liveTrades = tradesNewerThan(fetchedTrades, liveTrades);
  data.trades.data = [...liveTrades, ...fetchedTrades].slice(0, MAX_TRADES);
}

/** Clears all data, so that the next user never sees it. */
function reset() {
  for (const name of ALL_RESOURCES) {
    versions[name] = (versions[name] ?? 0) + 1;
    Object.assign(data[name], emptyResource());
  }
  lastSnapshotAt = -Infinity;
  [fetchedTrades, liveTrades] = [null, []];
}

/** The available and locked balance of each asset, USD first. */
const balances = computed(() => {
  const profile = data.profile.data;
  if (!profile) return null;
  const usd = { symbol: "USD", amount: profile.balance, locked_amount: profile.locked_balance };
  return [usd, ...profile.asset_balances];
});

export function useTrading() {
  return {
    data: readonly(data),
    balances,
    symbol: readonly(symbol),
    bookUpdatedAt: readonly(bookUpdatedAt),
    isFetching,
    refresh,
    refreshUser,
    refreshTrades,
    fetchMarket,
    applyBookSnapshot,
    addLiveTrade,
    selectMarket,
    reset,
  };
}
