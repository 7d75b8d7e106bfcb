import { describe, expect, it } from "vitest";
import {
  allowsPostOnly,
  decimalError,
  describePreview,
  draftErrors,
  newDraft,
  orderRequest,
  timesInForce,
} from "../src/lib/orderTerms.js";
import { utcFromLocal } from "../src/lib/timestamps.js";

const PREVIEW = {
  rejection: null,
  filled_amount: "0",
  average_price: null,
  resting_amount: "0",
  is_waiting: false,
  reserved: "0",
  cancel_reason: null,
};

const ORDER = { symbol: "BTC", side: "buy" };

describe("the terms of an order", () => {
  it("offers a market order no time in force that rests", () => {
    const values = (type) => timesInForce({ type }).map(({ value }) => value);
    expect(values("limit")).toEqual(["gtc", "gtd", "ioc", "fok"]);
    expect(values("stop_limit")).toEqual(values("limit"));
    expect(values("market")).toEqual(["ioc", "fok"]);
    expect(values("stop_market")).toEqual(values("market"));
  });

  it("sends a market order without a price, and post-only only where it may rest", () => {
    const draft = { ...newDraft(), price: "10", amount: "1", post_only: true };
    expect(orderRequest("BTC", draft)).toMatchObject({
      symbol: "BTC",
      price: "10",
      post_only: true,
    });
    const market = orderRequest("BTC", { ...draft, type: "market", time_in_force: "ioc" });
    expect(market).not.toHaveProperty("price");
    expect(market.post_only).toBe(false);
    for (const [type, time_in_force, allowed] of [
      ["limit", "gtd", true],
      ["limit", "fok", false],
      ["stop_limit", "gtc", false],
    ]) {
      expect(allowsPostOnly({ type, time_in_force })).toBe(allowed);
    }
  });

  it("sends a stop price and an expiry only with the orders that have them", () => {
    const draft = {
      ...newDraft(),
      stop_price: "9",
      price: "10",
      amount: "1",
      expires_at: "2030-01-31T12:00",
    };
    const limit = orderRequest("BTC", draft);
    expect(limit).not.toHaveProperty("stop_price");
    expect(limit).not.toHaveProperty("expires_at");
    const stopLimit = { ...draft, type: "stop_limit", time_in_force: "gtd" };
    const expires_at = utcFromLocal(draft.expires_at);
    expect(expires_at).toMatch(/Z$/);
    expect(orderRequest("BTC", stopLimit)).toMatchObject({
      stop_price: "9",
      price: "10",
      expires_at,
    });
    const stopMarket = orderRequest("BTC", { ...draft, type: "stop_market", time_in_force: "ioc" });
    expect(stopMarket).toMatchObject({ stop_price: "9" });
    expect(stopMarket).not.toHaveProperty("price");
  });

  it("sends what a market order to buy may cost instead of its amount", () => {
    const draft = {
      ...newDraft(),
      type: "market",
      time_in_force: "ioc",
      amount: "1",
      quote_amount: "100",
      is_size_in_quote: true,
    };
    const request = orderRequest("BTC", draft);
    expect(request).toMatchObject({ type: "market", quote_amount: "100" });
    expect(request).not.toHaveProperty("amount");
    expect(request).not.toHaveProperty("is_size_in_quote");
    expect(timesInForce(draft).map(({ value }) => value)).toEqual(["ioc"]);
    for (const other of [{ side: "sell" }, { type: "stop_market" }, { type: "limit" }]) {
      const amount = orderRequest("BTC", { ...draft, ...other });
      expect(amount).toMatchObject({ amount: "1" });
      expect(amount).not.toHaveProperty("quote_amount");
    }
    expect(Object.keys(draftErrors({ ...draft, quote_amount: "" }))).toEqual(["quote_amount"]);
  });

  it("requires the fields of its type, and nothing else", () => {
    const fields = (more) => Object.keys(draftErrors({ ...newDraft(), ...more }));
    expect(fields({})).toEqual(["price", "amount"]);
    expect(fields({ type: "market", time_in_force: "ioc" })).toEqual(["amount"]);
    expect(fields({ type: "stop_market", time_in_force: "ioc" })).toEqual(["stop_price", "amount"]);
    const gtd = { type: "stop_limit", time_in_force: "gtd" };
    expect(fields(gtd)).toEqual(["stop_price", "price", "amount", "expires_at"]);
    const numbers = { stop_price: "9", price: "10", amount: "1" };
    expect(fields({ ...gtd, ...numbers, expires_at: "2030-01-31T12:00" })).toEqual([]);
    expect(["1e3", "0", "-1", "0.1"].map((text) => decimalError(text) === undefined)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});

describe("a preview", () => {
  it("says what fills, what rests and what is cancelled", () => {
    const filled = { ...PREVIEW, filled_amount: "0.2", average_price: "50000" };
    expect(describePreview({ ...filled, resting_amount: "0.8" }, ORDER)).toBe(
      "Now: fills 0.2 BTC at 50,000 on average; 0.8 BTC rest in the book.",
    );
    expect(describePreview({ ...filled, cancel_reason: "slippage" }, ORDER)).toMatch(
      /0\.2 BTC at 50,000 on average; the rest is cancelled/,
    );
  });

  it("says what a stop order reserves, and which price it waits for", () => {
    const waiting = { ...PREVIEW, is_waiting: true, reserved: "5227.25" };
    expect(describePreview(waiting, { ...ORDER, stop_price: "51000." })).toBe(
      "Now: reserves 5,227.25 USD and waits until a trade reaches the stop price 51,000.",
    );
    const sell = { symbol: "BTC", side: "sell", stop_price: "49000" };
    expect(describePreview({ ...waiting, reserved: "0.1" }, sell)).toMatch(/reserves 0\.1 BTC/);
  });

  it("says which rule refuses the order", () => {
    const rejection = { code: "no_market_price", message: "There is no order to match." };
    expect(describePreview({ ...PREVIEW, rejection }, ORDER)).toBe("There is no order to match.");
  });
});
