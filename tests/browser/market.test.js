// Live updates of a market: for a user who does not trade, and for a user who trades in another
// client.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();

async function openMarket(t, name, symbol = "BTC") {
  const window = await Window.logIn(t, name);
  await window.page.getByRole("button", { name: `${symbol} /USD` }).click();
  await window.waitForIdle();
  await window.markDocument();
  return window;
}
async function cancel(user, { id }) {
  const url = `${server().url}/api/orders/${id}/cancel`;
  const response = await fetch(url, { method: "POST", headers: user.headers });
  assert.equal(response.status, 200);
}
const level = (window, price) => window.page.locator(`[data-level="${price}"]`);
const amount = (row) => row.locator("td").nth(1).locator(".number");

test("a third user sees orders, trades and cancellations without any request", async (t) => {
  const charlie = await openMarket(t, "Charlie");
  const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];

  const { order } = await alice.placeOrder("buy", "0.1", "50000");
  await charlie.waitForText(amount(level(charlie, "50000")), "0.1");
  const { trades } = await bob.placeOrder("sell", "0.04", "50000");
  await charlie.waitForText(amount(level(charlie, "50000")), "0.06");

  const [{ id }] = trades;
  const cells = charlie.page.locator(`#trade-${id} .number`);
  await charlie.waitForText(cells.nth(0), "50,000");
  await charlie.waitForText(cells.nth(1), "0.04");
  await charlie.waitForText(charlie.page.locator("[data-test=last-price] .number"), "50,000");
  const chart = charlie.page.getByRole("figure", { name: "1 trade, last price 50,000" });
  await chart.waitFor();
  await charlie.screenshot("market-third-user");

  await cancel(alice, order);
  await level(charlie, "50000").waitFor({ state: "detached" });
  assert.deepEqual(charlie.requests, [], "the page sends no requests");
  assert.equal(await charlie.toasts().count(), 0);
  assert.ok(await charlie.isSameDocument());
});

test("selecting a market replaces the live updates of the previous one", async (t) => {
  const charlie = await openMarket(t, "Charlie", "ETH");
  const alice = await User.logIn(server(), "alice");
  const inBitcoin = await alice.placeOrder("buy", "0.1", "2001", "BTC");
  const inEther = await alice.placeOrder("buy", "0.1", "2000", "ETH");
  await level(charlie, "2000").waitFor();
  assert.equal(await level(charlie, "2001").count(), 0);
  for (const { order } of [inBitcoin, inEther]) await cancel(alice, order);
  await level(charlie, "2000").waitFor({ state: "detached" });
  assert.deepEqual(charlie.requests, []);
});

test("changes by the same user in another client appear without a toast", async (t) => {
  const window = await openMarket(t, "Alice");
  const alice = await User.logIn(server(), "alice");
  const { order } = await alice.placeOrder("buy", "0.1", "40000");
  await window.waitForStatus(order.id, "Open");
  await window.waitForBalance("USD", "locked", "4,060");
  await window.page.locator('.own[data-level="40000"]').waitFor();
  await cancel(alice, order);
  await window.waitForStatus(order.id, "Cancelled");
  await window.waitForBalance("USD", "locked", "0");
  await level(window, "40000").waitFor({ state: "detached" });
  assert.equal(await window.toasts().count(), 0);
  assert.ok(await window.isSameDocument());
});
