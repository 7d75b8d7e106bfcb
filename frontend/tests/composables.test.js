import { beforeEach, describe, expect, it, vi } from "vitest";
import { byNumber, byText, useTable } from "../src/composables/useTable.js";

describe("a table", () => {
  const rows = [
    { id: "10", name: "b" },
    { id: "9", name: "c" },
    { id: "100", name: "a" },
  ];
  const columns = { id: byNumber("id"), name: byText("name") };
  const ids = (table) => table.shown.value.map(({ id }) => id);

  it("sorts by number up, down, and as it came", () => {
    const table = useTable(() => rows, columns);
    const orders = [ids(table)];
    for (let click = 0; click < 3; click++) {
      table.sortBy("id");
      orders.push(ids(table), table.sortOf("id"));
    }
    expect(orders).toEqual([
      ["10", "9", "100"],
      ["9", "10", "100"],
      "ascending",
      ["100", "10", "9"],
      "descending",
      ["10", "9", "100"],
      "none",
    ]);
    expect(table.sortOf("name")).toBe("none");
  });

  it("turns pages, and to the page of a row", () => {
    const table = useTable(() => rows, columns, { pageLength: 2 });
    expect([table.pages.value, ids(table)]).toEqual([2, ["10", "9"]]);
    expect(table.showRow(({ id }) => id === "100")).toBe(true);
    expect(ids(table)).toEqual(["100"]);
    expect(table.showRow(({ id }) => id === "5")).toBe(false);
  });
});

describe("fetching", () => {
  let calls;
  let answers;
  let trading;

  beforeEach(async () => {
    vi.resetModules();
    calls = [];
    answers = [];
    const reader = (name, answer) => () => {
      calls.push(name);
      return answers.shift()?.() ?? Promise.resolve(answer);
    };
    vi.doMock("../src/api.js", () => ({
      profile: reader("profile", { balance: "1", locked_balance: "0", asset_balances: [] }),
      orders: reader("orders", []),
      history: reader("history", []),
      book: reader("book", { asks: [], bids: [] }),
      trades: reader("trades", []),
    }));
    const { useTrading } = await import("../src/composables/useTrading.js");
    trading = useTrading();
  });
  const rounds = () => calls.filter((name) => name === "profile").length;

  it("happens at most twice for a burst of twenty", async () => {
    await Promise.all(Array.from({ length: 20 }, () => trading.refresh()));
    expect(rounds()).toBe(2);
    expect(calls).toHaveLength(10);
  });

  it("keeps what was there when it fails, and says so", async () => {
    await trading.refresh();
    answers.push(() => Promise.reject(new Error("away")));
    await trading.refresh();
    expect(trading.data.profile.data.balance).toBe("1");
    expect(trading.data.profile.error.message).toBe("away");
    await trading.refresh();
    expect(trading.data.profile.error).toBeNull();
  });

  it("shows nothing of one user to the next", async () => {
    await trading.refresh();
    const late = trading.refresh();
    trading.forgetAll();
    await late;
    expect(rounds()).toBe(2);
    trading.forgetAll();
    expect(trading.balances.value).toBeNull();
  });
});
