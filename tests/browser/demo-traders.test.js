// The market that the demo's traders keep alive, and the switch that stops them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntil } from "../clients/support/waitUntil.js";
import { Window, useBrowser } from "./support/browser.js";
import { tradeInTwoWindows } from "./support/scenario.js";

useBrowser({ MATCHCAST__DEMO__TRADERS: "true" });

const switchOf = ({ page }) => page.getByRole("switch", { name: "Demo traders" });
const levels = ({ page }) => page.locator("[data-level]");

async function openMarket(window, symbol) {
  await window.page.getByRole("button", { name: `${symbol} /USD` }).click();
}

test("the scenario is true to the cent while they trade", tradeInTwoWindows);

test("a market with a past lives without any request of the page", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  assert.equal(await switchOf(charlie).count(), 0, "BTC has no traders");
  await openMarket(charlie, "ETH");
  await switchOf(charlie).waitFor();
  assert.equal(await switchOf(charlie).getAttribute("aria-checked"), "true");
  await levels(charlie).nth(10).waitFor();
  for (const key of ["change", "high", "low"]) {
    await charlie.page.locator(`[data-test=${key}] .number`).waitFor();
  }
  await charlie.waitForIdle();
  const newest = () => charlie.page.locator(".panel.trades tbody tr").first().getAttribute("id");
  const before = await newest();
  await waitUntil("a new trade", async () => (await newest()) !== before);
  assert.deepEqual(charlie.requests, [], "the page sends no requests");
  await charlie.screenshot("demo-traders");
});

test("the chart has a day of candles", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const answers = [];
  charlie.page.on("response", async (response) => {
    if (new URL(response.url()).pathname === "/api/candles") answers.push(await response.json());
  });
  await openMarket(charlie, "ETH");
  await charlie.page.getByRole("button", { name: "5m", exact: true }).click();
  await waitUntil("the candles", () => answers.some(({ data }) => data.length > 250));
});

test("the switch stops and starts the traders for everybody", async (t) => {
  const alice = await Window.logIn(t, "Alice");
  await openMarket(alice, "ETH");
  await levels(alice).first().waitFor();
  await switchOf(alice).click();
  await alice.page.locator("[role=switch][aria-checked=false]").waitFor();
  await levels(alice).first().waitFor({ state: "detached" });
  await alice.screenshot("demo-traders-off");

  const bob = await Window.logIn(t, "Bob");
  await openMarket(bob, "ETH");
  await bob.page.locator("[role=switch][aria-checked=false]").waitFor();
  // With the keyboard.
  await switchOf(bob).focus();
  await bob.page.keyboard.press("Space");
  await bob.page.locator("[role=switch][aria-checked=true]").waitFor();
  await levels(alice).nth(10).waitFor();
});
