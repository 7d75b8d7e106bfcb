// The page where the server tells order.matched and nothing else, as it does in production unless
// it is asked for more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const OFF = ["ORDER_UPDATED", "BALANCE_UPDATED", "TRADE_EXECUTED", "BOOK_UPDATED"];
const { server } = useBrowser(
  Object.fromEntries(OFF.map((name) => [`MATCHCAST__EVENTS__${name}`, "false"])),
);

test("who has traded sees it at once, a third person by asking", async (t) => {
  const bob = await Window.loggedIn(t, "Bob");
  const charlie = await Window.loggedIn(t, "Charlie");
  await charlie.settle();
  const alice = await User.logIn(server(), "alice");
  const { connections } = await alice.get("/debug/events?seen=0");
  const channels = connections.flatMap(({ channels }) => channels).sort();
  assert.deepEqual(channels, ["private-user.2", "private-user.3"], "no market is heard");

  await bob.place("Sell BTC", "0.1", "50000");
  await bob.status(1, "Open");
  const { trades } = await alice.placeOrder("buy", "0.04", "50000");
  await bob.page.locator(`#trade-${trades[0].id}`).getByText("Sold").waitFor();
  await bob.holds("BTC", "locked", "0.06");
  await bob.page.locator('.own[data-level="50000"]').waitFor();

  assert.equal(await charlie.page.locator("[data-level]").count(), 0);
  assert.deepEqual(charlie.asked, []);
  const button = charlie.page.getByRole("button", { name: "Fetch the book again" });
  assert.match(await button.getAttribute("title"), /Other people's orders are not told/);
  await button.click();
  const level = charlie.page.locator('[data-level="50000"]');
  await charlie.reads(level.locator("td").nth(1).locator(".number"), "0.06");
  assert.equal(await charlie.page.locator(".own[data-level]").count(), 0);
  await charlie.page.locator(`#trade-${trades[0].id}`).waitFor();
});
