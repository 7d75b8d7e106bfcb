// Mounts the dashboard with a fake API and a fake of pusher-js. Importing this file installs both.
import { createApp } from "vue";
import { afterEach, beforeAll, beforeEach, vi } from "vitest";
import { FakePusher, instances } from "./fakePusher.js";

vi.mock("pusher-js/with-encryption", () => ({ default: FakePusher }));
vi.mock("../../src/api.js", () => api);
// These need a router and a canvas, and are not part of these tests.
vi.mock("../../src/components/AppHeader.vue", () => ({ default: { render: () => null } }));
vi.mock("../../src/components/PriceChart.vue", () => ({ default: { render: () => null } }));

/** The data of the fake API, and in `requests` the names of the resources that were fetched. */
export const server = {};

const respond = (name, data) => async (symbol) => {
  server.requests.push(name);
  // The response contains the state at the time of the request, even if it is delayed.
  const response = structuredClone(data(symbol));
  await server.delays[`${name} ${symbol}`];
  return response;
};
const TICKER = {
  last: null,
  open: null,
  high: null,
  low: null,
  volume: "0",
  quote_volume: "0",
  change: null,
  change_percent: null,
};
const api = {
  setSession: () => {},
  authorizeChannel: async () => ({ auth: "k:s" }),
  logOut: async () => ({}),
  placeOrder: async () => ({}),
  settings: async () => server.settings,
  markets: async () => [],
  user: async () => ({ id: "7", name: "Alice" }),
  profile: respond("profile", () => ({
    balance: "1",
    locked_balance: "0",
    asset_balances: [],
  })),
  orders: respond("orders", () => server.orders),
  ticker: respond("ticker", () => TICKER),
  userTrades: respond("userTrades", () => []),
  history: respond("history", () => server.history),
  book: respond("book", (symbol) => server.books[symbol]),
  trades: respond("trades", (symbol) => server.trades[symbol]),
};

const ALL_EVENTS = [
  "order.matched",
  "order.updated",
  "balance.updated",
  "trade.executed",
  "book.updated",
];
// Longer than all timers of the page.
const SETTLE_MS = 5_000;
const TIMESTAMP = "2026-01-01T00:00:00.000000Z";

export const trade = (id, more = {}) => ({
  id: String(id),
  symbol: "BTC",
  price: "50000",
  amount: "0.1",
  created_at: TIMESTAMP,
  ...more,
});
export const historyRow = (type, reference, currency, credit) => ({
  id: `${type}-${reference}-${currency}`,
  currency,
  balance: "1",
  action: type === "Trade" ? "trade_completed" : "order_refund",
  credit,
  debit: "0",
  value: null,
  commission: null,
  description: `${type} #${reference}`,
  reference_type: type,
  reference_id: reference,
  date: TIMESTAMP,
});
export const bid = (price, owner = "8") => ({ price, amount: "1", side: "buy", user_id: owner });
export const bookWith = (...prices) => ({ asks: [], bids: prices.map((price) => bid(price)) });

/** The mounted page. */
export const page = { app: null, root: null };

/** `null` simulates a server that does not list its events. */
export async function openDashboard(events = ALL_EVENTS) {
  const settings = { key: "local", embedded: true, symbols: ["BTC", "ETH"] };
  server.settings = events ? { ...settings, events } : settings;
  const { default: Dashboard } = await import("../../src/pages/Dashboard.vue");
  page.app = createApp(Dashboard);
  page.app.component("RouterLink", { render: () => null });
  page.root = document.body.appendChild(document.createElement("div"));
  page.app.mount(page.root);
  await settle();
  instances[0].connectAndSubscribe();
  await settle();
  server.requests = [];
}
/** Delays the response to later requests until the returned function is called. */
export function delay(name, symbol = "BTC") {
  let release;
  server.delays[`${name} ${symbol}`] = new Promise((resolve) => (release = resolve));
  return release;
}
export const settle = (ms = SETTLE_MS) => vi.advanceTimersByTimeAsync(ms);
export const requestCount = (name) => server.requests.filter((one) => one === name).length;
export const displayedTrades = () =>
  [...page.root.querySelectorAll(".trades tbody tr")].map(({ id }) => id.slice(6));
const levels = (selector) =>
  [...page.root.querySelectorAll(selector)].map(({ dataset }) => dataset.level);
export const displayedLevels = () => levels("[data-level]");
export const markedLevels = () => levels(".own[data-level]");

export const emit = (channel, name, data) => instances[0].channel(channel)?.emit(name, data);
/** The number of emitted events, from which each event gets a unique id. */
export const emitted = { count: 0 };
export function emitTrade(sequence, id, more = {}) {
  const event = { trade_id: id, symbol: "BTC", price: "50001", amount: "0.2", side: "buy" };
  const data = {
    event_id: `t-${++emitted.count}`,
    sequence,
    ...event,
    executed_at: TIMESTAMP,
    ...more,
  };
  emit(`market.${data.symbol}`, "trade.executed", data);
}
export function emitBook(sequence, prices, symbol = "BTC") {
  const bids = prices.map((price) => [price, "1"]);
  const data = { event_id: `b-${++emitted.count}`, sequence, symbol, bids, asks: [] };
  emit(`market.${symbol}`, "book.updated", data);
}

// The first import transforms the whole page, which may take longer than the timeout of a test.
const LOAD_TIMEOUT_MS = 60_000;
beforeAll(() => import("../../src/pages/Dashboard.vue"), LOAD_TIMEOUT_MS);

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  instances.length = 0;
  localStorage.clear();
  localStorage.setItem("auth_token", "of-alice");
  Object.assign(server, {
    requests: [],
    delays: {},
    orders: [],
    history: [],
    books: { BTC: bookWith("100"), ETH: bookWith("10") },
    trades: { BTC: [trade(2), trade(1)], ETH: [trade(3, { symbol: "ETH" })] },
  });
});
afterEach(() => {
  page.app.unmount();
  page.root.remove();
  vi.useRealTimers();
});
