// The page with a server whose order.matched has another name, other channels, and models in its
// payload.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { shape } from "../clients/support/shapes.js";
import { waitUntil } from "../clients/support/waitUntil.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser(
  shape({
    name: "App\\Events\\OrderMatched",
    channel: "private-App.Models.User.{id}",
    INCLUDE: "trade,buyer,seller",
  }),
);

test("the page follows the settings of the server", async (t) => {
  const alice = await Window.logIn(t, "Alice");
  await alice.placeOrder("Buy BTC", "0.1", "50000");
  await alice.waitForStatus(1, "Open");
  const bob = await User.logIn(server(), "bob");
  const { connections } = await bob.get("/debug/events?after=0");
  const channels = connections.flatMap(({ channels }) => channels).sort();
  assert.deepEqual(channels, ["market.BTC", "private-App.Models.User.1"]);

  await bob.placeOrder("sell", "0.04", "50000");
  await alice.toasts().getByText("Bought 0.04 BTC").waitFor();
  await alice.waitForBalance("BTC", "available", "0.54");
});

test("the debug console shows the names, and sends to the user's channel", async (t) => {
  const bob = await Window.logIn(t, "Bob");
  await bob.goto("/debug");
  await bob.page.getByText("Connections (1)").waitFor();
  const channel = bob.page.getByLabel("Channel", { exact: true });
  await waitUntil("the form has the user's channel", async () => {
    return (await channel.inputValue()) === "private-App.Models.User.2";
  });
  const [alice, charlie] = await Promise.all(
    ["alice", "charlie"].map((name) => User.logIn(server(), name)),
  );
  await alice.placeOrder("buy", "0.01", "40000");
  await charlie.placeOrder("sell", "0.01", "40000");
  const events = bob.page.locator("[data-kind=published]");
  await events
    .filter({ hasText: "private-App.Models.User.1" })
    .getByRole("cell", { name: "App\\Events\\OrderMatched", exact: true })
    .first()
    .waitFor();
});
