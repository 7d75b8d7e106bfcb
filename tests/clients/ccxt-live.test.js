// Live updates of clients/ccxt, with ccxt's WebSocket client.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, watchReads } from "./support/ccxt.js";
import { onEachDatabase } from "./support/server.js";
import { LARAVEL } from "./support/shapes.js";
import { TIMEOUT_MS } from "./support/waitUntil.js";

const SYMBOL = "BTC/USD";
// An update that does not arrive fails its test, not the whole file.
const DEADLINE = { timeout: 2 * TIMEOUT_MS };

// Calls watch() until `isLast` is true for what it returned, and returns everything.
async function collect(watch, isLast) {
  const all = [];
  do all.push(...(await watch()));
  while (!isLast(all));
  return all;
}

onEachDatabase("ccxt's live updates in JavaScript", (server) => {
  test("orders, the user's trades, all trades and the book are followed", DEADLINE, async (t) => {
    const [alice, bob] = [open(t, server(), "alice"), open(t, server(), "bob")];
    const areFollowed = watchReads(alice, ["my-orders", "my-trades", "trades"]);
    const watched = [
      collect(
        () => alice.watchOrders(SYMBOL),
        (orders) => orders.at(-1).status === "canceled",
      ),
      collect(
        () => alice.watchMyTrades(),
        (trades) => trades.length === 2,
      ),
      collect(
        () => alice.watchTrades(SYMBOL),
        (trades) => trades.length === 2,
      ),
    ];
    await areFollowed();
    const { id } = await alice.createOrder(SYMBOL, "limit", "buy", "0.01", "50000");
    await bob.createOrder(SYMBOL, "limit", "sell", "0.001", "50000");
    await bob.createOrder(SYMBOL, "limit", "sell", "0.002", "50000");
    let book;
    do book = await bob.watchOrderBook(SYMBOL);
    while (book.bids[0]?.[1] !== 0.007);
    await alice.cancelOrder(id);
    do book = await bob.watchOrderBook(SYMBOL);
    while (book.bids.length > 0);
    const [orders, mine, all] = await Promise.all(watched);
    const last = orders.at(-1);
    assert.deepEqual([last.id, last.filled, last.remaining], [id, 0.003, 0.007]);
    assert.equal(last.fee.cost, 2.25);
    assert.deepEqual(
      mine.map(({ order, amount }) => [order, amount]),
      [
        [id, 0.001],
        [id, 0.002],
      ],
    );
    assert.deepEqual(
      mine.map((trade) => trade.fee.cost),
      [0.75, 1.5],
    );
    assert.deepEqual(
      all.map((trade) => trade.id),
      mine.map((trade) => trade.id),
    );
    assert.deepEqual(
      all.map(({ side }) => side),
      ["sell", "sell"],
    );
  });

  test("a stop order is followed from waiting to its fill", DEADLINE, async (t) => {
    const [alice, bob] = [open(t, server(), "alice"), open(t, server(), "bob")];
    const areFollowed = watchReads(alice, ["my-orders"]);
    const orders = collect(
      () => alice.watchOrders(),
      (all) => all.at(-1).status === "closed",
    );
    await areFollowed();
    const params = { triggerPrice: "55000" };
    const stop = await alice.createOrder(SYMBOL, "market", "buy", "0.001", undefined, params);
    assert.equal(stop.info.is_waiting, true);
    await bob.createOrder(SYMBOL, "limit", "sell", "0.002", "55000");
    const charlie = open(t, server(), "charlie");
    await charlie.createOrder(SYMBOL, "limit", "buy", "0.001", "55000");
    const last = (await orders).at(-1);
    assert.deepEqual([last.id, last.average, last.type], [stop.id, 55000, "market"]);
  });

  test("nothing is missing and nothing comes twice after an interruption", DEADLINE, async (t) => {
    const [alice, bob] = [open(t, server(), "alice"), open(t, server(), "bob")];
    const charlie = open(t, server(), "charlie");
    const { id } = await alice.createOrder("ETH/USD", "limit", "buy", "0.01", "2000");
    const sell = () => bob.createOrder("ETH/USD", "limit", "sell", "0.001", "2000");
    const isFollowed = watchReads(charlie, ["trades"]);
    const areFollowed = watchReads(alice, ["my-trades", "my-orders"]);
    const first = Promise.all([
      charlie.watchTrades("ETH/USD"),
      alice.watchMyTrades("ETH/USD"),
      alice.watchOrders("ETH/USD"),
    ]);
    await Promise.all([isFollowed(), areFollowed()]);
    await sell();
    const before = await first;
    const interrupted = [charlie.watchTrades("ETH/USD"), alice.watchMyTrades("ETH/USD")];
    const failures = interrupted.map((promise) =>
      assert.rejects(promise, { name: "NetworkError" }),
    );
    for (const each of new Set([server(), server().provider])) await each.stop();
    await Promise.all(failures);
    await server().start();
    await sell();
    await sell();
    // The events of the new trades may arrive while the lists are read, one by one.
    const areTwo = (rows) => rows.length >= 2;
    const [trades, mine, orders] = await Promise.all([
      collect(() => charlie.watchTrades("ETH/USD"), areTwo),
      collect(() => alice.watchMyTrades("ETH/USD"), areTwo),
      collect(
        () => alice.watchOrders("ETH/USD"),
        (rows) => rows.at(-1).filled >= 0.003,
      ),
    ]);
    for (const list of [trades, mine]) {
      assert.deepEqual(
        list.map(({ info }) => info.sequence),
        ["2", "3"],
      );
    }
    assert.deepEqual(
      before[0].map(({ info }) => info.sequence),
      ["1"],
    );
    const last = orders.at(-1);
    assert.deepEqual([last.id, last.filled], [id, 0.003]);
  });

  test("a channel of which the user has no token is refused", async (t) => {
    const expired = open(t, server(), undefined, { apiKey: "1|expired" });
    await assert.rejects(expired.watchOrders(), { name: "AuthenticationError" });
  });
});

onEachDatabase(
  "ccxt's live updates in JavaScript, with other names of channel and event",
  (server) => {
    test("orders and the user's trades are followed", DEADLINE, async (t) => {
      const [alice, bob] = [open(t, server(), "alice"), open(t, server(), "bob")];
      const areFollowed = watchReads(alice, ["my-orders", "my-trades"]);
      const watched = Promise.all([alice.watchOrders(SYMBOL), alice.watchMyTrades(SYMBOL)]);
      await areFollowed();
      const { id } = await alice.createOrder(SYMBOL, "limit", "buy", "0.01", "50000");
      await bob.createOrder(SYMBOL, "limit", "sell", "0.001", "50000");
      const [[order], [trade]] = await watched;
      assert.deepEqual([order.id, trade.order, trade.amount], [id, id, 0.001]);
    });
  },
  LARAVEL,
);
