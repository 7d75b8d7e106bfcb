// The page with a server that publishes only order.matched, as it does in production by default.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const DISABLED = ["ORDER_UPDATED", "BALANCE_UPDATED", "TRADE_EXECUTED", "BOOK_UPDATED"];
const { server } = useBrowser(
  Object.fromEntries(DISABLED.map((name) => [`MATCHCAST__EVENTS__${name}`, "false"])),
);

test("traders see their trade at once, other users after a refresh", async (t) => {
  const bob = await Window.logIn(t, "Bob");
  const charlie = await Window.logIn(t, "Charlie");
  await charlie.waitForIdle();
  const alice = await User.logIn(server(), "alice");
  const { connections } = await alice.get("/debug/events?after=0");
  const channels = connections.flatMap(({ channels }) => channels).sort();
  assert.deepEqual(channels, ["private-user.2", "private-user.3"], "no market is subscribed");

  await bob.placeOrder("Sell BTC", "0.1", "50000");
  await bob.waitForStatus(1, "Open");
  const { trades } = await alice.placeOrder("buy", "0.04", "50000");
  await bob.page.locator(`#trade-${trades[0].id}`).getByText("Sold").waitFor();
  await bob.waitForBalance("BTC", "locked", "0.06");
  await bob.page.locator('.own[data-level="50000"]').waitFor();

  assert.equal(await charlie.page.locator("[data-level]").count(), 0);
  assert.deepEqual(charlie.requests, []);
  const button = charlie.page.getByRole("button", { name: "Refresh order book" });
  assert.match(
    await button.getAttribute("title"),
    /Other users' orders do not update automatically/,
  );
  await button.click();
  const level = charlie.page.locator('[data-level="50000"]');
  await charlie.waitForText(level.locator("td").nth(1).locator(".number"), "0.06");
  assert.equal(await charlie.page.locator(".own[data-level]").count(), 0);
  await charlie.page.locator(`#trade-${trades[0].id}`).waitFor();
});
