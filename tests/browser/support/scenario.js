// The main scenario: two users, two windows, and a trade that appears in both.
import assert from "node:assert/strict";
import { Window } from "./browser.js";

// The id of the user's newest order in the list that is open.
const newestOrder = (window) =>
  window.page.locator("[data-order]").first().getAttribute("data-order");

// A trade updates both traders' windows and does not affect a third user.
export async function tradeInTwoWindows(t) {
  const [alice, bob, charlie] = await Promise.all(
    ["Alice", "Bob", "Charlie"].map((name) => Window.logIn(t, name)),
  );
  const windows = [alice, bob, charlie];
  for (const window of windows) {
    await window.waitForBalance("USD", "available", "10,000");
    await window.markDocument();
  }
  // A page that is live refreshes once more.
  await Promise.all(windows.map((window) => window.waitForIdle()));

  await alice.page.getByLabel("Price", { exact: true }).fill("50000");
  await alice.page.getByLabel("Amount", { exact: true }).fill("0.1");
  await alice.waitForText(alice.page.locator("[data-test=total] .number"), "5,075");
  await alice.waitForText(alice.page.locator("[data-test=remaining] .number"), "4,925");
  await alice.placeOrder("Buy BTC", "0.1", "50000");
  await alice.openTab("Open orders");
  const orderOfAlice = await newestOrder(alice);
  await alice.waitForStatus(orderOfAlice, "Open");
  await alice.waitForBalance("USD", "available", "4,925");
  await alice.waitForBalance("USD", "locked", "5,075");
  // The history may be loaded after the balances.
  await alice.waitForIdle();
  for (const window of [alice, bob]) {
    await window.openTab("Balance history");
    await window.historyEntries().first().waitFor();
  }
  const [rowsOfAlice, rowsOfBob] = [
    await alice.historyEntries().count(),
    await bob.historyEntries().count(),
  ];

  for (const window of [alice, bob]) await window.openTab("Open orders");

  // Toasts disappear after some seconds, so they are awaited from the beginning.
  await Promise.all([
    bob.placeOrder("Sell BTC", "0.1", "50000"),
    alice.toasts().getByText("Bought 0.1 BTC").waitFor(),
    bob.toasts().getByText("Sold 0.1 BTC").waitFor(),
    // The list of open orders keeps a closed order for some seconds.
    alice.waitForText(alice.order(orderOfAlice).getByTestId("status"), "Filled"),
  ]);

  await alice.waitForStatus(orderOfAlice, "Filled");
  await alice.waitForBalance("USD", "available", "4,925");
  await alice.waitForBalance("USD", "locked", "0");
  await alice.waitForBalance("BTC", "available", "0.6");
  await bob.openTab("Order history");
  await bob.waitForStatus(await newestOrder(bob), "Filled");
  await bob.waitForBalance("USD", "available", "15,000");
  await bob.waitForBalance("BTC", "available", "0.9");
  for (const [window, rows, commission] of [
    [alice, rowsOfAlice, "75"],
    [bob, rowsOfBob, "0"],
  ]) {
    assert.ok((await window.toasts().count()) <= 1, "one toast");
    await window.openTab("Balance history");
    await window.historyEntries().nth(rows).waitFor();
    assert.equal(await window.historyEntries().count(), rows + 1, "the history has a new row");
    assert.equal(
      await window.historyEntries().first().getAttribute("data-action"),
      "trade_completed",
    );
    const entry = window.historyEntries().first();
    await window.waitForText(entry.getByTestId("value").locator(".number"), "5,000");
    await window.waitForText(entry.getByTestId("commission").locator(".number"), commission);
    await window.waitForText(window.page.locator("[data-test=last-price] .number"), "50,000");
    assert.ok(await window.isSameDocument(), "the page was not reloaded");
    await window.waitForBadge("Live");
  }
  await alice.screenshot("dashboard-alice");

  assert.equal(await charlie.toasts().count(), 0, "the third user sees no toast");
  assert.deepEqual(charlie.requests, [], "the third page sends no requests");
  await charlie.waitForBalance("USD", "available", "10,000");
}
