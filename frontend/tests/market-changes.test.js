// The dashboard across changes of market, connection and server settings.
import { describe, expect, it } from "vitest";
import {
  emitted,
  server,
  page,
  trade,
  bid,
  bookWith,
  openDashboard,
  delay,
  settle,
  requestCount,
  displayedTrades,
  displayedLevels,
  markedLevels,
  emit,
  emitTrade,
  emitBook,
} from "./support/dashboard.js";
import { instances } from "./support/fakePusher.js";

describe("after switching to another market, the page", () => {
  it("subscribes to it instead, with an independent sequence", async () => {
    await openDashboard();
    emitTrade(41, 5);
    emitBook(70, ["101"]);
    await settle();
    const { useTrading } = await import("../src/composables/useTrading.js");
    useTrading().selectMarket("ETH");
    await settle();
    expect([...instances[0].channels.keys()]).toEqual(["private-user.7", "market.ETH"]);
    expect([displayedTrades(), displayedLevels()]).toEqual([["3"], ["10"]]);
    instances[0].channel("market.ETH").emit("pusher:subscription_succeeded", {});
    await settle();
    server.requests = [];
    emitTrade(1, 6, { symbol: "ETH" });
    emitBook(1, ["11"], "ETH");
    await settle();
    expect([displayedTrades(), displayedLevels()]).toEqual([["6", "3"], ["11"]]);
    expect(server.requests).toEqual([]);
  });

  it("fetches it again after the subscription, because events may have been missed", async () => {
    await openDashboard();
    const { useTrading } = await import("../src/composables/useTrading.js");
    useTrading().selectMarket("ETH");
    await settle();
    server.books.ETH = bookWith("12");
    server.trades.ETH = [trade(9), trade(3)];
    instances[0].channel("market.ETH").emit("pusher:subscription_succeeded", {});
    await settle();
    expect([displayedTrades(), displayedLevels()]).toEqual([["9", "3"], ["12"]]);
  });
});

it("a late response for the previous market is not displayed", async () => {
  await openDashboard();
  const releases = [delay("book"), delay("trades")];
  page.root.querySelector(".book header button").click();
  const { useTrading } = await import("../src/composables/useTrading.js");
  useTrading().selectMarket("ETH");
  await settle();
  releases.forEach((release) => release());
  await settle();
  expect([displayedTrades(), displayedLevels()]).toEqual([["3"], ["10"]]);
});

describe("after a reconnect, the page", () => {
  it("fetches everything again and restarts the sequences", async () => {
    await openDashboard();
    emitTrade(41, 5);
    emitBook(70, ["101"]);
    await settle(200);
    instances[0].setState("connecting");
    server.trades.BTC = [6, 5, 2, 1].map((id) => trade(id));
    server.books.BTC = bookWith("103");
    instances[0].connectAndSubscribe();
    await settle(50);
    expect(new Set(server.requests)).toEqual(
      new Set(["profile", "orders", "history", "book", "trades", "ticker"]),
    );
    expect([displayedTrades(), displayedLevels()]).toEqual([["6", "5", "2", "1"], ["103"]]);
    await settle();
    server.requests = [];
    emitTrade(3, 7);
    emitTrade(4, 8);
    emitBook(2, ["104"]);
    await settle();
    expect([displayedTrades(), displayedLevels()]).toEqual([
      ["8", "7", "6", "5", "2", "1"],
      ["104"],
    ]);
    expect(server.requests).toEqual([]);
  });

  it("keeps live trades until the response arrives", async () => {
    await openDashboard();
    emitTrade(41, 5);
    await settle();
    const release = delay("trades");
    server.trades.BTC = [5, 2, 1].map((id) => trade(id));
    instances[0].connectAndSubscribe();
    emitTrade(1, 6);
    await settle();
    expect(displayedTrades()).toEqual(["6", "5", "2", "1"]);
    release();
    await settle();
    expect(displayedTrades()).toEqual(["6", "5", "2", "1"]);
  });
});

describe("events on the user's channel", () => {
  const emitUpdate = (name) => emit("private-user.7", name, { event_id: `u-${++emitted.count}` });

  it.each(["order.updated", "balance.updated"])("%s causes a fetch and no toast", async (name) => {
    await openDashboard();
    for (let count = 0; count < 20; count++) emitUpdate(name);
    await settle();
    for (const list of ["profile", "orders", "history"]) expect(requestCount(list)).toBe(2);
    expect([requestCount("book"), requestCount("trades")]).toEqual([0, 0]);
    const { useToasts } = await import("../src/composables/useToasts.js");
    expect(useToasts().toasts).toHaveLength(0);
  });

  it("order.matched during a fetch causes another one, before its toast", async () => {
    await openDashboard(["order.matched"]);
    const { useToasts } = await import("../src/composables/useToasts.js");
    const { toasts } = useToasts();
    const emitMatched = (id) => {
      const data = { event_id: `m-${id}`, trade_id: id, symbol: "BTC", buyer_id: 7 };
      emit("private-user.7", "order.matched", { ...data, price: 50000, amount: 0.1 });
    };
    const release = delay("trades");
    emitMatched(1);
    await settle(0);
    emitMatched(2);
    emitMatched(3);
    await settle(0);
    expect([requestCount("profile"), toasts.length]).toEqual([1, 0]);
    release();
    await settle(0);
    expect([requestCount("profile"), toasts.length]).toEqual([1, 1]);
    await settle();
    expect([requestCount("profile"), toasts.length]).toEqual([2, 3]);
  });

  it("cause a fetch of the book if the server does not publish it", async () => {
    await openDashboard(["order.matched", "order.updated"]);
    emitUpdate("order.updated");
    await settle();
    expect([requestCount("orders"), requestCount("book"), requestCount("trades")]).toEqual([
      1, 1, 0,
    ]);
  });
});

describe("with a server that publishes fewer events", () => {
  it("the user's orders are marked by the user ids of the book", async () => {
    server.books.BTC = { asks: [], bids: [bid("101", "7"), bid("100")] };
    await openDashboard(["order.matched"]);
    expect([displayedLevels(), markedLevels()]).toEqual([["101", "100"], ["101"]]);
  });

  const hint = () => page.root.querySelector(".book header button").title;

  it.each([
    ["does not list its events", null],
    ["publishes only order.matched", ["order.matched"]],
    ["publishes only user events", ["order.matched", "order.updated"]],
  ])("that %s, no market is subscribed and the book explains it", async (_, events) => {
    await openDashboard(events);
    expect(instances[0].subscribed).toEqual(["private-user.7"]);
    expect(hint()).toContain("Other users' orders do not update automatically");
  });

  it.each(["trade.executed", "book.updated"])(
    "and %s is enabled, the market is subscribed",
    async (name) => {
      await openDashboard(["order.matched", name]);
      expect(instances[0].subscribed).toEqual(["private-user.7", "market.BTC"]);
      expect(hint().includes("do not update")).toBe(name !== "book.updated");
    },
  );
});

it("leaving the dashboard unsubscribes from the market", async () => {
  await openDashboard();
  expect(instances[0].channel("market.BTC")).toBeDefined();
  page.app.unmount();
  expect([...instances[0].channels.keys()]).toEqual(["private-user.7"]);
  // afterEach unmounts again, which would be an error.
  page.app = { unmount: () => {} };
});
