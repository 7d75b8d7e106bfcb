import { describe, expect, it } from "vitest";
import {
  alignmentPadding,
  buyCost,
  commissionOn,
  floatToText,
  formatDecimal,
  fromUnits,
  maxAffordableAmount,
  maxDecimalPlaces,
  orderValue,
  parseLosslessJson,
  toUnits,
} from "../src/lib/decimal.js";

const RATE = toUnits("0.015");

describe("parseLosslessJson", () => {
  it.each([
    ['{"price":50000,"amount":0.1}', { price: "50000", amount: "0.1" }],
    ['{"a":92233720368.54775807}', { a: "92233720368.54775807" }],
    ["[0.00000001,-3,1e-8]", ["0.00000001", "-3", "1e-8"]],
    [
      '{"text":"costs 5.10 \\"USD\\" 7","n":null,"b":true}',
      { text: 'costs 5.10 "USD" 7', n: null, b: true },
    ],
  ])("preserves the digits of %s", (text, expected) => {
    expect(parseLosslessJson(text)).toEqual(expected);
  });

  it("preserves digits that JSON.parse loses", () => {
    expect(String(JSON.parse("92233720368.54775807"))).not.toBe("92233720368.54775807");
  });
});

describe("toUnits", () => {
  it.each([
    ["50000", 5_000_000_000_000n],
    ["0.00000001", 1n],
    [".5", 50_000_000n],
    ["5.", 500_000_000n],
    ["-1.5", -150_000_000n],
    ["1.1000000000", 110_000_000n],
    ["92233720368.54775807", 9_223_372_036_854_775_807n],
  ])("converts %s", (text, units) => {
    expect(toUnits(text)).toBe(units);
  });

  it.each(["", ".", "abc", "1e5", "1,5", "0.000000001", "92233720368.54775808", "1 000"])(
    "rejects %j",
    (text) => {
      expect(toUnits(text)).toBeNull();
    },
  );

  it.each(["0", "0.1", "50000", "-0.00000001", "4925.5"])(
    "is reversed by fromUnits: %s",
    (text) => {
      expect(fromUnits(toUnits(text))).toBe(text);
    },
  );
});

describe("the cost of an order", () => {
  it("is 5,075 for 0.1 at 50,000 with 1.5% commission", () => {
    const { value, commission, total } = buyCost(toUnits("50000"), toUnits("0.1"), RATE);
    expect([value, commission, total].map(fromUnits)).toEqual(["5000", "75", "5075"]);
  });

  it("rounds the value down and the commission up, as the server does", () => {
    expect(orderValue(3n, 99_999_999n)).toBe(2n);
    expect(commissionOn(1n, RATE)).toBe(1n);
    expect(commissionOn(0n, RATE)).toBe(0n);
  });
});

describe("the maximum affordable amount", () => {
  it("never costs more than the budget and leaves almost nothing of it", () => {
    for (const [budget, price] of [
      ["10000", "50000"],
      ["4925.12345678", "49999.99999999"],
      ["0.00000007", "0.03"],
      ["1", "0.00000123"],
      ["92233720368", "1"],
    ]) {
      const [units, priceUnits] = [toUnits(budget), toUnits(price)];
      const amount = maxAffordableAmount(units, priceUnits, RATE);
      expect(buyCost(priceUnits, amount, RATE).total).toBeLessThanOrEqual(units);
      const more = buyCost(priceUnits, amount + 2n + (2n * 10n ** 8n) / priceUnits, RATE).total;
      expect(more).toBeGreaterThan(units);
    }
    expect(maxAffordableAmount(0n, 1n, RATE)).toBe(0n);
    expect(maxAffordableAmount(100n, 0n, RATE)).toBe(0n);
  });
});

describe("number formatting", () => {
  it("adds thousands separators without changing digits", () => {
    expect(formatDecimal("92233720368.54775807")).toBe("92,233,720,368.54775807");
    expect(formatDecimal("-1234.5")).toBe("−1,234.5");
    expect(formatDecimal("0")).toBe("0");
  });

  it("aligns the decimal points of a column", () => {
    const column = ["5000", "0.125", "3.5"];
    expect(maxDecimalPlaces(column)).toBe(3);
    const widths = column.map((text) => text.split(".")[1]?.length ?? -1);
    const pads = column.map((text) => alignmentPadding(text, 3).length);
    expect(widths.map((width, index) => width + pads[index])).toEqual([3, 3, 3]);
  });

  it("writes floats without an exponent", () => {
    const texts = ["0.00000001", "0.00000123", "0.1", "50000", "123456789.12345678"];
    expect(texts.map((text) => floatToText(Number(text)))).toEqual(texts);
  });
});
