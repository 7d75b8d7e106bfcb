// The order form: types and times in force, the preview, and an order whose response was lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Window, useBrowser } from "./support/browser.js";

useBrowser();

const choose = (page, label, option) => page.getByLabel(label).selectOption({ label: option });
const preview = (window, text) => window.waitForText(window.page.getByTestId("preview"), text);
const result = (window) => window.page.locator("[data-test=result]");

test("an order whose response was lost is placed once, however often it is sent", async (t) => {
  const bob = await Window.logIn(t, "Bob", {
    allowedErrors: [/ERR_CONNECTION_RESET/],
  });
  const { page } = bob;
  let lost = 0;
  await page.route("**/api/orders", async (route) => {
    if (route.request().method() !== "POST" || lost > 1) return route.continue();
    // The server executes the order, and the page never learns it.
    await route.fetch();
    lost += 1;
    return route.abort("connectionreset");
  });
  await page.getByRole("radio", { name: "Sell BTC" }).check({ force: true });
  await page.getByLabel("Price", { exact: true }).fill("20000");
  await page.getByLabel("Amount", { exact: true }).fill("0.1");
  for (let click = 0; click < 2; click += 1) {
    await page.getByTestId("place").click();
    await page.locator("[data-test=result].error").waitFor();
    assert.match(await result(bob).textContent(), /You can place it again: .* only once/);
  }
  await page.getByTestId("place").click();
  await page.locator("[data-test=result].ok").waitFor();
  assert.match(await result(bob).textContent(), /^Order #1: Open/);
  await bob.waitForStatus(1, "Open");
  assert.equal(await page.locator("[data-order]").count(), 1, "one order");
  await bob.waitForBalance("BTC", "locked", "0.1");
});

test("the preview says what an order would do, and the order does it", async (t) => {
  const alice = await Window.logIn(t, "Alice", {
    allowedErrors: [/400 \(Bad Request\)/],
  });
  const { page } = alice;
  const amount = page.getByLabel("Amount", { exact: true });
  await page.getByLabel("Price", { exact: true }).fill("20000");
  await amount.fill("0.2");
  await preview(alice, "Now: fills 0.1 BTC at 20,000 on average; 0.1 BTC rest in the book.");

  await page.getByText("Advanced").click();
  await page.getByLabel("Post only").check();
  await preview(alice, "The post-only order would match at once. Nothing was reserved.");
  await page.getByTestId("place").click();
  await page.locator("[data-test=result].error").waitFor();
  await page.getByLabel("Post only").uncheck();

  await choose(page, "Time in force", "Fill or kill");
  assert.ok(await page.getByLabel("Post only").isDisabled(), "it never rests");
  await preview(alice, "Now: the order is cancelled, as it cannot be filled completely.");

  await choose(page, "Type", "Market");
  assert.equal(await page.getByLabel("Price", { exact: true }).count(), 0);
  await amount.fill("0.05");
  await preview(alice, "Now: fills 0.05 BTC at 20,000 on average.");
  // The bound is 5 % above the best price: 0.05 × 21,000, and 1.5 % commission.
  await alice.waitForText(page.locator("[data-test=total] .number"), "1,065.75");
  await alice.screenshot("order-form-market");
  await page.getByTestId("place").click();
  await page.locator("[data-test=result].ok").waitFor();
  assert.match(await result(alice).textContent(), /Filled, 0\.05 of 0\.05 filled/);
  await alice.waitForBalance("BTC", "available", "0.55");
  await alice.waitForBalance("USD", "available", "8,985");

  // 0.025 BTC for 500 USD, and 7.50 commission.
  await page.getByLabel("Unit of the size").selectOption({ label: "USD" });
  await page.getByLabel("Spend at most", { exact: true }).fill("507.5");
  await preview(alice, "Now: fills 0.025 BTC at 20,000 on average.");
  await alice.waitForText(page.locator("[data-test=total] .number"), "507.5");
  await alice.screenshot("order-form-quote-amount");
  await page.getByTestId("place").click();
  await result(alice).filter({ hasText: "Filled, 0.025 of 0.025 filled" }).waitFor();
  await alice.waitForBalance("BTC", "available", "0.575");
  await alice.waitForBalance("USD", "available", "8,477.5");
});
