// The main scenario: two users trade, and the pages of both receive the event once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { waitUntil } from "./support/waitUntil.js";

const PAYLOAD_KEYS = [
  "amount",
  "buy_order_id",
  "buyer_id",
  "event_id",
  "price",
  "sell_order_id",
  "seller_id",
  "symbol",
  "trade_id",
];

const AUTH_PATHS = ["/api/broadcasting/auth", "/broadcasting/auth"];

// Opens and subscribes a page of the user for each supported configuration.
async function openPages(t, user) {
  const pages = [];
  for (const path of AUTH_PATHS) {
    for (const method of ["channelAuthorization", "authEndpoint"]) {
      const page = new Page(t, user.server, authorizations[method](user, path));
      await page.subscribe(user.channel);
      pages.push(page);
    }
    const page = new EchoPage(t, user, path);
    await page.listen(`user.${user.id}`, "order.matched");
    pages.push(page);
  }
  return pages;
}

async function makeTrade(buyer, seller, amount, price) {
  const bought = await buyer.placeOrder("buy", amount, price);
  const sold = await seller.placeOrder("sell", amount, price);
  return { buyOrder: bought.order, sellOrder: sold.order, trade: sold.trade };
}

function assertMatched(data, expected) {
  assert.deepEqual(Object.keys(data).sort(), PAYLOAD_KEYS);
  const { event_id: eventId, ...rest } = data;
  assert.deepEqual(rest, expected);
  assert.ok(["string", "number"].includes(typeof eventId) && eventId !== "");
}

// Units of 10⁻⁸, to compare balances without rounding errors of floats.
const units = (value) => Math.round(value * 1e8);

function assertChanged(before, after, changes) {
  for (const [asset, change] of Object.entries(changes)) {
    assert.equal(units(after[asset]) - units(before[asset]), units(change), asset);
  }
}

// balance[n] = balance[n-1] + credit − debit, oldest first.
function assertBalances(history) {
  let running = 0;
  for (const row of history.toReversed()) {
    running += units(row.credit) - units(row.debit);
    assert.equal(units(row.balance), running, `history row ${row.id} (${row.action})`);
  }
}

function defineScenario(server) {
  test("only the pages of both traders receive order.matched, once per trade", async (t) => {
    const [alice, bob, charlie] = await Promise.all(
      ["alice", "bob", "charlie"].map((name) => User.logIn(server(), name)),
    );
    const pages = [...(await openPages(t, alice)), ...(await openPages(t, bob))];
    const [otherPage] = await openPages(t, charlie);

    const before = { alice: await alice.available(), bob: await bob.available() };
    const first = await makeTrade(alice, bob, 0.1, 50000);
    const expected = {
      buyer_id: 1,
      seller_id: 2,
      symbol: "BTC",
      price: 50000,
      amount: 0.1,
      buy_order_id: first.buyOrder.id,
      sell_order_id: first.sellOrder.id,
      trade_id: first.trade.id,
    };
    for (const page of pages) {
      const [data] = await page.waitForEvents("order.matched");
      assertMatched(data, expected);
    }

    // The data that pages fetch after the event.
    const after = { alice: await alice.available(), bob: await bob.available() };
    assertChanged(before.alice, after.alice, { USD: -5075, BTC: 0.1 });
    assertChanged(before.bob, after.bob, { USD: 5000, BTC: -0.1 });
    for (const [user, order] of [
      [alice, first.buyOrder],
      [bob, first.sellOrder],
    ]) {
      const mine = (await user.get("/my-orders")).find(({ id }) => id === order.id);
      assert.deepEqual([mine.status, mine.filled_amount], [2, 0.1]);
      const history = await user.get("/balance-history");
      assertBalances(history);
      assert.equal(history[0].balance, after[user === alice ? "alice" : "bob"].USD);
    }
    const paid = (await alice.get("/balance-history")).filter(
      (row) => row.reference_type === "Order" && row.reference_id === first.buyOrder.id,
    );
    const net = paid.reduce((sum, row) => sum + units(row.debit) - units(row.credit), 0);
    assert.equal(net, units(5075));
    const earned = (await bob.get("/balance-history")).filter((row) => row.credit === 5000);
    assert.equal(earned.length, 1);
    assert.equal(earned[0].action, "trade_completed");

    // Events of a channel are in order: a duplicate of the first trade would have arrived before
    // the second one.
    const second = await makeTrade(alice, bob, 0.01, 40000);
    for (const page of pages) {
      const events = await page.waitForEvents("order.matched", 2);
      assert.deepEqual(
        events.map((data) => data.trade_id),
        [first.trade.id, second.trade.id],
      );
      assert.notEqual(events[0].event_id, events[1].event_id);
    }
    // The page of the third user is connected and has received only the sentinel.
    await sdk(server()).trigger(charlie.channel, "sentinel", {});
    await otherPage.waitForEvents("sentinel");
    assert.deepEqual(otherPage.eventsNamed("order.matched"), []);
  });
}

onEachDatabase("the scenario with demo traders", defineScenario, {
  MATCHCAST__DEMO__TRADERS: "true",
});

onEachDatabase("the scenario", (server) => {
  defineScenario(server);

  test("a page reconnects after a restart and receives later trades", async (t) => {
    // With the embedded provider both are the same process.
    for (const restarted of new Set([server(), server().provider])) {
      for (const method of ["stop", "kill"]) {
        const alice = await User.logIn(server(), "alice");
        const bob = await User.logIn(server(), "bob");
        const page = new Page(
          t,
          server(),
          authorizations.channelAuthorization(alice, "/api/broadcasting/auth"),
        );
        const channel = await page.subscribe(alice.channel);
        const socketId = page.pusher.connection.socket_id;

        await restarted[method]();
        await restarted.start();
        // pusher-js reconnects and authorizes by itself: after one second, then every 15 seconds.
        const isSameSocket = () => page.pusher.connection.socket_id === socketId;
        const isSubscribed = () =>
          channel.subscribed && isSameSocket() === (restarted !== server().provider);
        await waitUntil("the page is subscribed again", isSubscribed);

        const { trade: matched } = await makeTrade(alice, bob, 0.001, 30000);
        const [data] = await page.waitForEvents("order.matched");
        assert.equal(data.trade_id, matched.id, `after ${method}`);
        page.pusher.disconnect();
      }
    }
  });
});
