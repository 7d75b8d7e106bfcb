// What a page shows of a market by itself: to somebody who takes no part in it, and to somebody who
// acts elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();

async function opened(t, name, symbol = "BTC") {
  const window = await Window.loggedIn(t, name);
  await window.page.getByRole("button", { name: `${symbol} /USD` }).click();
  await window.settle();
  await window.markPage();
  return window;
}
async function cancel(user, { id }) {
  const url = `${server().url}/api/orders/${id}/cancel`;
  const answer = await fetch(url, { method: "POST", headers: user.headers });
  assert.equal(answer.status, 200);
}
const level = (window, price) => window.page.locator(`[data-level="${price}"]`);
const amount = (row) => row.locator("td").nth(1).locator(".number");

test("a third person sees what others place, trade and cancel, and asks for nothing", async (t) => {
  const charlie = await opened(t, "Charlie");
  const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];

  const { order } = await alice.placeOrder("buy", "0.1", "50000");
  await charlie.reads(amount(level(charlie, "50000")), "0.1");
  const { trades } = await bob.placeOrder("sell", "0.04", "50000");
  await charlie.reads(amount(level(charlie, "50000")), "0.06");

  const [{ id }] = trades;
  const cells = charlie.page.locator(`#trade-${id} .number`);
  await charlie.reads(cells.nth(0), "50,000");
  await charlie.reads(cells.nth(1), "0.04");
  await charlie.reads(charlie.page.locator("[data-test=last-price] .number"), "50,000");
  const chart = charlie.page.getByRole("figure", { name: "in 1 trades; the last one at 50,000" });
  await chart.waitFor();
  await charlie.shoot("market-of-others");

  await cancel(alice, order);
  await level(charlie, "50000").waitFor({ state: "detached" });
  assert.deepEqual(charlie.asked, [], "the page asks for nothing");
  assert.equal(await charlie.toasts().count(), 0);
  assert.ok(await charlie.isSamePage());
});

test("a market that is chosen is seen instead of the one before", async (t) => {
  const charlie = await opened(t, "Charlie", "ETH");
  const alice = await User.logIn(server(), "alice");
  const inBitcoin = await alice.placeOrder("buy", "0.1", "2001", "BTC");
  const inEther = await alice.placeOrder("buy", "0.1", "2000", "ETH");
  await level(charlie, "2000").waitFor();
  assert.equal(await level(charlie, "2001").count(), 0);
  for (const { order } of [inBitcoin, inEther]) await cancel(alice, order);
  await level(charlie, "2000").waitFor({ state: "detached" });
  assert.deepEqual(charlie.asked, []);
});

test("what one does elsewhere is on the page too, without a toast", async (t) => {
  const window = await opened(t, "Alice");
  const alice = await User.logIn(server(), "alice");
  const { order } = await alice.placeOrder("buy", "0.1", "40000");
  await window.status(order.id, "Open");
  await window.holds("USD", "locked", "4,060");
  await window.page.locator('.own[data-level="40000"]').waitFor();
  await cancel(alice, order);
  await window.status(order.id, "Cancelled");
  await window.holds("USD", "locked", "0");
  await level(window, "40000").waitFor({ state: "detached" });
  assert.equal(await window.toasts().count(), 0);
  assert.ok(await window.isSamePage());
});
