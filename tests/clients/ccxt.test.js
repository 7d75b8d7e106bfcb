// The exchange class of clients/ccxt with the real ccxt: every type of order is placed, found and
// cancelled, and errors are those of ccxt.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { open, watchReads } from "./support/ccxt.js";
import { LossyProxy } from "./support/lossyProxy.js";
import { Server, onEachDatabase, sqliteDatabase } from "./support/server.js";
import { TIMEOUT_MS } from "./support/waitUntil.js";

const SYMBOL = "BTC/USD";
const EXACT = { number: String };
const DATE = Date.UTC(2035, 0, 1);
const DEADLINE = { timeout: 2 * TIMEOUT_MS };

// Orders that stay open: type, side, price, parameters, and what ccxt shows of them.
const OPEN_ORDERS = [
  ["limit", "buy", "100", {}, { type: "limit", price: "100", timeInForce: "GTC" }],
  ["limit", "buy", "100", { postOnly: true }, { postOnly: true }],
  ["limit", "buy", "100", { timeInForce: "PO" }, { postOnly: true }],
  ["limit", "buy", "100", { goodTillDate: DATE }, { timeInForce: "GTD" }],
  ["limit", "sell", "90000", {}, { side: "sell" }],
  ["limit", "buy", "70000", { triggerPrice: "65000" }, { type: "limit", triggerPrice: "65000" }],
  ["market", "sell", undefined, { triggerPrice: "30000" }, { type: "market", price: undefined }],
  ["market", "sell", undefined, { stopLossPrice: "30000" }, { triggerPrice: "30000" }],
];

// Orders that end at once, against an order to sell and one to buy 0.01 BTC at 50000.
const ENDING_ORDERS = [
  ["market", "buy", "0.001", undefined, {}, { status: "closed", filled: "0.001", cost: "50" }],
  ["market", "sell", "0.001", undefined, {}, { status: "closed", average: "49000" }],
  ["market", "buy", undefined, undefined, { cost: "50.75" }, { status: "closed", filled: "0.001" }],
  ["limit", "buy", "0.02", "50000", { timeInForce: "IOC" }, { status: "canceled", filled: "0.01" }],
  ["limit", "buy", "0.02", "50000", { timeInForce: "FOK" }, { status: "canceled", filled: "0" }],
  ["limit", "buy", "0.01", "50000", { timeInForce: "FOK" }, { status: "closed", remaining: "0" }],
];

function assertIncludes(actual, expected) {
  for (const [key, value] of Object.entries(expected)) assert.equal(actual[key], value, key);
}

// Rows of lists have other fields than single orders.
const withoutInfo = (order) => ({ ...order, info: undefined });

onEachDatabase("ccxt in JavaScript", (server) => {
  test("every type of order that stays open is placed, found and cancelled", async (t) => {
    const alice = open(t, server(), "alice", EXACT);
    for (const [index, [type, side, price, params, expected]] of OPEN_ORDERS.entries()) {
      const clientOrderId = `open/${index}`;
      const order = await alice.createOrder(SYMBOL, type, side, "0.01", price, {
        ...params,
        clientOrderId,
      });
      const common = { status: "open", amount: "0.01", filled: "0", remaining: "0.01", side };
      assertIncludes(order, { ...common, clientOrderId, symbol: SYMBOL, ...expected });
      const found = await alice.fetchOrder(order.id, SYMBOL);
      assert.deepEqual(found, order);
      assert.deepEqual(await alice.fetchOrder(undefined, undefined, { clientOrderId }), order);
      const listed = await alice.fetchOpenOrders(SYMBOL);
      assert.deepEqual(listed.map(withoutInfo), [withoutInfo(order)]);
      if (index % 2 === 0) await alice.cancelOrder(order.id, SYMBOL);
      else await alice.cancelOrder(undefined, SYMBOL, { clientOrderId });
      assert.equal((await alice.fetchOrder(order.id)).status, "canceled");
    }
    assert.deepEqual(await alice.fetchOpenOrders(), []);
    const balance = await alice.fetchBalance();
    assert.deepEqual(balance.USD, { free: "10000", used: "0", total: "10000" });
  });

  test("every type of order that ends at once reports what it has filled", async (t) => {
    const [bob, charlie] = [open(t, server(), "bob"), open(t, server(), "charlie", EXACT)];
    for (const [type, side, amount, price, params, expected] of ENDING_ORDERS) {
      await bob.createOrder(SYMBOL, "limit", "sell", "0.01", "50000");
      await bob.createOrder(SYMBOL, "limit", "buy", "0.01", "49000");
      const order = await charlie.createOrder(SYMBOL, type, side, amount, price, params);
      assertIncludes(order, expected);
      assert.deepEqual(await charlie.fetchOrder(order.id), order);
      await bob.cancelAllOrders(SYMBOL);
    }
    const order = await bob.createOrder(SYMBOL, "limit", "sell", "0.01", "50000");
    const bought = await charlie.createMarketBuyOrderWithCost(SYMBOL, "101.5");
    assertIncludes(bought, { filled: "0.002", cost: "100", status: "closed" });
    assert.equal(bought.fee.cost, "1.5");
    const [trade] = await charlie.fetchMyTrades(SYMBOL, undefined, 1);
    assertIncludes(trade, { order: bought.id, takerOrMaker: "taker", cost: "100", price: "50000" });
    assert.deepEqual(trade.fee, { cost: "1.5", currency: "USD" });
    const maker = (await bob.fetchMyTrades(SYMBOL)).at(-1);
    assertIncludes(maker, { order: order.id, takerOrMaker: "maker", side: "sell" });
    assert.ok((await charlie.fetchClosedOrders(SYMBOL)).some(({ id }) => id === bought.id));
    const edited = await bob.editOrder(order.id, SYMBOL, "limit", "sell", "0.02", "50001");
    assertIncludes(edited, { id: order.id, price: 50001, amount: 0.02, filled: 0.002 });
    assert.deepEqual(
      (await bob.cancelAllOrders()).map(({ id }) => id),
      [order.id],
    );
  });

  test("market data has the trades and the book", async (t) => {
    const nobody = open(t, server(), undefined, EXACT);
    const bob = open(t, server(), "bob");
    const alice = open(t, server(), "alice");
    await alice.createOrder("ETH/USD", "limit", "buy", "0.5", "2000");
    await bob.createOrder("ETH/USD", "limit", "sell", "0.2", "2000");
    const book = await nobody.fetchOrderBook("ETH/USD", 5);
    assert.deepEqual([book.bids, book.asks], [[["2000", "0.3"]], []]);
    const [trade] = await nobody.fetchTrades("ETH/USD");
    assertIncludes(trade, { price: "2000", amount: "0.2", cost: "400", side: "sell" });
    const { last, bid, baseVolume } = await nobody.fetchTicker("ETH/USD");
    assert.deepEqual([last, bid, baseVolume], ["2000", "2000", "0.2"]);
    assert.deepEqual(Object.keys(await nobody.fetchTickers()).sort(), [SYMBOL, "ETH/USD"]);
    const [candle] = await nobody.fetchOHLCV("ETH/USD", "1h", trade.timestamp - 3_600_000);
    assert.deepEqual(candle.slice(1), ["2000", "2000", "2000", "2000", "0.2"]);
    assert.ok(Math.abs((await nobody.fetchTime()) - Date.now()) < 60_000);
    await alice.cancelAllOrders();
  });

  test("no digit is lost, and amounts are cut off while prices are rounded", async (t) => {
    const alice = open(t, server(), "alice", EXACT);
    const [price, amount] = ["12345678901.12345679", "0.00000001"];
    const order = await alice.createOrder(SYMBOL, "limit", "buy", amount, price);
    assertIncludes(order, { price, amount });
    assert.deepEqual((await alice.fetchOrderBook(SYMBOL)).bids[0], [price, amount]);
    await alice.cancelOrder(order.id);
    assert.equal(alice.amountToPrecision(SYMBOL, 0.1 + 0.2), "0.3");
    assert.equal(alice.amountToPrecision(SYMBOL, "92233720368.547758079"), "92233720368.54775807");
    assert.equal(alice.priceToPrecision(SYMBOL, "92233720368.547758065"), "92233720368.54775807");
  });

  test("lists are read to their end, over all pages", async (t) => {
    const bob = open(t, server(), "bob", { options: { pageLimit: 2 } });
    const since = (await bob.fetchTime()) - 1000;
    const ids = [];
    for (let count = 0; count < 5; count++) {
      ids.push((await bob.createOrder("ETH/USD", "limit", "sell", "0.1", 9000 + count)).id);
    }
    const all = await bob.fetchOpenOrders("ETH/USD", since);
    assert.deepEqual(
      all.map(({ id }) => id),
      ids,
    );
    const newest = await bob.fetchOrders("ETH/USD", undefined, 3);
    assert.deepEqual(
      newest.map(({ id }) => id),
      ids.slice(-3),
    );
    await bob.cancelAllOrders("ETH/USD");
  });

  test("an order whose response is lost is placed once", async (t) => {
    const proxy = new LossyProxy(server(), "POST", "/api/orders");
    await proxy.start();
    t.after(() => proxy.stop());
    const options = { options: { maxRetriesOnFailureDelay: 10 } };
    const alice = open(t, proxy, "alice", options);
    proxy.lost = 2;
    const order = await alice.createOrder("ETH/USD", "limit", "buy", "0.1", "100");
    assert.equal(proxy.keys.length, 3);
    assert.equal(new Set(proxy.keys).size, 1);
    assert.deepEqual(
      (await alice.fetchOpenOrders()).map(({ id }) => id),
      [order.id],
    );
    await alice.cancelOrder(order.id);
  });

  test("errors are those of ccxt", async (t) => {
    const alice = open(t, server(), "alice");
    await alice.loadMarkets();
    const bob = open(t, server(), "bob");
    const wrong = open(t, server(), "alice", { password: "wrong" });
    const expired = open(t, server(), undefined, { apiKey: "1|expired" });
    const ask = await bob.createOrder(SYMBOL, "limit", "sell", "0.01", "60000");
    const order = (...parameters) => alice.createOrder(SYMBOL, "limit", "buy", ...parameters);
    const named = await order("0.01", "100", { clientOrderId: "errors" });
    const cases = {
      InsufficientFunds: () => order(10, 50_000),
      OrderImmediatelyFillable: () => order(0.01, 60_000, { postOnly: true }),
      OrderNotFillable: () => bob.createOrder("ETH/USD", "market", "buy", 0.01),
      DuplicateOrderId: () => order(0.01, 100, { clientOrderId: "errors" }),
      InvalidOrder: () => order("0.000000001", "100"),
      ArgumentsRequired: () => order("0.01"),
      NotSupported: () => order("0.01", "1", { triggerPrice: "2", triggerDirection: "descending" }),
      OrderNotFound: () => alice.cancelOrder(ask.id),
      BadSymbol: () => alice.publicGetTrades({ symbol: "NONE" }),
      BadRequest: () => alice.fetchTrades(SYMBOL, undefined, undefined, { side: "none" }),
    };
    for (const [name, action] of Object.entries(cases)) await assert.rejects(action, { name });
    await assert.rejects(wrong.fetchBalance(), { name: "AuthenticationError" });
    await assert.rejects(expired.fetchBalance(), { name: "AuthenticationError" });
    await assert.rejects(open(t, server()).fetchBalance(), { name: "AuthenticationError" });
    await alice.cancelOrder(named.id);
    await assert.rejects(alice.cancelOrder(named.id), { name: "InvalidOrder" });
    await bob.cancelAllOrders();
  });
});

test("a market that is quoted in another asset is traded and followed", DEADLINE, async (t) => {
  const database = await sqliteDatabase();
  await mkdir(join(database.directory, "config"));
  const settings = '[[markets]]\nsymbol = "ETH/BTC"\ntick_size = "0.0001"\n';
  await writeFile(join(database.directory, "config", "local.toml"), settings);
  const server = new Server(database, {});
  t.after(() => server.remove());
  await server.start();
  const [alice, bob] = [open(t, server, "alice", EXACT), open(t, server, "bob", EXACT)];
  const isFollowed = watchReads(alice, ["my-trades"]);
  const trades = alice.watchMyTrades("ETH/BTC");
  await isFollowed();
  const order = await alice.createOrder("ETH/BTC", "limit", "buy", "1", "0.05004");
  assert.equal(order.price, "0.05");
  await bob.createOrder("ETH/BTC", "market", "sell", "1");
  const [trade] = await trades;
  assertIncludes(trade, { symbol: "ETH/BTC", cost: "0.05" });
  assert.deepEqual(trade.fee, { cost: "0.00075", currency: "BTC" });
  let book;
  do book = await alice.watchOrderBook("ETH/BTC");
  while (book.bids.length > 0);
  assert.equal((await alice.fetchBalance()).BTC.total, "0.44925");
});
