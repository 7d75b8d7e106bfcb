// Webhooks as the official library signs and checks them: what it holds for the provider's is taken
// in, and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import Pusher from "pusher";
import { app, onEachDatabase } from "./support/server.js";

const library = (secret) => new Pusher({ appId: "1", key: app.key, secret, cluster: "mt1" });

const webhook = () =>
  JSON.stringify({
    time_ms: Date.now(),
    events: [
      { name: "channel_occupied", channel: "private-user.1" },
      { name: "member_added", channel: "presence-Grüße", user_id: "ä" },
    ],
  });

// The headers by which the library knows a webhook, signed by the library itself.
const signed = (secret, body) => ({
  "content-type": "application/json",
  "x-pusher-key": app.key,
  "x-pusher-signature": library(secret).config.token.sign(body),
});

onEachDatabase(
  "webhooks of the provider",
  (server) => {
    const deliver = async (headers, body) => {
      const answer = await fetch(`${server().url}/api/pusher/webhook`, {
        method: "POST",
        headers,
        body,
      });
      return { status: answer.status, ...(await answer.json()) };
    };

    test("one that the library holds for valid is taken in, also when it comes again", async () => {
      const body = webhook();
      const headers = signed(app.secret, body);
      assert.ok(library(app.secret).webhook({ headers, rawBody: body }).isValid());
      for (const attempt of ["first", "second"]) {
        assert.equal((await deliver(headers, body)).status, 200, attempt);
      }
    });

    test("one that it holds for invalid is not", async () => {
      const body = webhook();
      const wrong = [
        [signed("another secret", body), body],
        [signed(app.secret, body), body.replace("user.1", "user.2")],
        [{ ...signed(app.secret, body), "x-pusher-key": "another" }, body],
      ];
      for (const [headers, rawBody] of wrong) {
        assert.ok(!library(app.secret).webhook({ headers, rawBody }).isValid());
        const answer = await deliver(headers, rawBody);
        assert.deepEqual([answer.status, answer.code], [401, "webhook_unsigned"]);
      }
    });
  },
  { BROADCAST_CONNECTION: "embedded" },
);
