// Pages of Laravel applications with other names of the event and the channel, and models in the
// payload: unmodified Laravel Echo and pusher-js.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { shape } from "./support/shapes.js";
import { waitUntil } from "./support/waitUntil.js";

const AUTH_PATH = "/broadcasting/auth";
// The name of the event, what a page passes to listen(), and what has to hear nothing.
const NAMES = [
  { name: "order.matched", listen: ".order.matched", others: ["order.matched", "OrderMatched"] },
  { name: "OrderMatched", listen: ".OrderMatched", others: ["OrderMatched", ".order.matched"] },
  {
    name: "App\\Events\\OrderMatched",
    listen: "OrderMatched",
    others: [".OrderMatched", ".order.matched"],
  },
];
// The pattern, and what a page passes to private().
const CHANNELS = [
  { channel: "private-user.{id}", private: (id) => `user.${id}` },
  { channel: "private-users.{id}", private: (id) => `users.${id}` },
  { channel: "private-App.Models.User.{id}", private: (id) => `App.Models.User.${id}` },
];

const logIn = (server, ...names) => Promise.all(names.map((name) => User.logIn(server, name)));

async function makeTrade(buyer, seller) {
  await buyer.placeOrder("buy", 0.001, 40_000);
  return (await seller.placeOrder("sell", 0.001, 40_000)).trade;
}

// Events by what was passed to listen(), in the order of their arrival.
async function listen(t, user, channelName, ...events) {
  const page = new EchoPage(t, user, AUTH_PATH);
  const channel = page.echo.private(channelName);
  const received = Object.fromEntries(events.map((event) => [event, []]));
  for (const event of events) channel.listen(event, (data) => received[event].push(data));
  await page.waitForSubscription(channel.subscription);
  return received;
}

for (const { name, listen: event, others } of NAMES) {
  for (const { channel, private: channelOf } of CHANNELS) {
    onEachDatabase(
      `${name} on ${channel}`,
      (server) => {
        test("pages of both traders hear their trade, and nobody else does", async (t) => {
          const [alice, bob, charlie] = await logIn(server(), "alice", "bob", "charlie");
          const pages = [];
          for (const user of [alice, bob]) {
            pages.push(await listen(t, user, channelOf(user.id), event, ...others));
          }
          const stranger = await listen(t, charlie, channelOf(charlie.id), event, ...others);
          const plain = new Page(
            t,
            server(),
            authorizations.channelAuthorization(alice, AUTH_PATH),
          );
          await plain.subscribe(channel.replace("{id}", alice.id));

          const trade = await makeTrade(alice, bob);
          for (const received of pages) {
            await waitUntil("the page has heard the trade", () => received[event].length > 0);
            assert.equal(received[event][0].trade_id, trade.id);
            assert.equal(received[event][0].price, 40_000);
          }
          const [data] = await plain.waitForEvents(name);
          assert.equal(data.trade_id, trade.id);

          // Sent after the trade, so nothing that was published before is still on its way.
          await sdk(server()).trigger(channel.replace("{id}", charlie.id), name, { last: true });
          await waitUntil("the last event has arrived", () => stranger[event].length > 0);
          assert.deepEqual(stranger[event], [{ last: true }]);
          for (const received of [...pages, stranger]) {
            for (const other of others) assert.deepEqual(received[other], [], other);
          }
        });

        test("a page can subscribe to the channel of its own user only", async (t) => {
          const [alice] = await logIn(server(), "alice");
          for (const other of CHANNELS) {
            for (const id of [1, 2]) {
              const page = new EchoPage(t, alice, AUTH_PATH);
              const name = other.private(id);
              const subscribed = page.waitForSubscription(page.echo.private(name).subscription);
              if (other.channel === channel && id === alice.id) await subscribed;
              else await assert.rejects(subscribed, { status: 403 }, name);
            }
          }
        });
      },
      shape({ name, channel }),
    );
  }
}

onEachDatabase(
  "models in the payload",
  (server) => {
    test("each page sees its own balance and only the name of the other user", async (t) => {
      const [alice, bob] = await logIn(server(), "alice", "bob");
      const ofAlice = await listen(t, alice, "users.1", "OrderMatched");
      const ofBob = await listen(t, bob, "users.2", "OrderMatched");
      const trade = await makeTrade(alice, bob);
      for (const [{ OrderMatched: received }, user, own, other, commission] of [
        [ofAlice, alice, "buyer", { seller: { id: 2, name: "Bob" } }, "0.60000000"],
        [ofBob, bob, "seller", { buyer: { id: 1, name: "Alice" } }, "0.00000000"],
      ]) {
        await waitUntil("the page has heard the trade", () => received.length > 0);
        const [{ trade: model, ...data }] = received;
        assert.equal(data.trade_id, trade.id);
        for (const [name, expected] of Object.entries(other)) {
          assert.deepEqual(data[name], expected);
        }
        const { balance, ...rest } = data[own];
        assert.deepEqual(Object.keys(rest), ["id", "name"]);
        assert.match(balance, /^\d+\.\d{8}$/);
        assert.equal(Number(balance), (await user.available()).USD);

        assert.match(model.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        assert.deepEqual(model, {
          id: trade.id,
          buy_order_id: trade.buy_order_id,
          sell_order_id: trade.sell_order_id,
          buyer_id: 1,
          seller_id: 2,
          symbol: "BTC",
          price: "40000.00000000",
          amount: "0.00100000",
          commission,
          created_at: trade.created_at,
          updated_at: trade.updated_at,
        });
      }
    });
  },
  shape({
    name: "App\\Events\\OrderMatched",
    channel: "private-users.{id}",
    INCLUDE: "trade,buyer,seller",
  }),
);

onEachDatabase(
  "encrypted channels with another pattern",
  (server) => {
    test("an Echo page listens with encryptedPrivate", async (t) => {
      const [alice, bob] = await logIn(server(), "alice", "bob");
      const page = new EchoPage(t, alice, AUTH_PATH);
      const channel = page.echo.encryptedPrivate("users.1");
      const received = [];
      channel.listen("OrderMatched", (data) => received.push(data));
      await page.waitForSubscription(channel.subscription);
      const trade = await makeTrade(alice, bob);
      await waitUntil("Echo has received the event", () => received.length > 0);
      assert.equal(received[0].trade_id, trade.id);
      for (const name of ["encrypted-users.2", "users.1", "encrypted-user.1"]) {
        const other = page.echo.private(name);
        await assert.rejects(page.waitForSubscription(other.subscription), { status: 403 }, name);
      }
    });
  },
  {
    ...shape({ name: "App\\Events\\OrderMatched", channel: "private-users.{id}" }),
    PUSHER_ENCRYPTION_MASTER_KEY_BASE64: randomBytes(32).toString("base64"),
    MATCHCAST__BROADCASTING__USER_CHANNELS: "encrypted",
  },
);
