// The logic behind parts of the page: depth, ticker, long lists, shortcuts and totals.
import { describe, expect, it } from "vitest";
import { indentJson, keepNewest } from "../src/lib/debugEntries.js";
import { depthOf, depthPath, levelAt, priceDigits } from "../src/lib/depth.js";
import { isTyping, shortcutOf } from "../src/lib/shortcuts.js";
import { addTrades, directionOf, tradesAfter, formatChange } from "../src/lib/ticker.js";
import { withTotal } from "../src/lib/trades.js";
import { scrollTopAfterInsert, visibleRows } from "../src/lib/virtualRows.js";

const order = (price, amount) => ({ price, amount });

describe("the depth of a book", () => {
  const book = {
    bids: [order("99", "1"), order("99", "2"), order("98", "1")],
    asks: [order("101", "2")],
  };

  it("adds up the amounts from the best price on", () => {
    const depth = depthOf(book);
    expect(depth.bids).toEqual([
      { price: 99, total: 3 },
      { price: 98, total: 4 },
    ]);
    expect([depth.middle, depth.maxTotal]).toEqual([100, 4]);
    expect([depth.low < 98, depth.high > 101]).toEqual([true, true]);
  });
  it("is null without orders, and has one side if the other one is empty", () => {
    expect(depthOf({ bids: [], asks: [] })).toBeNull();
    const depth = depthOf({ bids: [], asks: [order("101", "2")] });
    expect(depthPath(depth, "bids")).toBe("");
    expect(depthPath(depth, "asks")).toMatch(/^M50 100L.*100 100Z$/);
    expect(priceDigits(depth)).toBeGreaterThanOrEqual(1);
  });
  it("leaves out prices that are far from the middle", () => {
    const depth = depthOf({ ...book, asks: [order("101", "2"), order("900", "5")] });
    expect(depth.asks).toHaveLength(1);
    expect(depth.high).toBeLessThan(110);
  });
  it("shows no negative prices if the best ones are far from each other", () => {
    const depth = depthOf({ bids: [order("1", "1")], asks: [order("1000", "1")] });
    expect([depth.low, depth.high]).toEqual([0, 1001]);
  });
  it("tells what can be bought or sold at a position", () => {
    const depth = depthOf(book);
    expect(levelAt(depth, 0)).toEqual({ side: "bids", price: 98, total: 4 });
    expect(levelAt(depth, 0.5)).toBeNull();
    expect(levelAt(depth, 1)).toEqual({ side: "asks", price: 101, total: 2 });
  });
});

describe("a ticker", () => {
  const ticker = {
    last: "100",
    open: "90",
    high: "110",
    low: "80",
    volume: "1.5",
    quote_volume: "150",
    change: "10",
    change_percent: "11.11",
  };

  it("stays the same without newer trades", () => {
    expect(addTrades(ticker, [])).toBe(ticker);
  });
  it("contains newer trades, newest first", () => {
    expect(addTrades(ticker, [order("81", "0.1"), order("120", "0.2")])).toEqual({
      last: "81",
      open: "90",
      high: "120",
      low: "80",
      volume: "1.8",
      quote_volume: "182.1",
      change: "-9",
      change_percent: "-10",
    });
  });
  it("begins with the first trade of a market", () => {
    const none = { ...ticker, last: null, open: null, high: null, low: null };
    const empty = { ...none, volume: "0", quote_volume: "0", change: null, change_percent: null };
    const result = addTrades(empty, [order("51", "1"), order("50", "1")]);
    expect(result).toMatchObject({ open: "50", high: "51", low: "50", change: "1" });
    expect(result.change_percent).toBe("2");
  });
  it("knows which trades are newer, by number and not by text", () => {
    const trades = [{ id: "10" }, { id: "9" }];
    expect(tradesAfter(trades, "9")).toEqual([{ id: "10" }]);
    expect(tradesAfter(trades, null)).toBe(trades);
  });
  it("has a change with sign and direction", () => {
    expect(["1500.5", "-2", "0"].map(formatChange)).toEqual(["+1,500.5", "−2", "0"]);
    expect(["1.5", "-2", "0", null].map(directionOf)).toEqual(["up", "down", "", ""]);
  });
});

describe("a long list", () => {
  const list = { count: 500, rowHeight: 30, viewportHeight: 300 };

  it("renders the visible rows and a few around them, and keeps its height", () => {
    for (const scrollTop of [-50, 0, 3_000, 14_700, 99_999]) {
      const { start, end, before, after } = visibleRows({ ...list, scrollTop });
      expect(end - start).toBeLessThanOrEqual(23);
      expect(before + (end - start) * 30 + after).toBe(15_000);
    }
    const middle = visibleRows({ ...list, scrollTop: 3_000 });
    expect([middle.start, middle.end]).toEqual([94, 116]);
  });
  it("renders all rows of a short list", () => {
    const rows = visibleRows({ ...list, count: 3, scrollTop: 0 });
    expect(rows).toEqual({ start: 0, end: 3, before: 0, after: 0 });
  });
  it("keeps its place when rows are added, unless it shows the first one", () => {
    expect(scrollTopAfterInsert(0, 30, 4)).toBe(0);
    expect(scrollTopAfterInsert(600, 30, 4)).toBe(720);
  });
});

describe("a shortcut", () => {
  function press(key, { target = document.body, ...more } = {}) {
    let shortcut;
    const onKeyDown = (event) => (shortcut = shortcutOf(event));
    document.addEventListener("keydown", onKeyDown);
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
    document.removeEventListener("keydown", onKeyDown);
    return shortcut;
  }
  function field(html) {
    document.body.innerHTML = html;
    return document.body.firstElementChild;
  }

  it("is a key alone, in upper or lower case", () => {
    expect(["b", "S", "/", "?", "Escape", "x"].map((key) => press(key))).toEqual([
      "b",
      "s",
      "/",
      "?",
      "Esc",
      null,
    ]);
    expect(press("b", { ctrlKey: true })).toBeNull();
    expect(press("s", { metaKey: true })).toBeNull();
    expect(press("b", { repeat: true })).toBeNull();
  });
  it("is none while the user types in a field, except Escape", () => {
    for (const html of ["<input>", "<textarea></textarea>", "<select></select>"]) {
      const target = field(html);
      expect([press("b", { target }), press("Escape", { target })]).toEqual([null, "Esc"]);
    }
  });
  it("is one on buttons and choices", () => {
    for (const html of ["<button></button>", '<input type="radio">']) {
      const target = field(html);
      expect(isTyping(target)).toBe(false);
      expect(press("b", { target })).toBe("b");
    }
  });
});

describe("the total of a trade", () => {
  const trade = { value: "5000", commission: "75" };

  it("is what the buyer has paid, or the seller has received", () => {
    expect(withTotal({ ...trade, side: "buy" }).total).toBe("5075");
    expect(withTotal({ ...trade, side: "sell", commission: "0.5" }).total).toBe("4999.5");
  });
});

it("an entry of the debug console is indented unless its digits would change", () => {
  expect(indentJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(indentJson("134129807.571247219")).toBe("134129807.571247219");
  expect(indentJson("text")).toBe("text");
});

it("keeps the newest entries of the debug console, and some of each channel", () => {
  const busy = Array.from({ length: 300 }, (_, id) => ({ id, channel: "market.ETH" }));
  const others = [
    { id: 300, channel: "private-user.1" },
    { id: 301, channel: null },
  ];
  const kept = keepNewest([...busy, ...others], 500).map(({ id }) => id);
  expect(kept).toEqual([...Array(100).keys(), 300, 301]);
  expect(keepNewest([...busy, ...others], 2)).toHaveLength(2);
});
