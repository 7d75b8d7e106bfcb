import { describe, expect, it } from "vitest";
import { bookOf, levelsOf, ownPricesOf, spreadOf } from "../src/lib/book.js";
import { candlesOf } from "../src/lib/candles.js";
import { toCsv } from "../src/lib/csv.js";
import { toUnits } from "../src/lib/decimal.js";
import { closureOf, connectionOf, refusalOf } from "../src/lib/provider.js";
import { quote, share } from "../src/lib/orderPreview.js";
import { GAP, NEXT, OLD, newSequence } from "../src/lib/sequence.js";
import { newerThan, tradeOf } from "../src/lib/trades.js";

describe("the book", () => {
  const orders = [
    { price: "50000", amount: "0.1", user_id: "1" },
    { price: "50000", amount: "0.2", user_id: "2" },
    { price: "50001", amount: "1", user_id: "2" },
  ];

  it("has one row per price, exact sums, and marks one's own", () => {
    const rows = levelsOf(orders, (order) => order.user_id === "1");
    expect(
      rows.map(({ price, amount, sumText, isOwn }) => [price, amount, sumText, isOwn]),
    ).toEqual([
      ["50000", "0.3", "0.3", true],
      ["50001", "1", "1.3", false],
    ]);
  });

  it("has levels at which more stands than one account can hold", () => {
    const [row] = levelsOf([{ price: "1", amount: "92233720368547.75807" }], () => false);
    expect([row.amount, row.sumText]).toEqual(["92233720368547.75807", "92233720368547.75807"]);
  });

  it("has a spread when both sides have orders", () => {
    const levels = (side) => levelsOf(side, () => false);
    const [asks, bids] = [levels(orders), levels([{ price: "49999.5", amount: "1" }])];
    expect(spreadOf({ asks, bids })).toBe("0.5");
    expect(spreadOf({ asks, bids: [] })).toBeNull();
  });
});

describe("a snapshot of the book", () => {
  it("becomes rows", () => {
    expect(bookOf({ asks: [["50001", "1"]], bids: [] })).toEqual({
      asks: [{ price: "50001", amount: "1" }],
      bids: [],
    });
  });

  it("has one's own prices from the open orders of that market and side", () => {
    const open = { symbol: "BTC", side: "buy", price: "50000.5", status: "1" };
    const own = ownPricesOf(
      [
        open,
        { ...open, price: "1", status: "2" },
        { ...open, price: "2", status: "3" },
        { ...open, price: "3", symbol: "ETH" },
        { ...open, price: "50001", side: "sell" },
      ],
      "BTC",
    );
    expect(own).toEqual({
      bids: new Set([toUnits("50000.50")]),
      asks: new Set([toUnits("50001")]),
    });
  });
});

describe("events that are numbered", () => {
  it.each([
    ["begin anywhere", [7, 8, 9], [NEXT, NEXT, NEXT]],
    ["come twice", [1, 2, 2, 1, 3], [NEXT, NEXT, OLD, OLD, NEXT]],
    ["are missed", [1, 3, 4, 2], [NEXT, GAP, NEXT, OLD]],
  ])("%s", (_, numbers, places) => {
    const sequence = newSequence();
    expect(numbers.map(sequence.place)).toEqual(places);
  });

  it("begin anew, also lower, after a reset", () => {
    const sequence = newSequence();
    sequence.place(9);
    sequence.reset();
    expect([1, 2].map(sequence.place)).toEqual([NEXT, NEXT]);
  });
});

describe("told trades", () => {
  const ids = (trades) => trades.map(({ id }) => id);

  it("are those that the list does not reach to, as numbers and not as text", () => {
    const told = [{ id: "11" }, { id: "10" }, { id: "9" }];
    expect(ids(newerThan([{ id: "9" }, { id: "8" }], told))).toEqual(["11", "10"]);
    expect(ids(newerThan([], told))).toEqual(["11", "10", "9"]);
  });

  it("have the digits of the event and say nothing of who took part", () => {
    const event = { event_id: "e", sequence: 1, trade_id: 5, symbol: "BTC", side: "buy" };
    const [price, amount] = ["12345678901.12345678", "0.1"];
    const at = "2026-01-01T00:00:00.000000Z";
    expect(tradeOf({ ...event, price, amount, executed_at: at })).toEqual({
      id: "5",
      symbol: "BTC",
      price,
      amount,
      created_at: at,
    });
  });
});

describe("an order before it is placed", () => {
  const rate = toUnits("0.015");
  const [usd, btc] = [toUnits("10000"), toUnits("0.5")];

  it("shows value, commission, total and what remains of a buy", () => {
    expect(quote({ side: "buy", price: "50000", amount: "0.1" }, usd, rate)).toEqual({
      value: "5000",
      commission: "75",
      total: "5075",
      rest: toUnits("4925"),
    });
  });

  it("shows what a sell takes of the asset", () => {
    const shown = quote({ side: "sell", price: "50000", amount: "0.6" }, btc, rate);
    expect(shown.total).toBe("0.6");
    expect(shown.rest).toBe(toUnits("-0.1"));
  });

  it("shows nothing while something is missing", () => {
    for (const draft of [
      { side: "buy", price: "", amount: "1" },
      { side: "buy", price: "1", amount: "0" },
      { side: "sell", price: "1", amount: "x" },
    ]) {
      expect(quote(draft, usd, rate)).toBeNull();
    }
  });

  it("takes a share of what is available", () => {
    expect(share(50n, { side: "sell", price: "" }, btc, rate)).toBe(toUnits("0.25"));
    expect(share(100n, { side: "buy", price: "" }, usd, rate)).toBeNull();
    const amount = share(100n, { side: "buy", price: "50000" }, usd, rate);
    expect(amount).toBe(toUnits("0.19704433"));
  });
});

describe("where events come from", () => {
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
  const own = { ...hosted, host: "ws.example", port: "6001", tls: false };
  const cases = [
    [
      "the page's own server",
      embedded,
      {},
      page,
      { key: "local", host: "127.0.0.1", port: 8080, tls: false },
    ],
    [
      "the same behind TLS",
      embedded,
      {},
      { hostname: "x.example", port: "", protocol: "https:" },
      { key: "local", host: "x.example", port: 443, tls: true },
    ],
    ["hosted Pusher", hosted, {}, page, { key: "k", cluster: "eu", tls: true }],
    [
      "a server of one's own",
      own,
      {},
      page,
      { key: "k", host: "ws.example", port: 6001, tls: false },
    ],
    [
      "what was set at build time",
      embedded,
      { VITE_PUSHER_APP_KEY: "built", VITE_PUSHER_APP_CLUSTER: "us2" },
      page,
      { key: "built", cluster: "us2", tls: true },
    ],
    [
      "a host that was set at build time",
      hosted,
      { VITE_PUSHER_HOST: "b.example", VITE_PUSHER_PORT: "8443", VITE_PUSHER_SCHEME: "https" },
      page,
      { key: "k", host: "b.example", port: 8443, tls: true },
    ],
  ];
  it.each(cases)("%s", (_, settings, build, location, expected) => {
    const { key, options } = connectionOf(settings, build, location);
    expect(key).toBe(expected.key);
    expect(options.wsHost).toBe(expected.host);
    expect(options.forceTLS).toBe(expected.tls);
    if (expected.port)
      expect([options.wsPort, options.wssPort]).toEqual([expected.port, expected.port]);
    if (expected.cluster) expect(options.cluster).toBe(expected.cluster);
  });

  it("is explained when it fails", () => {
    expect(refusalOf(401).text).toContain("401");
    expect(refusalOf(403).text).toContain("403");
    expect(refusalOf(503).code).toBe("unanswered");
    expect(refusalOf(undefined).text).toContain("did not answer");
    expect(closureOf(4001, "no such app").text).toContain("no such app");
    expect(closureOf(4100)).toBeNull();
    expect(closureOf(undefined)).toBeNull();
  });
});

describe("the history as a file", () => {
  it("keeps digits, quotes what must be quoted and defuses formulas", () => {
    const rows = [{ id: "1", credit: "0.10000001", text: 'a "b", c', other: "=1+1", none: null }];
    expect(toCsv(rows, ["id", "credit", "text", "other", "none"])).toBe(
      'id,credit,text,other,none\r\n1,0.10000001,"a ""b"", c",\'=1+1,\r\n',
    );
    expect(toCsv([{ debit: "-5" }], ["debit"])).toBe("debit\r\n-5\r\n");
  });
});

describe("candles", () => {
  const trade = (time, price, amount) => ({ created_at: `2026-01-01T00:${time}Z`, price, amount });

  it("gather the trades of an interval, oldest first", () => {
    const trades = [
      trade("01:05.000000", "12", "1"),
      trade("00:50.000000", "9", "2"),
      trade("00:20.000000", "11", "1"),
      trade("00:10.000000", "10", "1"),
    ];
    const start = Date.UTC(2026, 0, 1) / 1000;
    expect(candlesOf(trades, 60)).toEqual([
      { time: start, open: 10, high: 11, low: 9, close: 9, volume: 4 },
      { time: start + 60, open: 12, high: 12, low: 12, close: 12, volume: 1 },
    ]);
  });
});
