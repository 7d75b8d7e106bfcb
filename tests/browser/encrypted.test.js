// The page with a server that publishes user events on encrypted channels only.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser({
  PUSHER_ENCRYPTION_MASTER_KEY_BASE64: randomBytes(32).toString("base64"),
  MATCHCAST__BROADCASTING__USER_CHANNELS: "encrypted",
});

test("the page receives a trade on the encrypted channel of its user", async (t) => {
  const alice = await Window.logIn(t, "Alice");
  const charlie = await Window.logIn(t, "Charlie");
  await alice.placeOrder("Buy BTC", "0.1", "50000");
  await alice.waitForStatus(1, "Open");
  await charlie.waitForIdle();

  const bob = await User.logIn(server(), "bob");
  const { connections } = await bob.get("/debug/events?after=0");
  const channels = connections.flatMap(({ channels }) => channels);
  const userChannels = channels.filter((name) => name.startsWith("private-"));
  assert.deepEqual(userChannels.sort(), ["private-encrypted-user.1", "private-encrypted-user.3"]);

  await bob.placeOrder("sell", "0.04", "50000");
  await alice.toasts().getByText("Bought 0.04 BTC").waitFor();
  await alice.waitForBalance("BTC", "available", "0.54");
  assert.equal(await charlie.toasts().count(), 0, "no other user is notified");
});
