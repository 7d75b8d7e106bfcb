// What the dashboard shows, fetched together and shared by its components.
//
// A re-fetch that is asked for while one runs follows it once, however often it was asked for. Of
// the chosen market events may tell more: each trade, which goes before the fetched list, and
// snapshots of the book.
//
// Which book is newer, a fetched one or a snapshot, nothing says. While snapshots come the book is
// theirs: an answer that was asked for less than QUIET_MS after one, or before it, is dropped, or
// levels would come and go as older and newer take turns. Another snapshot is due soon then. In a
// market where none has come for longer, or none yet since it was chosen or the connection came
// back, the answer is taken: it is no older than the last snapshot, and it is what remains where
// the provider is held up.
import { computed, reactive, readonly, ref } from "vue";
import * as api from "../api.js";
import { TRADES_SHOWN, newerThan } from "../lib/trades.js";

const SYMBOL_KEY = "symbol";
/** The least time between two re-fetches: a burst of events causes few of them. */
const PAUSE_MS = 400;
/** Longer than a server lets pass between two snapshots of a book that changes: once a second. */
const QUIET_MS = 1_500;
/** Trades of a burst are put onto the page together: each time the chart is drawn anew. */
const GATHER_MS = 100;

const resource = () => ({ data: null, error: null });
const data = reactive({
  profile: resource(),
  orders: resource(),
  history: resource(),
  book: resource(),
  trades: resource(),
});
const symbol = ref(localStorage.getItem(SYMBOL_KEY) ?? "BTC");
const bookAt = ref(null);
const fetches = ref(0);
const isFetching = computed(() => fetches.value > 0);

const readers = {
  profile: api.profile,
  orders: api.orders,
  history: api.history,
  book: () => api.book(symbol.value),
  trades: () => api.trades(symbol.value),
};
const ALL = Object.keys(readers);
const OF_MARKET = ["book", "trades"];
const OF_USER = ALL.filter((name) => !OF_MARKET.includes(name));
// An answer may be older than one that has arrived already.
const versions = {};

let snapshotAt = -Infinity;
/** The list of trades as it was fetched, and those that came since, newest first. */
let listed = null;
let told = [];
let gathering;

async function read(name) {
  const version = (versions[name] = (versions[name] ?? 0) + 1);
  const askedAt = performance.now();
  const outcome = await readers[name]().then(
    (answer) => ({ data: answer, error: null }),
    (error) => ({ data: data[name].data, error }),
  );
  if (versions[name] !== version) return;
  if (name === "book" && askedAt < snapshotAt + QUIET_MS) return;
  Object.assign(data[name], outcome);
  if (!outcome.error) onAnswer[name]?.();
}

const onAnswer = {
  book: () => (bookAt.value = new Date()),
  trades: () => {
    listed = data.trades.data;
    showTrades();
  },
};

async function readAll(names) {
  fetches.value++;
  await Promise.all(names.map(read));
  fetches.value--;
}

/** The fetch under way, with the pause behind it. */
let current = null;
let following = null;
const wanted = new Set();

function start() {
  const fetched = readAll([...wanted]);
  wanted.clear();
  const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  current = fetched.then(pause).then(() => (current = null));
  return fetched;
}

/** Fetches what is named, soon; resolves when what was asked for here is on the page. */
function fetchSoon(names) {
  names.forEach((name) => wanted.add(name));
  if (!current && !following) return start();
  following ??= current.then(() => {
    following = null;
    return start();
  });
  return following;
}

const refresh = () => fetchSoon(ALL);
const refreshTrades = () => fetchSoon(["trades"]);
/** What is the user's own, and the book where no snapshot tells that it has changed with it. */
const refreshOwn = ({ withBook }) => fetchSoon(withBook ? [...OF_USER, "book"] : OF_USER);

/** Everything of the market, at once; no snapshot from before keeps an answer away. */
function fetchMarket() {
  snapshotAt = -Infinity;
  return readAll(OF_MARKET);
}

/** Another market: its book and trades, the rest stays. */
function choose(newSymbol) {
  if (newSymbol === symbol.value) return;
  symbol.value = newSymbol;
  localStorage.setItem(SYMBOL_KEY, newSymbol);
  [listed, told] = [null, []];
  for (const name of OF_MARKET) Object.assign(data[name], resource());
  return fetchMarket();
}

/** A snapshot of the market's book, newer than any before. */
function showBook(book) {
  snapshotAt = performance.now();
  Object.assign(data.book, { data: book, error: null });
  bookAt.value = new Date();
}

/** A trade of the market, newer than any told before; it is on the page in a moment. */
function addTrade(trade) {
  told = [trade, ...told].slice(0, TRADES_SHOWN);
  gathering ??= setTimeout(() => {
    gathering = undefined;
    showTrades();
  }, GATHER_MS);
}

/** The list as fetched, with what was told since before it. Nothing while there is no list. */
function showTrades() {
  if (!listed) return;
  told = newerThan(listed, told);
  data.trades.data = [...told, ...listed].slice(0, TRADES_SHOWN);
}

/** Nothing of one user is shown to the next. */
function forgetAll() {
  for (const name of ALL) {
    versions[name] = (versions[name] ?? 0) + 1;
    Object.assign(data[name], resource());
  }
  snapshotAt = -Infinity;
  [listed, told] = [null, []];
}

/** Available and locked of each asset, USD first. */
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
    bookAt: readonly(bookAt),
    isFetching,
    refresh,
    refreshOwn,
    refreshTrades,
    fetchMarket,
    showBook,
    addTrade,
    choose,
    forgetAll,
  };
}
