// What the dashboard shows, fetched together and shared by its components.
//
// A re-fetch that is asked for while one runs follows it once, however often it was asked for.
import { computed, reactive, readonly, ref } from "vue";
import * as api from "../api.js";

const SYMBOL_KEY = "symbol";
/** The least time between two re-fetches: a burst of events causes few of them. */
const PAUSE_MS = 400;

const resource = () => ({ data: null, error: null });
const data = reactive({
  profile: resource(),
  orders: resource(),
  history: resource(),
  book: resource(),
  trades: resource(),
});
const symbol = ref(localStorage.getItem(SYMBOL_KEY) ?? "BTC");
const fetchedAt = ref(null);
const isFetching = ref(false);

const readers = {
  profile: api.profile,
  orders: api.orders,
  history: api.history,
  book: () => api.book(symbol.value),
  trades: () => api.trades(symbol.value),
};
const OF_MARKET = ["book", "trades"];
// An answer may be older than one that has arrived already.
const versions = {};

async function read(name) {
  const version = (versions[name] = (versions[name] ?? 0) + 1);
  const outcome = await readers[name]().then(
    (answer) => ({ data: answer, error: null }),
    (error) => ({ data: data[name].data, error }),
  );
  if (versions[name] === version) Object.assign(data[name], outcome);
}

async function readAll(names) {
  isFetching.value = true;
  await Promise.all(names.map(read));
  isFetching.value = false;
  fetchedAt.value = new Date();
}

/** The fetch under way, with the pause behind it. */
let current = null;
let following = null;

function start() {
  const fetched = readAll(Object.keys(readers));
  const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  current = fetched.then(pause).then(() => (current = null));
  return fetched;
}

/** Fetches everything, soon; resolves when what was asked for here is on the page. */
function refresh() {
  if (!current && !following) return start();
  following ??= current.then(() => {
    following = null;
    return start();
  });
  return following;
}

/** Another market: its book and trades, the rest stays. */
function choose(newSymbol) {
  if (newSymbol === symbol.value) return;
  symbol.value = newSymbol;
  localStorage.setItem(SYMBOL_KEY, newSymbol);
  for (const name of OF_MARKET) Object.assign(data[name], resource());
  return readAll(OF_MARKET);
}

/** Nothing of one user is shown to the next. */
function forgetAll() {
  for (const name of Object.keys(readers)) {
    versions[name] = (versions[name] ?? 0) + 1;
    Object.assign(data[name], resource());
  }
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
    fetchedAt: readonly(fetchedAt),
    isFetching: readonly(isFetching),
    refresh,
    choose,
    forgetAll,
  };
}
