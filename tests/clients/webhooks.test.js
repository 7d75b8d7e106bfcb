// The webhooks of users are verified by the official library of Standard Webhooks.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { User } from "./support/api.js";
import { onEachDatabase } from "./support/server.js";
import { waitUntil } from "./support/waitUntil.js";

// Records requests on a free port.
async function startReceiver(t) {
  const requests = [];
  const receiver = createServer(async (request, response) => {
    const chunks = await request.toArray();
    requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  t.after(() => receiver.close());
  return { requests, url: `http://127.0.0.1:${receiver.address().port}/webhooks` };
}

onEachDatabase("webhooks of a user", (server) => {
  test("the official library verifies them, and no altered ones", async (t) => {
    const [alice, bob] = await Promise.all([
      User.logIn(server(), "alice"),
      User.logIn(server(), "bob"),
    ]);
    const { requests, url } = await startReceiver(t);
    const { secret } = await alice.post("/webhooks", { url, events: ["order.matched"] }, 201);
    await bob.placeOrder("sell", 0.01, 100);
    await alice.placeOrder("buy", 0.01, 100);
    await waitUntil("a webhook arrives", () => requests.length > 0);

    const { headers, body } = requests[0];
    const verified = new Webhook(secret).verify(body, headers);
    assert.equal(verified.type, "order.matched");
    assert.equal(verified.user_id, 1);
    assert.deepEqual(
      [verified.data.symbol, verified.data.price, verified.data.amount],
      ["BTC", 100, 0.01],
    );
    const other = new Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert.throws(() => other.verify(body, headers), /signature/i);
    assert.throws(() => new Webhook(secret).verify(`${body} `, headers), /signature/i);
    const old = { ...headers, "webhook-timestamp": String(headers["webhook-timestamp"] - 600) };
    assert.throws(() => new Webhook(secret).verify(body, old), /too old/i);
  });

  test("both secrets are valid while one replaces the other", async (t) => {
    const [alice, bob] = await Promise.all([
      User.logIn(server(), "alice"),
      User.logIn(server(), "bob"),
    ]);
    const { requests, url } = await startReceiver(t);
    const created = await alice.post("/webhooks", { url, events: ["order.matched"] }, 201);
    const { secret } = await alice.post(`/webhooks/${created.webhook.id}/rotate-secret`, {}, 200);
    await bob.placeOrder("sell", 0.01, 100);
    await alice.placeOrder("buy", 0.01, 100);
    await waitUntil("a webhook arrives", () => requests.length > 0);
    for (const valid of [created.secret, secret]) {
      new Webhook(valid).verify(requests[0].body, requests[0].headers);
    }
  });
});
