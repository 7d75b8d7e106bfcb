// The dashboard while events of its market come: what it shows, and what it asks the API for.
import { describe, expect, it, vi } from "vitest";

const { FakePusher } = await vi.hoisted(() => import("./support/fakePusher.js"));
const dashboard = await vi.hoisted(() => import("./support/dashboard.js"));
vi.mock("pusher-js", () => ({ default: FakePusher }));
vi.mock("../src/api.js", () => dashboard.api);
// One needs the router, the other a canvas; neither is looked at here.
vi.mock("../src/components/AppHeader.vue", () => ({ default: { render: () => null } }));
vi.mock("../src/components/PriceChart.vue", () => ({ default: { render: () => null } }));

const {
  server,
  page,
  trade,
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

describe("trades that are told", () => {
  it("stand before those that were fetched, and nothing is asked for", async () => {
    await open();
    executed(41, 5);
    executed(42, 6);
    await settle();
    expect(tradesShown()).toEqual(["6", "5", "2", "1"]);
    expect(page.box.querySelector("#trade-6").textContent).toContain("50,001");
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
    expect(page.box.querySelector(".trades").textContent).not.toMatch(/Bought|Sold/);
  });

  it("stay when an older list arrives after them", async () => {
    await open();
    const release = hold("trades");
    page.box.querySelector(".book header button").click();
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
    expect(page.box.querySelector("#trade-5").textContent).not.toContain("Bought");
    server.trades.BTC = [trade(5, { buyer_id: "7" }), trade(2), trade(1)];
    emit("private-user.7", "order.matched", {
      event_id: "m",
      trade_id: 5,
      symbol: "BTC",
      buyer_id: 7,
    });
    await settle();
    expect(page.box.querySelector("#trade-5").textContent).toContain("Bought");
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
    page.box.querySelector(".book header button").click();
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
    page.box.querySelector(".book header button").click();
    await settle();
    expect(asked("book")).toBe(1);
    expect(levelsShown()).toEqual(["101"]);
  });

  it("give way to an answer when none has come for a while", async () => {
    await open();
    snapshot(7, ["101"]);
    await settle();
    server.books.BTC = bookWith("102");
    page.box.querySelector(".book header button").click();
    await settle();
    expect(levelsShown()).toEqual(["102"]);
    snapshot(8, ["103"]);
    await settle();
    expect(levelsShown()).toEqual(["103"]);
  });
});
