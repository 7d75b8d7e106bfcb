// The dashboard while market events arrive: what it displays and what it fetches.
import { describe, expect, it } from "vitest";
import {
  server,
  page,
  trade,
  historyRow,
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

describe("live trades", () => {
  it("are displayed before the fetched ones without any request", async () => {
    await openDashboard();
    emitTrade(41, 5);
    emitTrade(42, 6);
    await settle();
    expect(displayedTrades()).toEqual(["6", "5", "2", "1"]);
    expect(page.root.querySelector("#trade-6").textContent).toContain("50,001");
    expect(server.requests).toEqual([]);
  });

  it("are displayed once even if they are delivered twice or were fetched before", async () => {
    await openDashboard();
    emitTrade(41, 2);
    emitTrade(42, 5, { event_id: "same" });
    emitTrade(42, 5, { event_id: "same" });
    emitTrade(42, 5);
    emitTrade(43, 6);
    await settle();
    expect(displayedTrades()).toEqual(["6", "5", "2", "1"]);
    expect(server.requests).toEqual([]);
  });

  it("are fetched if one is missing, and continue from there", async () => {
    await openDashboard();
    emitTrade(41, 5);
    server.trades.BTC = [7, 6, 5, 2, 1].map((id) => trade(id));
    emitTrade(43, 7);
    await settle();
    expect(displayedTrades()).toEqual(["7", "6", "5", "2", "1"]);
    expect(server.requests).toEqual(["trades"]);
    emitTrade(44, 8);
    emitTrade(42, 6);
    await settle();
    expect(displayedTrades()).toEqual(["8", "7", "6", "5", "2", "1"]);
    expect(server.requests).toEqual(["trades"]);
  });

  it("are dropped if they arrive late, because the fetched list contains them", async () => {
    await openDashboard();
    const release = delay("trades");
    server.trades.BTC = [7, 6, 5, 2, 1].map((id) => trade(id));
    emitTrade(41, 5);
    emitTrade(43, 7);
    emitTrade(42, 6);
    await settle();
    expect(displayedTrades()).toEqual(["7", "5", "2", "1"]);
    release();
    await settle();
    expect(displayedTrades()).toEqual(["7", "6", "5", "2", "1"]);
  });

  it("are displayed only after the first list is loaded", async () => {
    const release = delay("trades");
    await openDashboard();
    emitTrade(41, 5);
    await settle();
    expect(displayedTrades()).toEqual([]);
    release();
    await settle();
    expect(displayedTrades()).toEqual(["5", "2", "1"]);
  });

  it("are not marked as the user's, even after a logout", async () => {
    await openDashboard();
    emitTrade(41, 5);
    await settle();
    const { useAuth } = await import("../src/composables/useAuth.js");
    await useAuth().logOut();
    await settle();
    expect(displayedTrades()).toEqual(["5", "2", "1"]);
    expect(page.root.querySelector(".trades").textContent).not.toMatch(/Bought|Sold/);
  });

  it("stay when an older list arrives after them", async () => {
    await openDashboard();
    const release = delay("trades");
    page.root.querySelector(".book header button").click();
    await settle(0);
    emitTrade(41, 5);
    await settle();
    expect(displayedTrades()).toEqual(["5", "2", "1"]);
    release();
    await settle();
    expect(requestCount("trades")).toBe(1);
    expect(displayedTrades()).toEqual(["5", "2", "1"]);
  });

  it("are marked as the user's once order.matched causes a fetch", async () => {
    await openDashboard();
    emitTrade(41, 5);
    await settle();
    expect(page.root.querySelector("#trade-5").textContent).not.toContain("Bought");
    server.history = [
      historyRow("Trade", "5", "BTC", "0.2"),
      historyRow("Trade", "5", "USD", "0"),
      historyRow("Trade", "2", "BTC", "0"),
      historyRow("Order", "1", "BTC", "0.2"),
    ];
    emit("private-user.7", "order.matched", {
      event_id: "m",
      trade_id: 5,
      symbol: "BTC",
      buyer_id: 7,
    });
    await settle();
    expect(page.root.querySelector("#trade-5").textContent).toContain("Bought");
    expect(page.root.querySelector("#trade-2").textContent).toContain("Sold");
    expect(page.root.querySelector("#trade-1").textContent).not.toMatch(/Bought|Sold/);
  });

  it("cause at most two fetches if many of them are missing", async () => {
    await openDashboard();
    for (let sequence = 1; sequence < 200; sequence += 2) emitTrade(sequence, 100 + sequence);
    await settle();
    expect(requestCount("trades")).toBe(2);
  });
});

describe("snapshots of the order book", () => {
  it("replace the fetched book without any request", async () => {
    await openDashboard();
    expect(displayedLevels()).toEqual(["100"]);
    emitBook(7, ["102", "101"]);
    await settle();
    expect(displayedLevels()).toEqual(["102", "101"]);
    emitBook(8, ["101"]);
    await settle();
    expect(displayedLevels()).toEqual(["101"]);
    expect(server.requests).toEqual([]);
  });

  it("are dropped if they are older than the displayed one", async () => {
    await openDashboard();
    emitBook(8, ["102"]);
    emitBook(7, ["101"]);
    emitBook(8, ["103"]);
    await settle();
    expect(displayedLevels()).toEqual(["102"]);
    emitBook(10, ["104"]);
    await settle();
    expect(displayedLevels()).toEqual(["104"]);
  });

  it("mark the levels of the user's open orders", async () => {
    const order = { id: "1", symbol: "BTC", side: "buy", amount: "1", filled_amount: "0" };
    const own = { ...order, price: "101", status: "1", date: "2026-01-01 00:00:00" };
    server.orders = [own, { ...own, id: "2", price: "102", status: "3" }];
    await openDashboard();
    emitBook(7, ["102", "101.0", "100"]);
    await settle();
    expect(markedLevels()).toEqual(["101.0"]);
  });

  it("are not overwritten by a response to an earlier request", async () => {
    await openDashboard();
    const release = delay("book");
    page.root.querySelector(".book header button").click();
    await settle();
    emitBook(7, ["101"]);
    await settle();
    release();
    await settle();
    expect(requestCount("book")).toBe(1);
    expect(displayedLevels()).toEqual(["101"]);
  });

  it("take precedence over responses while they keep arriving", async () => {
    await openDashboard();
    server.books.BTC = bookWith("90");
    emitBook(7, ["101"]);
    await settle(300);
    page.root.querySelector(".book header button").click();
    await settle();
    expect(requestCount("book")).toBe(1);
    expect(displayedLevels()).toEqual(["101"]);
  });

  it("give way to a response if none has arrived for a while", async () => {
    await openDashboard();
    emitBook(7, ["101"]);
    await settle();
    server.books.BTC = bookWith("102");
    page.root.querySelector(".book header button").click();
    await settle();
    expect(displayedLevels()).toEqual(["102"]);
    emitBook(8, ["103"]);
    await settle();
    expect(displayedLevels()).toEqual(["103"]);
  });
});
