import { beforeEach, describe, expect, it, vi } from "vitest";
import { byNumber, byText, useTable } from "../src/composables/useTable.js";

describe("useTable", () => {
  const rows = [
    { id: "10", name: "b" },
    { id: "9", name: "c" },
    { id: "100", name: "a" },
  ];
  const columns = [
    { key: "id", sortKey: byNumber("id") },
    { key: "name", sortKey: byText("name") },
  ];
  const ids = (table) => table.pageRows.value.map(({ id }) => id);

  it("cycles through ascending, descending and the original order", () => {
    const table = useTable(() => rows, columns);
    const orders = [ids(table)];
    for (let click = 0; click < 3; click++) {
      table.toggleSort("id");
      orders.push(ids(table), table.ariaSort("id"));
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
    expect(table.ariaSort("name")).toBe("none");
  });

  it("opens the page that contains a row", () => {
    const table = useTable(() => rows, columns, { pageLength: 2 });
    expect([table.pageCount.value, ids(table)]).toEqual([2, ["10", "9"]]);
    expect(table.goToRow(({ id }) => id === "100")).toBe(true);
    expect(ids(table)).toEqual(["100"]);
    expect(table.goToRow(({ id }) => id === "5")).toBe(false);
  });
});

describe("a refresh", () => {
  let requests;
  let responses;
  let trading;

  beforeEach(async () => {
    vi.resetModules();
    requests = [];
    responses = [];
    const fetcher = (name, response) => () => {
      requests.push(name);
      return responses.shift()?.() ?? Promise.resolve(response);
    };
    vi.doMock("../src/api.js", () => ({
      profile: fetcher("profile", { balance: "1", locked_balance: "0", asset_balances: [] }),
      orders: fetcher("orders", []),
      history: fetcher("history", []),
      book: fetcher("book", { asks: [], bids: [] }),
      trades: fetcher("trades", []),
    }));
    const { useTrading } = await import("../src/composables/useTrading.js");
    trading = useTrading();
  });
  const refreshCount = () => requests.filter((name) => name === "profile").length;

  it("runs at most twice for twenty simultaneous requests", async () => {
    await Promise.all(Array.from({ length: 20 }, () => trading.refresh()));
    expect(refreshCount()).toBe(2);
    expect(requests).toHaveLength(10);
  });

  it("keeps the previous data and reports the error when it fails", async () => {
    await trading.refresh();
    responses.push(() => Promise.reject(new Error("unavailable")));
    await trading.refresh();
    expect(trading.data.profile.data.balance).toBe("1");
    expect(trading.data.profile.error.message).toBe("unavailable");
    await trading.refresh();
    expect(trading.data.profile.error).toBeNull();
  });

  it("that finishes after a reset does not restore the data", async () => {
    await trading.refresh();
    const late = trading.refresh();
    trading.reset();
    await late;
    expect(refreshCount()).toBe(2);
    trading.reset();
    expect(trading.balances.value).toBeNull();
  });
});
