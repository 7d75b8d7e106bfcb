import { describe, expect, it } from "vitest";
import { aggregateLevels, bookFromEvent, spreadOf, userPrices } from "../src/lib/book.js";
import { buildCandles, isIncomplete } from "../src/lib/candles.js";
import { toCsv } from "../src/lib/csv.js";
import { toUnits } from "../src/lib/decimal.js";
import { statusLabel } from "../src/lib/labels.js";
import { closeProblem, connectionOptions, subscriptionProblem } from "../src/lib/provider.js";
import { buyerRate } from "../src/composables/useCommission.js";
import { previewOrder, previewQuoteAmount, sizeForPercentage } from "../src/lib/orderPreview.js";
import { GAP, NEXT, STALE, createSequenceTracker } from "../src/lib/sequence.js";
import { tradeFromEvent, tradesNewerThan } from "../src/lib/trades.js";

describe("the order book", () => {
  const orders = [
    { price: "50000", amount: "0.1", user_id: "1" },
    { price: "50000", amount: "0.2", user_id: "2" },
    { price: "50001", amount: "1", user_id: "2" },
  ];

  it("has one row per price with exact cumulative totals and marks the user's orders", () => {
    const rows = aggregateLevels(orders, (order) => order.user_id === "1");
    expect(
      rows.map(({ price, amount, totalText, hasUserOrder }) => [
        price,
        amount,
        totalText,
        hasUserOrder,
      ]),
    ).toEqual([
      ["50000", "0.3", "0.3", true],
      ["50001", "1", "1.3", false],
    ]);
  });

  it("supports levels with more than one account can hold", () => {
    const [row] = aggregateLevels([{ price: "1", amount: "92233720368547.75807" }], () => false);
    expect([row.amount, row.totalText]).toEqual(["92233720368547.75807", "92233720368547.75807"]);
  });

  it("has a spread only if both sides have orders", () => {
    const levels = (side) => aggregateLevels(side, () => false);
    const [asks, bids] = [levels(orders), levels([{ price: "49999.5", amount: "1" }])];
    expect(spreadOf({ asks, bids })).toBe("0.5");
    expect(spreadOf({ asks, bids: [] })).toBeNull();
  });
});

it("an order is labelled with its status, or with why it is not in the book", () => {
  const order = { status: "1", is_waiting: false, cancel_reason: null };
  const label = (more) => statusLabel({ ...order, ...more });
  expect(label({})).toBe("Open");
  expect(label({ is_waiting: true })).toBe("Waiting");
  expect(label({ status: "3", cancel_reason: "user" })).toBe("Cancelled");
  expect(label({ status: "3", cancel_reason: "expired" })).toBe("Expired");
  expect(label({ status: "9" })).toBe("Unknown");
});

describe("a snapshot of the book", () => {
  it("is converted to the shape of the API's order book", () => {
    expect(bookFromEvent({ asks: [["50001", "1"]], bids: [] })).toEqual({
      asks: [{ price: "50001", amount: "1" }],
      bids: [],
    });
  });

  it("marks the prices of the user's open orders in that market and side", () => {
    const open = { symbol: "BTC", side: "buy", price: "50000.5", status: "1" };
    const prices = userPrices(
      [
        open,
        { ...open, price: "1", status: "2" },
        { ...open, price: "2", status: "3" },
        { ...open, price: "3", is_waiting: true },
        { ...open, price: "3", symbol: "ETH" },
        { ...open, price: "50001", side: "sell" },
      ],
      "BTC",
    );
    expect(prices).toEqual({
      bids: new Set([toUnits("50000.50")]),
      asks: new Set([toUnits("50001")]),
    });
  });
});

describe("a sequence of events", () => {
  it.each([
    ["may start at any number", [7, 8, 9], [NEXT, NEXT, NEXT]],
    ["marks duplicates as stale", [1, 2, 2, 1, 3], [NEXT, NEXT, STALE, STALE, NEXT]],
    ["reports a gap once", [1, 3, 4, 2], [NEXT, GAP, NEXT, STALE]],
  ])("%s", (_, numbers, results) => {
    const sequence = createSequenceTracker();
    expect(numbers.map(sequence.classify)).toEqual(results);
  });

  it("may restart at a lower number after a reset", () => {
    const sequence = createSequenceTracker();
    sequence.classify(9);
    sequence.reset();
    expect([1, 2].map(sequence.classify)).toEqual([NEXT, NEXT]);
  });
});

describe("live trades", () => {
  const ids = (trades) => trades.map(({ id }) => id);

  it("are kept if their id is numerically greater than the newest fetched one", () => {
    const live = [{ id: "11" }, { id: "10" }, { id: "9" }];
    expect(ids(tradesNewerThan([{ id: "9" }, { id: "8" }], live))).toEqual(["11", "10"]);
    expect(ids(tradesNewerThan([], live))).toEqual(["11", "10", "9"]);
  });

  it("have the exact decimals of the event and no user ids", () => {
    const event = { event_id: "e", sequence: 1, trade_id: 5, symbol: "BTC", side: "buy" };
    const [price, amount] = ["12345678901.12345678", "0.1"];
    const at = "2026-01-01T00:00:00.000000Z";
    expect(tradeFromEvent({ ...event, price, amount, executed_at: at })).toEqual({
      id: "5",
      sequence: "1",
      symbol: "BTC",
      price,
      amount,
      created_at: at,
    });
  });
});

describe("an order preview", () => {
  const rate = toUnits("0.015");
  const [usd, btc] = [toUnits("10000"), toUnits("0.5")];

  it("shows value, commission, total and remaining balance of a buy", () => {
    expect(previewOrder({ side: "buy", price: "50000", amount: "0.1" }, usd, rate)).toEqual({
      value: "5000",
      commission: "75",
      total: "5075",
      remaining: toUnits("4925"),
    });
  });

  it("shows the amount and the remaining balance of a sell", () => {
    const preview = previewOrder({ side: "sell", price: "50000", amount: "0.6" }, btc, rate);
    expect(preview.total).toBe("0.6");
    expect(preview.remaining).toBe(toUnits("-0.1"));
  });

  it("is empty while the draft is incomplete", () => {
    for (const draft of [
      { side: "buy", price: "", amount: "1" },
      { side: "buy", price: "1", amount: "0" },
      { side: "sell", price: "1", amount: "x" },
    ]) {
      expect(previewOrder(draft, usd, rate)).toBeNull();
    }
  });

  it("calculates the amount for a percentage of the balance", () => {
    expect(sizeForPercentage(50n, { side: "sell", price: "" }, btc, rate)).toBe(toUnits("0.25"));
    expect(sizeForPercentage(100n, { side: "buy", price: "" }, usd, rate)).toBeNull();
    const amount = sizeForPercentage(100n, { side: "buy", price: "50000" }, usd, rate);
    expect(amount).toBe(toUnits("0.19704433"));
    const market = { side: "buy", type: "market", is_size_in_quote: true, price: "" };
    expect(sizeForPercentage(50n, market, usd, rate)).toBe(usd / 2n);
  });

  it("takes the value of a quote amount from the server", () => {
    const fills = { value: "99", commission: "1" };
    const { total, remaining, ...rest } = previewQuoteAmount("100", fills, usd);
    expect(rest).toEqual(fills);
    expect([total, remaining]).toEqual(["100", usd - toUnits("100")]);
    expect(previewQuoteAmount("100", null, usd).value).toBe("0");
    expect(previewQuoteAmount("0", fills, usd)).toBeNull();
  });

  it("reckons with the rate that a buyer pays at most", () => {
    const bySide = { buyer_commission: "0.015", maker_commission: null, taker_commission: null };
    expect(buyerRate(bySide)).toBe(1_500_000n);
    const byRole = { buyer_commission: null, maker_commission: "0.003", taker_commission: "0.002" };
    expect(buyerRate(byRole)).toBe(300_000n);
    expect(buyerRate(undefined)).toBe(0n);
  });
});

describe("the provider connection", () => {
  const page = { hostname: "127.0.0.1", port: "8080", protocol: "http:" };
  const embedded = {
    key: "local",
    cluster: "mt1",
    host: null,
    port: null,
    tls: false,
    embedded: true,
  };
  const hosted = { ...embedded, key: "k", cluster: "eu", tls: true, embedded: false };
  const selfHosted = { ...hosted, host: "ws.example", port: "6001", tls: false };
  const cases = [
    [
      "uses the page's host and port for the embedded provider",
      embedded,
      {},
      page,
      { key: "local", host: "127.0.0.1", port: 8080, tls: false },
    ],
    [
      "uses TLS for the embedded provider if the page does",
      embedded,
      {},
      { hostname: "x.example", port: "", protocol: "https:" },
      { key: "local", host: "x.example", port: 443, tls: true },
    ],
    ["uses the cluster of hosted Pusher", hosted, {}, page, { key: "k", cluster: "eu", tls: true }],
    [
      "uses the host and port of a self-hosted provider",
      selfHosted,
      {},
      page,
      { key: "k", host: "ws.example", port: 6001, tls: false },
    ],
    [
      "prefers the key and cluster set at build time",
      embedded,
      { VITE_PUSHER_APP_KEY: "built", VITE_PUSHER_APP_CLUSTER: "us2" },
      page,
      { key: "built", cluster: "us2", tls: true },
    ],
    [
      "prefers the host set at build time",
      hosted,
      { VITE_PUSHER_HOST: "b.example", VITE_PUSHER_PORT: "8443", VITE_PUSHER_SCHEME: "https" },
      page,
      { key: "k", host: "b.example", port: 8443, tls: true },
    ],
  ];
  it.each(cases)("%s", (_, settings, env, location, expected) => {
    const { key, options } = connectionOptions(settings, env, location);
    expect(key).toBe(expected.key);
    expect(options.wsHost).toBe(expected.host);
    expect(options.forceTLS).toBe(expected.tls);
    if (expected.port)
      expect([options.wsPort, options.wssPort]).toEqual([expected.port, expected.port]);
    if (expected.cluster) expect(options.cluster).toBe(expected.cluster);
  });

  it("describes its problems", () => {
    expect(subscriptionProblem(401).text).toContain("401");
    expect(subscriptionProblem(403).text).toContain("403");
    expect(subscriptionProblem(503).code).toBe("unavailable");
    expect(subscriptionProblem(undefined).text).toContain("no response");
    expect(closeProblem(4001, "no such app").text).toContain("no such app");
    expect(closeProblem(4100)).toBeNull();
    expect(closeProblem(undefined)).toBeNull();
  });
});

describe("the CSV export", () => {
  it("keeps exact decimals, quotes special characters and escapes formulas", () => {
    const rows = [{ id: "1", credit: "0.10000001", text: 'a "b", c', other: "=1+1", none: null }];
    expect(toCsv(rows, ["id", "credit", "text", "other", "none"])).toBe(
      'id,credit,text,other,none\r\n1,0.10000001,"a ""b"", c",\'=1+1,\r\n',
    );
    expect(toCsv([{ debit: "-5" }], ["debit"])).toBe("debit\r\n-5\r\n");
  });
});

describe("candles", () => {
  const trade = (time, price, amount) => ({ created_at: `2026-01-01T00:${time}Z`, price, amount });

  it("aggregate the trades of each interval, oldest first", () => {
    const trades = [
      trade("01:05.000000", "12", "1"),
      trade("00:50.000000", "9", "2"),
      trade("00:20.000000", "11", "1"),
      trade("00:10.000000", "10", "1"),
    ];
    const start = Date.UTC(2026, 0, 1) / 1000;
    expect(buildCandles(trades, 60)).toEqual([
      { time: start, open: 10, high: 11, low: 9, close: 9, volume: 4 },
      { time: start + 60, open: 12, high: 12, low: 12, close: 12, volume: 1 },
    ]);
  });

  const start = Date.UTC(2026, 0, 1) / 1000;
  const history = [
    ["00:00", "8", "9", "7", "8.5", "3", "1"],
    ["01:00", "8.5", "10", "8", "9", "2", "3"],
  ].map(([time, open, high, low, close, volume, last]) => ({
    opened_at: `2026-01-01T00:${time}.000000Z`,
    ...{ open, high, low, close, volume, last_sequence: last },
  }));
  const numbered = (sequence, ...parts) => ({ ...trade(...parts), sequence: String(sequence) });

  it("continue older ones with the trades that these do not contain", () => {
    const trades = [
      numbered(5, "02:05.000000", "12", "1"),
      numbered(4, "01:50.000000", "11", "4"),
      numbered(3, "01:20.000000", "9", "1"),
    ];
    expect(buildCandles(trades, 60, history)).toEqual([
      { time: start, open: 8, high: 9, low: 7, close: 8.5, volume: 3 },
      { time: start + 60, open: 8.5, high: 11, low: 8, close: 11, volume: 6 },
      { time: start + 120, open: 12, high: 12, low: 12, close: 12, volume: 1 },
    ]);
    expect(buildCandles(trades, 300, history)).toEqual([
      { time: start, open: 8, high: 12, low: 7, close: 12, volume: 10 },
    ]);
  });

  it("are incomplete if there are older trades than the listed ones", () => {
    const listed = (sequence) => [numbered(sequence, "02:05.000000", "12", "1")];
    expect(isIncomplete([], [])).toBe(false);
    expect(isIncomplete(listed(1), [])).toBe(false);
    expect(isIncomplete(listed(2), [])).toBe(true);
    expect(isIncomplete(listed(4), history)).toBe(false);
    expect(isIncomplete(listed(5), history)).toBe(true);
    // Servers of older versions do not number trades.
    expect(isIncomplete([trade("02:05.000000", "12", "1")], [])).toBe(false);
  });
});
