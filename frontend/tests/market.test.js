// The dashboard while events of its market come: what it shows, and what it asks the API for.
import { createApp } from "vue";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

const { FakePusher, made } = await vi.hoisted(() => import("./support/pusher.js"));
vi.mock("pusher-js", () => ({ default: FakePusher }));
// One needs the router, the other a canvas; neither is looked at here.
vi.mock("../src/components/AppHeader.vue", () => ({ default: { render: () => null } }));
vi.mock("../src/components/PriceChart.vue", () => ({ default: { render: () => null } }));

/** What the API answers; `asked` is what it was asked for. */
const server = vi.hoisted(() => ({}));
vi.mock("../src/api.js", () => {
  const answer = (name, data) => async (symbol) => {
    server.asked.push(name);
    // As a database does it: what is read is what stands when it is read.
    const read = structuredClone(data(symbol));
    await server.held[`${name} ${symbol}`];
    return read;
  };
  return {
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
});

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

const trade = (id, more = {}) => ({
  id: String(id),
  symbol: "BTC",
  price: "50000",
  amount: "0.1",
  buyer_id: "8",
  seller_id: "9",
  created_at: AT,
  ...more,
});
const bid = (price, owner = "8") => ({ price, amount: "1", side: "buy", user_id: owner });
const bookWith = (...prices) => ({ asks: [], bids: prices.map((price) => bid(price)) });

let app;
let box;

/** `null` is a server that does not name its events. */
async function open(events = ALL_EVENTS) {
  const settings = { key: "local", embedded: true, symbols: ["BTC", "ETH"] };
  server.settings = events ? { ...settings, events } : settings;
  const { default: Dashboard } = await import("../src/pages/Dashboard.vue");
  app = createApp(Dashboard);
  app.component("RouterLink", { render: () => null });
  box = document.body.appendChild(document.createElement("div"));
  app.mount(box);
  await settle();
  made[0].live();
  await settle();
  server.asked = [];
}
/** Keeps the answer to whatever is asked from now on back, until what it gives is called. */
function hold(name, symbol = "BTC") {
  let release;
  server.held[`${name} ${symbol}`] = new Promise((resolve) => (release = resolve));
  return release;
}
const settle = (ms = LONG_MS) => vi.advanceTimersByTimeAsync(ms);
const asked = (name) => server.asked.filter((one) => one === name).length;
const tradesShown = () =>
  [...box.querySelectorAll(".trades tbody tr")].map(({ id }) => id.slice(6));
const levels = (selector) =>
  [...box.querySelectorAll(selector)].map(({ dataset }) => dataset.level);
const levelsShown = () => levels("[data-level]");
const ownShown = () => levels(".own[data-level]");

const emit = (channel, name, data) => made[0].channel(channel)?.emit(name, data);
let count = 0;
function executed(sequence, id, more = {}) {
  const event = { trade_id: id, symbol: "BTC", price: "50001", amount: "0.2", side: "buy" };
  const data = { event_id: `t-${++count}`, sequence, ...event, executed_at: AT, ...more };
  emit(`market.${data.symbol}`, "trade.executed", data);
}
function snapshot(sequence, prices, symbol = "BTC") {
  const bids = prices.map((price) => [price, "1"]);
  const data = { event_id: `b-${++count}`, sequence, symbol, bids, asks: [] };
  emit(`market.${symbol}`, "book.updated", data);
}

// The first import transforms the whole page, which is no part of what a test may take.
const LOAD_DEADLINE_MS = 60_000;
beforeAll(() => import("../src/pages/Dashboard.vue"), LOAD_DEADLINE_MS);

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
  app.unmount();
  box.remove();
  vi.useRealTimers();
});

describe("trades that are told", () => {
  it("stand before those that were fetched, and nothing is asked for", async () => {
    await open();
    executed(41, 5);
    executed(42, 6);
    await settle();
    expect(tradesShown()).toEqual(["6", "5", "2", "1"]);
    expect(box.querySelector("#trade-6").textContent).toContain("50,001");
    expect(server.asked).toEqual([]);
  });

  it("are shown once, although they are told twice or were fetched before", async () => {
    await open();
    executed(41, 2);
    executed(42, 5, { event_id: "same" });
    executed(42, 5, { event_id: "same" });
    executed(42, 5);
    executed(43, 6);
    await settle();
    expect(tradesShown()).toEqual(["6", "5", "2", "1"]);
    expect(server.asked).toEqual([]);
  });

  it("are fetched when one is missing, and go on from there", async () => {
    await open();
    executed(41, 5);
    server.trades.BTC = [7, 6, 5, 2, 1].map((id) => trade(id));
    executed(43, 7);
    await settle();
    expect(tradesShown()).toEqual(["7", "6", "5", "2", "1"]);
    expect(server.asked).toEqual(["trades"]);
    executed(44, 8);
    executed(42, 6);
    await settle();
    expect(tradesShown()).toEqual(["8", "7", "6", "5", "2", "1"]);
    expect(server.asked).toEqual(["trades"]);
  });

  it("are dropped when they come late: the list that was asked for has them", async () => {
    await open();
    const release = hold("trades");
    server.trades.BTC = [7, 6, 5, 2, 1].map((id) => trade(id));
    executed(41, 5);
    executed(43, 7);
    executed(42, 6);
    await settle();
    expect(tradesShown()).toEqual(["7", "5", "2", "1"]);
    release();
    await settle();
    expect(tradesShown()).toEqual(["7", "6", "5", "2", "1"]);
  });

  it("wait for the first list", async () => {
    const release = hold("trades");
    await open();
    executed(41, 5);
    await settle();
    expect(tradesShown()).toEqual([]);
    release();
    await settle();
    expect(tradesShown()).toEqual(["5", "2", "1"]);
  });

  it("are nobody's own, also for a page whose user has just logged out", async () => {
    await open();
    executed(41, 5);
    await settle();
    const { useAuth } = await import("../src/composables/useAuth.js");
    await useAuth().logOut();
    await settle();
    expect(tradesShown()).toEqual(["5", "2", "1"]);
    expect(box.querySelector(".trades").textContent).not.toMatch(/Bought|Sold/);
  });

  it("stay when an older list arrives after them", async () => {
    await open();
    const release = hold("trades");
    box.querySelector(".book header button").click();
    await settle(0);
    executed(41, 5);
    await settle();
    expect(tradesShown()).toEqual(["5", "2", "1"]);
    release();
    await settle();
    expect(asked("trades")).toBe(1);
    expect(tradesShown()).toEqual(["5", "2", "1"]);
  });

  it("are one's own once the trade is fetched, which its order.matched causes", async () => {
    await open();
    executed(41, 5);
    await settle();
    expect(box.querySelector("#trade-5").textContent).not.toContain("Bought");
    server.trades.BTC = [trade(5, { buyer_id: "7" }), trade(2), trade(1)];
    emit("private-user.7", "order.matched", {
      event_id: "m",
      trade_id: 5,
      symbol: "BTC",
      buyer_id: 7,
    });
    await settle();
    expect(box.querySelector("#trade-5").textContent).toContain("Bought");
  });

  it("cause few fetches when many of them are missing", async () => {
    await open();
    for (let sequence = 1; sequence < 200; sequence += 2) executed(sequence, 100 + sequence);
    await settle();
    expect(asked("trades")).toBe(2);
  });
});

describe("snapshots of the book", () => {
  it("replace what was fetched, and nothing is asked for", async () => {
    await open();
    expect(levelsShown()).toEqual(["100"]);
    snapshot(7, ["102", "101"]);
    await settle();
    expect(levelsShown()).toEqual(["102", "101"]);
    snapshot(8, ["101"]);
    await settle();
    expect(levelsShown()).toEqual(["101"]);
    expect(server.asked).toEqual([]);
  });

  it("are dropped when they are older than the one that is shown", async () => {
    await open();
    snapshot(8, ["102"]);
    snapshot(7, ["101"]);
    snapshot(8, ["103"]);
    await settle();
    expect(levelsShown()).toEqual(["102"]);
    snapshot(10, ["104"]);
    await settle();
    expect(levelsShown()).toEqual(["104"]);
  });

  it("mark the levels at which one's own open orders stand", async () => {
    const order = { id: "1", symbol: "BTC", side: "buy", amount: "1", filled_amount: "0" };
    const own = { ...order, price: "101", status: "1", date: "2026-01-01 00:00:00" };
    server.orders = [own, { ...own, id: "2", price: "102", status: "3" }];
    await open();
    snapshot(7, ["102", "101.0", "100"]);
    await settle();
    expect(ownShown()).toEqual(["101.0"]);
  });

  it("are not overwritten by an answer that was asked for before them", async () => {
    await open();
    const release = hold("book");
    box.querySelector(".book header button").click();
    await settle();
    snapshot(7, ["101"]);
    await settle();
    release();
    await settle();
    expect(asked("book")).toBe(1);
    expect(levelsShown()).toEqual(["101"]);
  });

  it("are not mixed with answers while they keep coming", async () => {
    await open();
    server.books.BTC = bookWith("90");
    snapshot(7, ["101"]);
    await settle(300);
    box.querySelector(".book header button").click();
    await settle();
    expect(asked("book")).toBe(1);
    expect(levelsShown()).toEqual(["101"]);
  });

  it("give way to an answer when none has come for a while: the provider may be held up", async () => {
    await open();
    snapshot(7, ["101"]);
    await settle();
    server.books.BTC = bookWith("102");
    box.querySelector(".book header button").click();
    await settle();
    expect(levelsShown()).toEqual(["102"]);
    snapshot(8, ["103"]);
    await settle();
    expect(levelsShown()).toEqual(["103"]);
  });
});

describe("another market", () => {
  it("is heard instead, with numbers of its own", async () => {
    await open();
    executed(41, 5);
    snapshot(70, ["101"]);
    await settle();
    const { useTrading } = await import("../src/composables/useTrading.js");
    useTrading().choose("ETH");
    await settle();
    expect([...made[0].channels.keys()]).toEqual(["private-user.7", "market.ETH"]);
    expect([tradesShown(), levelsShown()]).toEqual([["3"], ["10"]]);
    made[0].channel("market.ETH").emit("pusher:subscription_succeeded", {});
    await settle();
    server.asked = [];
    executed(1, 6, { symbol: "ETH" });
    snapshot(1, ["11"], "ETH");
    await settle();
    expect([tradesShown(), levelsShown()]).toEqual([["6", "3"], ["11"]]);
    expect(server.asked).toEqual([]);
  });

  it("is fetched again once its events are heard: some may have come before", async () => {
    await open();
    const { useTrading } = await import("../src/composables/useTrading.js");
    useTrading().choose("ETH");
    await settle();
    server.books.ETH = bookWith("12");
    server.trades.ETH = [trade(9), trade(3)];
    made[0].channel("market.ETH").emit("pusher:subscription_succeeded", {});
    await settle();
    expect([tradesShown(), levelsShown()]).toEqual([["9", "3"], ["12"]]);
  });
});

it("a market that was left shows no answer that comes late", async () => {
  await open();
  const releases = [hold("book"), hold("trades")];
  box.querySelector(".book header button").click();
  const { useTrading } = await import("../src/composables/useTrading.js");
  useTrading().choose("ETH");
  await settle();
  releases.forEach((release) => release());
  await settle();
  expect([tradesShown(), levelsShown()]).toEqual([["3"], ["10"]]);
});

describe("a connection that comes back", () => {
  it("fetches everything again, and the numbers begin anew", async () => {
    await open();
    executed(41, 5);
    snapshot(70, ["101"]);
    await settle(200);
    made[0].become("connecting");
    server.trades.BTC = [6, 5, 2, 1].map((id) => trade(id));
    server.books.BTC = bookWith("103");
    made[0].live();
    await settle(50);
    expect(new Set(server.asked)).toEqual(
      new Set(["profile", "orders", "history", "book", "trades"]),
    );
    expect([tradesShown(), levelsShown()]).toEqual([["6", "5", "2", "1"], ["103"]]);
    await settle();
    server.asked = [];
    executed(3, 7);
    executed(4, 8);
    snapshot(2, ["104"]);
    await settle();
    expect([tradesShown(), levelsShown()]).toEqual([["8", "7", "6", "5", "2", "1"], ["104"]]);
    expect(server.asked).toEqual([]);
  });

  it("keeps what was told until the answer is there", async () => {
    await open();
    executed(41, 5);
    await settle();
    const release = hold("trades");
    server.trades.BTC = [5, 2, 1].map((id) => trade(id));
    made[0].live();
    executed(1, 6);
    await settle();
    expect(tradesShown()).toEqual(["6", "5", "2", "1"]);
    release();
    await settle();
    expect(tradesShown()).toEqual(["6", "5", "2", "1"]);
  });
});

describe("one's own events", () => {
  const updated = (name) => emit("private-user.7", name, { event_id: `u-${++count}` });

  it.each(["order.updated", "balance.updated"])("%s is no toast, but fetches", async (name) => {
    await open();
    for (let time = 0; time < 20; time++) updated(name);
    await settle();
    for (const list of ["profile", "orders", "history"]) expect(asked(list)).toBe(2);
    expect([asked("book"), asked("trades")]).toEqual([0, 0]);
    const { useToasts } = await import("../src/composables/useToasts.js");
    expect(useToasts().toasts).toHaveLength(0);
  });

  it("fetch the book too where it is not told", async () => {
    await open(["order.matched", "order.updated"]);
    updated("order.updated");
    await settle();
    expect([asked("orders"), asked("book"), asked("trades")]).toEqual([1, 1, 0]);
  });
});

describe("a server that tells less", () => {
  it("has its book say whose the orders are", async () => {
    server.books.BTC = { asks: [], bids: [bid("101", "7"), bid("100")] };
    await open(["order.matched"]);
    expect([levelsShown(), ownShown()]).toEqual([["101", "100"], ["101"]]);
  });

  const hint = () => box.querySelector(".book header button").title;

  it.each([
    ["an older one", null],
    ["one that tells trades to their own users only", ["order.matched"]],
    ["one that tells a user's own changes too", ["order.matched", "order.updated"]],
  ])("%s: no market is heard, and the book says so", async (_, events) => {
    await open(events);
    expect(made[0].subscribed).toEqual(["private-user.7"]);
    expect(hint()).toContain("Other people's orders are not told");
  });

  it.each(["trade.executed", "book.updated"])("with %s alone its market is heard", async (name) => {
    await open(["order.matched", name]);
    expect(made[0].subscribed).toEqual(["private-user.7", "market.BTC"]);
    expect(hint().includes("not told")).toBe(name !== "book.updated");
  });
});

it("a dashboard that is left hears no market", async () => {
  await open();
  expect(made[0].channel("market.BTC")).toBeDefined();
  app.unmount();
  expect([...made[0].channels.keys()]).toEqual(["private-user.7"]);
  // Unmounting twice is an error, and the next test's end does it again.
  app = { unmount: () => {} };
});
