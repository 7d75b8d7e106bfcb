// The dashboard between markets, connections and servers: what it hears, and what it still shows.
import { describe, expect, it, vi } from "vitest";

const { FakePusher, made } = await vi.hoisted(() => import("./support/fakePusher.js"));
const dashboard = await vi.hoisted(() => import("./support/dashboard.js"));
vi.mock("pusher-js", () => ({ default: FakePusher }));
vi.mock("../src/api.js", () => dashboard.api);
// One needs the router, the other a canvas; neither is looked at here.
vi.mock("../src/components/AppHeader.vue", () => ({ default: { render: () => null } }));
vi.mock("../src/components/PriceChart.vue", () => ({ default: { render: () => null } }));

const {
  told,
  server,
  page,
  trade,
  bid,
  bookWith,
  open,
  hold,
  settle,
  asked,
  tradesShown,
  levelsShown,
  ownShown,
  emit,
  executed,
  snapshot,
} = dashboard;

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
  page.box.querySelector(".book header button").click();
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
  const updated = (name) => emit("private-user.7", name, { event_id: `u-${++told.count}` });

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

  const hint = () => page.box.querySelector(".book header button").title;

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
  page.app.unmount();
  expect([...made[0].channels.keys()]).toEqual(["private-user.7"]);
  // Unmounting twice is an error, and the next test's end does it again.
  page.app = { unmount: () => {} };
});
