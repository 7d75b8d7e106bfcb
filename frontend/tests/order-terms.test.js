import { describe, expect, it } from "vitest";
import {
  describePreview,
  mayRest,
  newDraft,
  orderRequest,
  timesInForce,
} from "../src/lib/orderTerms.js";

const PREVIEW = {
  rejection: null,
  filled_amount: "0",
  average_price: null,
  resting_amount: "0",
  cancel_reason: null,
};

describe("the terms of an order", () => {
  it("offers a market order no time in force that rests", () => {
    const values = (type) => timesInForce(type).map(({ value }) => value);
    expect(values("limit")).toEqual(["gtc", "ioc", "fok"]);
    expect(values("market")).toEqual(["ioc", "fok"]);
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
    expect(mayRest({ type: "limit", time_in_force: "fok" })).toBe(false);
  });
});

describe("a preview", () => {
  it("says what fills, what rests and what is cancelled", () => {
    const filled = { ...PREVIEW, filled_amount: "0.2", average_price: "50000" };
    expect(describePreview({ ...filled, resting_amount: "0.8" }, "BTC")).toBe(
      "Now: fills 0.2 BTC at 50,000 on average; 0.8 BTC rest in the book.",
    );
    expect(describePreview({ ...filled, cancel_reason: "slippage" }, "BTC")).toMatch(
      /0\.2 BTC at 50,000 on average; the rest is cancelled/,
    );
  });

  it("says which rule refuses the order", () => {
    const rejection = { code: "no_market_price", message: "There is no order to match." };
    expect(describePreview({ ...PREVIEW, rejection }, "BTC")).toBe("There is no order to match.");
  });
});
