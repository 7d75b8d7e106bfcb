// Webhooks are accepted if and only if the official library considers them valid.
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

// The headers of a webhook, signed by the official library.
const signedHeaders = (secret, body) => ({
  "content-type": "application/json",
  "x-pusher-key": app.key,
  "x-pusher-signature": library(secret).config.token.sign(body),
});

onEachDatabase(
  "webhooks of the provider",
  (server) => {
    const deliver = async (headers, body) => {
      const response = await fetch(`${server().url}/api/pusher/webhook`, {
        method: "POST",
        headers,
        body,
      });
      return { status: response.status, ...(await response.json()) };
    };

    test("a valid webhook is accepted, and so is a duplicate", async () => {
      const body = webhook();
      const headers = signedHeaders(app.secret, body);
      assert.ok(library(app.secret).webhook({ headers, rawBody: body }).isValid());
      for (const attempt of ["first", "second"]) {
        assert.equal((await deliver(headers, body)).status, 200, attempt);
      }
    });

    test("an invalid webhook is rejected", async () => {
      const body = webhook();
      const invalid = [
        [signedHeaders("another secret", body), body],
        [signedHeaders(app.secret, body), body.replace("user.1", "user.2")],
        [{ ...signedHeaders(app.secret, body), "x-pusher-key": "another" }, body],
      ];
      for (const [headers, rawBody] of invalid) {
        assert.ok(!library(app.secret).webhook({ headers, rawBody }).isValid());
        const response = await deliver(headers, rawBody);
        assert.deepEqual([response.status, response.code], [401, "webhook_unsigned"]);
      }
    });
  },
  { BROADCAST_CONNECTION: "embedded" },
);
