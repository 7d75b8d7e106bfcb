// End-to-end encrypted channels: unmodified pusher-js and Laravel Echo decrypt them, which the
// provider cannot.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { waitUntil } from "./support/waitUntil.js";

const MASTER_KEY = randomBytes(32).toString("base64");
const AUTH_PATH = "/broadcasting/auth";
const SOCKET_ID = "123.456";

const encryptedChannel = (user) => `private-encrypted-user.${user.id}`;
const openPage = (t, user) =>
  new Page(t, user.server, authorizations.channelAuthorization(user, AUTH_PATH));

async function prepareTrade(server) {
  const [alice, bob] = await Promise.all(["alice", "bob"].map((n) => User.logIn(server, n)));
  return async () => {
    await alice.placeOrder("buy", 0.001, 40_000);
    return (await bob.placeOrder("sell", 0.001, 40_000)).trade;
  };
}

onEachDatabase(
  "with encrypted channels only",
  (server) => {
    test("a page decrypts an event that the provider cannot read", async (t) => {
      const alice = await User.logIn(server(), "alice");
      const page = openPage(t, alice);
      await page.subscribe(encryptedChannel(alice));
      // The messages before pusher-js decrypts them.
      const messages = [];
      page.pusher.connection.bind("message", (message) => messages.push(message));
      const trade = await (await prepareTrade(server()))();
      const [data] = await page.waitForEvents("order.matched");
      assert.equal(data.trade_id, trade.id);
      assert.equal(data.price, 40_000);
      const encrypted = messages.filter(({ event }) => event === "order.matched");
      assert.equal(encrypted.length, 1);
      assert.deepEqual(Object.keys(encrypted[0].data).sort(), ["ciphertext", "nonce"]);
      const bytes = Buffer.from(encrypted[0].data.ciphertext, "base64").toString("latin1");
      for (const word of ["trade_id", "BTC", "40000"]) assert.ok(!bytes.includes(word), word);
    });

    test("an Echo page listens with encryptedPrivate", async (t) => {
      const alice = await User.logIn(server(), "alice");
      const page = new EchoPage(t, alice, AUTH_PATH);
      const channel = page.echo.encryptedPrivate(`user.${alice.id}`);
      const received = [];
      channel.listen(".order.matched", (data) => received.push(data));
      await page.waitForSubscription(channel.subscription);
      const trade = await (await prepareTrade(server()))();
      await waitUntil("Echo has received the event", () => received.length > 0);
      assert.equal(received[0].trade_id, trade.id);
    });

    test("the authorization with its shared secret equals the official library's", async () => {
      const alice = await User.logIn(server(), "alice");
      const response = await fetch(`${server().url}${AUTH_PATH}`, {
        method: "POST",
        headers: alice.headers,
        body: new URLSearchParams({ socket_id: SOCKET_ID, channel_name: encryptedChannel(alice) }),
      });
      const library = sdk(server(), { encryptionMasterKeyBase64: MASTER_KEY });
      const expected = library.authorizeChannel(SOCKET_ID, encryptedChannel(alice));
      assert.deepEqual(await response.json(), expected);
      assert.ok(expected.shared_secret);
    });

    test("channels of other users and unencrypted channels are rejected", async (t) => {
      const [alice, bob] = await Promise.all(
        ["alice", "bob"].map((name) => User.logIn(server(), name)),
      );
      for (const channel of [encryptedChannel(bob), alice.channel]) {
        const page = openPage(t, alice);
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
  "with encrypted and unencrypted channels",
  (server) => {
    test("pages of both kinds receive the same event once", async (t) => {
      const alice = await User.logIn(server(), "alice");
      const [plainPage, encryptedPage] = [openPage(t, alice), openPage(t, alice)];
      await Promise.all([
        plainPage.subscribe(alice.channel),
        encryptedPage.subscribe(encryptedChannel(alice)),
      ]);
      await (
        await prepareTrade(server())
      )();
      const [[plain], [decrypted]] = await Promise.all(
        [plainPage, encryptedPage].map((page) => page.waitForEvents("order.matched")),
      );
      assert.deepEqual(decrypted, plain);
      assert.equal(plainPage.eventsNamed("order.matched").length, 1);
      assert.equal(encryptedPage.eventsNamed("order.matched").length, 1);
    });
  },
  { PUSHER_ENCRYPTION_MASTER_KEY_BASE64: MASTER_KEY },
);
