// A dashboard with an API and a Pusher that tests hold in their hands. Each test file mocks
// "../src/api.js" by `api` and "pusher-js" by the fake of fakePusher.js beside this file.
import { createApp } from "vue";
import { afterEach, beforeAll, beforeEach, vi } from "vitest";
import { made } from "./fakePusher.js";

/** What the API answers; `asked` is what it was asked for. */
export const server = {};

const answer = (name, data) => async (symbol) => {
  server.asked.push(name);
  // As a database does it: what is read is what stands when it is read.
  const read = structuredClone(data(symbol));
  await server.held[`${name} ${symbol}`];
  return read;
};
export const api = {
  useSession: () => {},
  authorizeChannel: async () => ({ auth: "k:s" }),
  logOut: async () => ({}),
  settings: async () => server.settings,
  user: async () => ({ id: "7", name: "Alice" }),
  profile: answer("profile", () => ({
    balance: "1",
    locked_balance: "0",
    asset_balances: [],
  })),
  orders: answer("orders", () => server.orders),
  history: answer("history", () => []),
  book: answer("book", (symbol) => server.books[symbol]),
  trades: answer("trades", (symbol) => server.trades[symbol]),
};

const ALL_EVENTS = [
  "order.matched",
  "order.updated",
  "balance.updated",
  "trade.executed",
  "book.updated",
];
// Longer than whatever the page waits for by itself.
const LONG_MS = 5_000;
const AT = "2026-01-01T00:00:00.000000Z";

export const trade = (id, more = {}) => ({
  id: String(id),
  symbol: "BTC",
  price: "50000",
  amount: "0.1",
  buyer_id: "8",
  seller_id: "9",
  created_at: AT,
  ...more,
});
export const bid = (price, owner = "8") => ({ price, amount: "1", side: "buy", user_id: owner });
export const bookWith = (...prices) => ({ asks: [], bids: prices.map((price) => bid(price)) });

/** The page of the test. */
export const page = { app: null, box: null };

/** `null` is a server that does not name its events. */
export async function open(events = ALL_EVENTS) {
  const settings = { key: "local", embedded: true, symbols: ["BTC", "ETH"] };
  server.settings = events ? { ...settings, events } : settings;
  const { default: Dashboard } = await import("../../src/pages/Dashboard.vue");
  page.app = createApp(Dashboard);
  page.app.component("RouterLink", { render: () => null });
  page.box = document.body.appendChild(document.createElement("div"));
  page.app.mount(page.box);
  await settle();
  made[0].live();
  await settle();
  server.asked = [];
}
/** Keeps the answer to whatever is asked from now on back, until what it gives is called. */
export function hold(name, symbol = "BTC") {
  let release;
  server.held[`${name} ${symbol}`] = new Promise((resolve) => (release = resolve));
  return release;
}
export const settle = (ms = LONG_MS) => vi.advanceTimersByTimeAsync(ms);
export const asked = (name) => server.asked.filter((one) => one === name).length;
export const tradesShown = () =>
  [...page.box.querySelectorAll(".trades tbody tr")].map(({ id }) => id.slice(6));
const levels = (selector) =>
  [...page.box.querySelectorAll(selector)].map(({ dataset }) => dataset.level);
export const levelsShown = () => levels("[data-level]");
export const ownShown = () => levels(".own[data-level]");

export const emit = (channel, name, data) => made[0].channel(channel)?.emit(name, data);
/** Of the events so far: each has an id of its own. */
export const told = { count: 0 };
export function executed(sequence, id, more = {}) {
  const event = { trade_id: id, symbol: "BTC", price: "50001", amount: "0.2", side: "buy" };
  const data = { event_id: `t-${++told.count}`, sequence, ...event, executed_at: AT, ...more };
  emit(`market.${data.symbol}`, "trade.executed", data);
}
export function snapshot(sequence, prices, symbol = "BTC") {
  const bids = prices.map((price) => [price, "1"]);
  const data = { event_id: `b-${++told.count}`, sequence, symbol, bids, asks: [] };
  emit(`market.${symbol}`, "book.updated", data);
}

// The first import transforms the whole page, which is no part of what a test may take.
const LOAD_DEADLINE_MS = 60_000;
beforeAll(() => import("../../src/pages/Dashboard.vue"), LOAD_DEADLINE_MS);

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  made.length = 0;
  localStorage.clear();
  localStorage.setItem("auth_token", "of-alice");
  Object.assign(server, {
    asked: [],
    held: {},
    orders: [],
    books: { BTC: bookWith("100"), ETH: bookWith("10") },
    trades: { BTC: [trade(2), trade(1)], ETH: [trade(3, { symbol: "ETH" })] },
  });
});
afterEach(() => {
  page.app.unmount();
  page.box.remove();
  vi.useRealTimers();
});
