// End-to-end encrypted channels: pages read them with unchanged pusher-js and Laravel Echo, and the
// provider reads nothing.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { until } from "./support/waitUntil.js";

const MASTER_KEY = randomBytes(32).toString("base64");
const AUTH_PATH = "/broadcasting/auth";
const SOCKET_ID = "123.456";

const encrypted = (user) => `private-encrypted-user.${user.id}`;
const pageOf = (t, user) =>
  new Page(t, user.server, authorizations.channelAuthorization(user, AUTH_PATH));

async function oneTrade(server) {
  const [alice, bob] = await Promise.all(["alice", "bob"].map((n) => User.logIn(server, n)));
  return async () => {
    await alice.placeOrder("buy", 0.001, 40_000);
    return (await bob.placeOrder("sell", 0.001, 40_000)).trade;
  };
}

onEachDatabase(
  "encrypted channels alone",
  (server) => {
    test("a page reads what the provider cannot", async (t) => {
      const alice = await User.logIn(server(), "alice");
      const page = pageOf(t, alice);
      await page.subscribe(encrypted(alice));
      // What comes over the wire, before pusher-js opens it.
      const wire = [];
      page.pusher.connection.bind("message", (message) => wire.push(message));
      const trade = await (await oneTrade(server()))();
      const [data] = await page.hears("order.matched");
      assert.equal(data.trade_id, trade.id);
      assert.equal(data.price, 40_000);
      const sent = wire.filter(({ event }) => event === "order.matched");
      assert.equal(sent.length, 1);
      assert.deepEqual(Object.keys(sent[0].data).sort(), ["ciphertext", "nonce"]);
      const bytes = Buffer.from(sent[0].data.ciphertext, "base64").toString("latin1");
      for (const word of ["trade_id", "BTC", "40000"]) assert.ok(!bytes.includes(word), word);
    });

    test("an Echo page listens by encryptedPrivate", async (t) => {
      const alice = await User.logIn(server(), "alice");
      const page = new EchoPage(t, alice, AUTH_PATH);
      const channel = page.echo.encryptedPrivate(`user.${alice.id}`);
      const heard = [];
      channel.listen(".order.matched", (data) => heard.push(data));
      await page.settled(channel.subscription);
      const trade = await (await oneTrade(server()))();
      await until("Echo hears it", () => heard.length > 0);
      assert.equal(heard[0].trade_id, trade.id);
    });

    test("the authorisation is the official library's, secret included", async () => {
      const alice = await User.logIn(server(), "alice");
      const answer = await fetch(`${server().url}${AUTH_PATH}`, {
        method: "POST",
        headers: alice.headers,
        body: new URLSearchParams({ socket_id: SOCKET_ID, channel_name: encrypted(alice) }),
      });
      const library = sdk(server(), { encryptionMasterKeyBase64: MASTER_KEY });
      const expected = library.authorizeChannel(SOCKET_ID, encrypted(alice));
      assert.deepEqual(await answer.json(), expected);
      assert.ok(expected.shared_secret);
    });

    test("nobody else's channel, and not the readable one, is authorised", async (t) => {
      const [alice, bob] = await Promise.all(
        ["alice", "bob"].map((name) => User.logIn(server(), name)),
      );
      for (const channel of [encrypted(bob), alice.channel]) {
        const page = pageOf(t, alice);
        await assert.rejects(page.subscribe(channel), channel);
      }
    });
  },
  {
    PUSHER_ENCRYPTION_MASTER_KEY_BASE64: MASTER_KEY,
    MATCHCAST__BROADCASTING__USER_CHANNELS: "encrypted",
  },
);

onEachDatabase(
  "encrypted channels beside the readable ones",
  (server) => {
    test("both kinds of page hear the same event, each once", async (t) => {
      const alice = await User.logIn(server(), "alice");
      const [old, fresh] = [pageOf(t, alice), pageOf(t, alice)];
      await Promise.all([old.subscribe(alice.channel), fresh.subscribe(encrypted(alice))]);
      await (await oneTrade(server()))();
      const [[plain], [opened]] = await Promise.all(
        [old, fresh].map((page) => page.hears("order.matched")),
      );
      assert.deepEqual(opened, plain);
      assert.equal(old.times("order.matched").length, 1);
      assert.equal(fresh.times("order.matched").length, 1);
    });
  },
  { PUSHER_ENCRYPTION_MASTER_KEY_BASE64: MASTER_KEY },
);
