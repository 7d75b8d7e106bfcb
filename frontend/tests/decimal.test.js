import { describe, expect, it } from "vitest";
import {
  affordable,
  commissionOn,
  costOf,
  fromUnits,
  grouped,
  padding,
  parseExact,
  placesOf,
  plain,
  toUnits,
  valueOf,
} from "../src/lib/decimal.js";

const RATE = toUnits("0.015");

describe("numbers of the API", () => {
  it.each([
    ['{"price":50000,"amount":0.1}', { price: "50000", amount: "0.1" }],
    ['{"a":92233720368.54775807}', { a: "92233720368.54775807" }],
    ["[0.00000001,-3,1e-8]", ["0.00000001", "-3", "1e-8"]],
    [
      '{"text":"costs 5.10 \\"USD\\" 7","n":null,"b":true}',
      { text: 'costs 5.10 "USD" 7', n: null, b: true },
    ],
  ])("keep their digits: %s", (text, expected) => {
    expect(parseExact(text)).toEqual(expected);
  });

  it("would have lost them as floats", () => {
    expect(String(JSON.parse("92233720368.54775807"))).not.toBe("92233720368.54775807");
  });
});

describe("units", () => {
  it.each([
    ["50000", 5_000_000_000_000n],
    ["0.00000001", 1n],
    [".5", 50_000_000n],
    ["5.", 500_000_000n],
    ["-1.5", -150_000_000n],
    ["1.1000000000", 110_000_000n],
    ["92233720368.54775807", 9_223_372_036_854_775_807n],
  ])("of %s", (text, units) => {
    expect(toUnits(text)).toBe(units);
  });

  it.each(["", ".", "abc", "1e5", "1,5", "0.000000001", "92233720368.54775808", "1 000"])(
    "there are none of %j",
    (text) => {
      expect(toUnits(text)).toBeNull();
    },
  );

  it.each(["0", "0.1", "50000", "-0.00000001", "4925.5"])("and back: %s", (text) => {
    expect(fromUnits(toUnits(text))).toBe(text);
  });
});

describe("the server's arithmetic", () => {
  it("makes 0.1 at 50,000 cost 5,075", () => {
    const { value, commission, total } = costOf(toUnits("50000"), toUnits("0.1"), RATE);
    expect([value, commission, total].map(fromUnits)).toEqual(["5000", "75", "5075"]);
  });

  it("rounds the value down and the commission up", () => {
    expect(valueOf(3n, 99_999_999n)).toBe(2n);
    expect(commissionOn(1n, RATE)).toBe(1n);
    expect(commissionOn(0n, RATE)).toBe(0n);
  });

  it("never asks for more than there is, and leaves next to nothing", () => {
    for (const [budget, price] of [
      ["10000", "50000"],
      ["4925.12345678", "49999.99999999"],
      ["0.00000007", "0.03"],
      ["1", "0.00000123"],
      ["92233720368", "1"],
    ]) {
      const [units, priceUnits] = [toUnits(budget), toUnits(price)];
      const amount = affordable(units, priceUnits, RATE);
      expect(costOf(priceUnits, amount, RATE).total).toBeLessThanOrEqual(units);
      const more = costOf(priceUnits, amount + 2n + (2n * 10n ** 8n) / priceUnits, RATE).total;
      expect(more).toBeGreaterThan(units);
    }
    expect(affordable(0n, 1n, RATE)).toBe(0n);
    expect(affordable(100n, 0n, RATE)).toBe(0n);
  });
});

describe("what is shown", () => {
  it("is grouped, digit for digit", () => {
    expect(grouped("92233720368.54775807")).toBe("92,233,720,368.54775807");
    expect(grouped("-1234.5")).toBe("−1,234.5");
    expect(grouped("0")).toBe("0");
  });

  it("has its points below each other", () => {
    const column = ["5000", "0.125", "3.5"];
    expect(placesOf(column)).toBe(3);
    const widths = column.map((text) => text.split(".")[1]?.length ?? -1);
    const pads = column.map((text) => padding(text, 3).length);
    expect(widths.map((width, index) => width + pads[index])).toEqual([3, 3, 3]);
  });

  it("has no exponent", () => {
    const texts = ["0.00000001", "0.00000123", "0.1", "50000", "123456789.12345678"];
    expect(texts.map((text) => plain(Number(text)))).toEqual(texts);
  });
});
