// The reason matchcast exists: two people trade, and the pages of both hear of it at once, once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { until } from "./support/waitUntil.js";

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

// Every way in which a page of `user` may be written, all of them listening.
async function openPages(t, user) {
  const pages = [];
  for (const path of AUTH_PATHS) {
    for (const way of ["channelAuthorization", "authEndpoint"]) {
      const page = new Page(t, user.server, authorizations[way](user, path));
      await page.subscribe(user.channel);
      pages.push(page);
    }
    const page = new EchoPage(t, user, path);
    await page.listen(`user.${user.id}`, "order.matched");
    pages.push(page);
  }
  return pages;
}

async function trade(buyer, seller, amount, price) {
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

// The difference of two balances, without the noise that JavaScript's floats add to it.
const units = (value) => Math.round(value * 1e8);

function assertChanged(before, after, changes) {
  for (const [asset, change] of Object.entries(changes)) {
    assert.equal(units(after[asset]) - units(before[asset]), units(change), asset);
  }
}

// balance[n] = balance[n-1] + credit − debit, oldest first.
function assertChains(history) {
  let running = 0;
  for (const row of history.toReversed()) {
    running += units(row.credit) - units(row.debit);
    assert.equal(units(row.balance), running, `history row ${row.id} (${row.action})`);
  }
}

onEachDatabase("the scenario", (server) => {
  test("both traders' pages hear order.matched once, nobody else's does", async (t) => {
    const [alice, bob, charlie] = await Promise.all(
      ["alice", "bob", "charlie"].map((name) => User.logIn(server(), name)),
    );
    const pages = [...(await openPages(t, alice)), ...(await openPages(t, bob))];
    const [stranger] = await openPages(t, charlie);

    const before = { alice: await alice.available(), bob: await bob.available() };
    const first = await trade(alice, bob, 0.1, 50000);
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
      const [data] = await page.hears("order.matched");
      assertMatched(data, expected);
    }

    // What the pages fetch anew when they have heard it.
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
      assertChains(history);
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

    // Events keep their order within a channel: when the second trade has been heard, a repetition
    // of the first would have been heard before it.
    const second = await trade(alice, bob, 0.01, 40000);
    for (const page of pages) {
      const heard = await page.hears("order.matched", 2);
      assert.deepEqual(
        heard.map((data) => data.trade_id),
        [first.trade.id, second.trade.id],
      );
      assert.notEqual(heard[0].event_id, heard[1].event_id);
    }
    // The stranger's page is alive, and has heard nothing but what was sent to it.
    await sdk(server()).trigger(charlie.channel, "sentinel", {});
    await stranger.hears("sentinel");
    assert.deepEqual(stranger.times("order.matched"), []);
  });

  test("a page that was there before a restart hears the trades after it", async (t) => {
    // With the embedded provider these two are one.
    for (const restarted of new Set([server(), server().provider])) {
      for (const end of ["stop", "kill"]) {
        const alice = await User.logIn(server(), "alice");
        const bob = await User.logIn(server(), "bob");
        const page = new Page(
          t,
          server(),
          authorizations.channelAuthorization(alice, "/api/broadcasting/auth"),
        );
        const channel = await page.subscribe(alice.channel);
        const socketId = page.pusher.connection.socket_id;

        await restarted[end]();
        await restarted.start();
        // Nothing is done to the page: pusher-js comes back and asks for authorization by itself.
        // It tries after a second; finding nobody then, it waits for fifteen before it tries again.
        const isSame = () => page.pusher.connection.socket_id === socketId;
        const isBack = () => channel.subscribed && isSame() === (restarted !== server().provider);
        await until("the page is back", isBack, 60_000);

        const { trade: matched } = await trade(alice, bob, 0.001, 30000);
        const [data] = await page.hears("order.matched");
        assert.equal(data.trade_id, matched.id, `after ${end}`);
        page.pusher.disconnect();
      }
    }
  });
});
