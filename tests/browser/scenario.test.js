// The reason for all of this: two people, two windows, and a trade that arrives in both.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Window, useBrowser } from "./support/browser.js";

useBrowser();

test("two windows change by themselves when orders match, a third has no part in it", async (t) => {
  const [alice, bob, charlie] = await Promise.all(
    ["Alice", "Bob", "Charlie"].map((name) => Window.loggedIn(t, name)),
  );
  const everybody = [alice, bob, charlie];
  for (const window of everybody) {
    await window.holds("USD", "available", "10,000");
    await window.markPage();
  }

  await alice.page.getByLabel("Price", { exact: true }).fill("50000");
  await alice.page.getByLabel("Amount", { exact: true }).fill("0.1");
  await alice.reads(alice.page.locator("[data-test=total] .number"), "5,075");
  await alice.reads(alice.page.locator("[data-test=rest] .number"), "4,925");
  await alice.place("Buy BTC", "0.1", "50000");
  await alice.status(1, "Open");
  await alice.holds("USD", "available", "4,925");
  await alice.holds("USD", "locked", "5,075");
  const [rowsOfAlice, rowsOfBob] = [await alice.history().count(), await bob.history().count()];
  const asked = charlie.asked.length;

  await bob.place("Sell BTC", "0.1", "50000");

  await alice.status(1, "Filled");
  await alice.holds("USD", "available", "4,925");
  await alice.holds("USD", "locked", "0");
  await alice.holds("BTC", "available", "0.6");
  await bob.status(2, "Filled");
  await bob.holds("USD", "available", "15,000");
  await bob.holds("BTC", "available", "0.9");
  for (const [window, rows, title] of [
    [alice, rowsOfAlice, "Bought 0.1 BTC"],
    [bob, rowsOfBob, "Sold 0.1 BTC"],
  ]) {
    await window.toasts().getByText(title).waitFor();
    assert.equal(await window.toasts().count(), 1);
    assert.equal(await window.history().count(), rows + 1, "a new row in the history");
    assert.equal(await window.history().first().getAttribute("data-action"), "trade_completed");
    await window.reads(window.page.locator("[data-test=last-price] .number"), "50,000");
    assert.ok(await window.isSamePage(), "nothing was reloaded");
    await window.badge("Live");
  }
  await alice.shoot("dashboard-alice");

  assert.equal(await charlie.toasts().count(), 0, "a third person is told nothing");
  assert.equal(charlie.asked.length, asked, "a third person's page asks for nothing");
  await charlie.holds("USD", "available", "10,000");
});
