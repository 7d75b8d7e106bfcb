// Orders that wait for a stop price or expire, and amendments of open orders.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible, assertFits } from "./support/pageChecks.js";

const { server } = useBrowser();
const INVALID = /status of (400|422)/;
const PHONE = { width: 360, height: 740 };

const choose = (page, label, option) => page.getByLabel(label).selectOption({ label: option });
const field = (page, label) => page.getByLabel(label, { exact: true });

// The error that screen readers announce with the field.
async function errorOf(input) {
  await input.and(input.page().locator("[aria-invalid=true]")).waitFor();
  // After the unit.
  const id = (await input.getAttribute("aria-describedby")).split(" ").at(-1);
  return input.page().locator(`[id="${id}"]`).textContent();
}

const placedId = async ({ page }) =>
  (await page.locator("[data-test=result].ok").textContent()).match(/Order #(\d+): /)[1];

// Places the order of the form, and returns its id.
async function place(window) {
  await window.page.getByTestId("place").click();
  return placedId(window);
}

// Checks the current state of the page in both themes and on a phone, with a screenshot of each.
async function assertUsable(window, name) {
  const { page } = window;
  const wide = page.viewportSize();
  for (const [suffix, colorScheme, viewport] of [
    ["light", "light", wide],
    ["dark", "dark", wide],
    ["small", "dark", PHONE],
  ]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    // A color that is changing may lack contrast.
    await page.waitForFunction(() => document.getAnimations().length === 0);
    await assertAccessible(window, `${name}-${suffix}`);
    await assertFits(window, `${name}-${suffix}`);
    for (const form of await page.locator(".amendment form").all()) {
      const { x, width } = await form.boundingBox();
      assert.ok(x >= 0 && x + width <= viewport.width, `${name}-${suffix}: the form is cut off`);
    }
    await window.screenshot(`${name}-${suffix}`);
  }
  await page.setViewportSize(wide);
}

test("a stop-limit order waits until another user's trade reaches its stop price", async (t) => {
  const [bob, charlie] = await Promise.all(
    ["bob", "charlie"].map((name) => User.logIn(server(), name)),
  );
  const alice = await Window.logIn(t, "Alice");
  const { page } = alice;
  await choose(page, "Type", "Stop market");
  assert.equal(await field(page, "Price").count(), 0);
  await choose(page, "Type", "Stop limit");
  await field(page, "Price").fill("52000");
  await field(page, "Amount").fill("0.1");
  await page.getByTestId("place").click();
  assert.match(await errorOf(field(page, "Stop price")), /^Enter a number/);
  await field(page, "Stop price").fill("51000");
  await alice.waitForText(
    page.getByTestId("preview"),
    "Now: reserves 5,278 USD and waits until a trade reaches the stop price 51,000.",
  );
  await assertUsable(alice, "order-form-stop");
  const id = await place(alice);
  await alice.waitForStatus(id, "Waiting");
  await alice.waitForBalance("USD", "locked", "5,278");
  await alice.waitForText(alice.order(id).getByTestId("stop-price").locator(".number"), "51,000");
  await page.getByText("No open orders in BTC.").waitFor();
  await assertUsable(alice, "order-waiting");

  await bob.placeOrder("sell", "0.2", "51500");
  await page.locator("[data-level='51500']").waitFor();
  await alice.waitForStatus(id, "Waiting");
  await bob.placeOrder("sell", "0.01", "51000");
  await charlie.placeOrder("buy", "0.01", "51000");
  await alice.waitForStatus(id, "Filled");
  await alice.waitForBalance("BTC", "available", "0.6");
  await alice.waitForBalance("USD", "locked", "0");
});

test("an order with a date expires and leaves the open orders", async (t) => {
  const charlie = await Window.logIn(t, "Charlie", {
    allowedErrors: [INVALID],
    timezoneId: "America/New_York",
  });
  const { page } = charlie;
  const expiry = page.getByLabel("Expires");
  const fillExpiry = async (ms) =>
    expiry.fill(
      await page.evaluate((later) => {
        const time = Date.now() + later - new Date().getTimezoneOffset() * 60_000;
        return new Date(time).toISOString().slice(0, 19);
      }, ms),
    );
  assert.equal(await expiry.count(), 0);
  await choose(page, "Time in force", "Good till date");
  await field(page, "Price").fill("1000");
  await field(page, "Amount").fill("0.1");
  await page.getByTestId("place").click();
  assert.match(await errorOf(expiry), /^Enter a date/);
  await fillExpiry(-60_000);
  await page.getByTestId("place").click();
  await page.locator(".order-form .field-error").getByText("must be in the future").waitFor();
  await fillExpiry(60_000);
  const late = await place(charlie);
  await field(page, "Amount").fill("0.1");
  await fillExpiry(15_000);
  const id = await place(charlie);
  await charlie.order(id).getByTestId("expiry").getByText("Until").waitFor();
  await charlie.waitForBalance("USD", "locked", "203");

  await charlie.order(id).waitFor({ state: "detached" });
  await charlie.waitForBalance("USD", "locked", "101.5");
  await charlie.waitForStatus(late, "Open");
  await charlie.waitForStatus(id, "Expired");
});

test("an open order is amended in the list, once even if the response was lost", async (t) => {
  const bob = await Window.logIn(t, "Bob", { allowedErrors: [INVALID, /ERR_CONNECTION_RESET/] });
  const { page } = bob;
  await bob.placeOrder("Buy BTC", "0.1", "1000");
  const id = await placedId(bob);
  const amend = page.getByRole("button", { name: `Amend order #${id}` });
  const save = page.getByTestId("save");
  await amend.focus();
  await page.keyboard.press("Enter");
  assert.ok(await field(page, "New price").evaluate((input) => input === document.activeElement));
  await page.keyboard.press("Escape");
  await save.waitFor({ state: "detached" });
  assert.ok(await amend.evaluate((button) => button === document.activeElement));

  await page.keyboard.press("Enter");
  await field(page, "New amount").fill("0");
  await save.click();
  assert.match(await errorOf(field(page, "New amount")), /greater than zero/);
  await field(page, "New price").fill("1100.5");
  await field(page, "New amount").fill("1000");
  await save.click();
  await page.locator(".amendment [role=alert]").getByText("Insufficient USD").waitFor();
  await assertUsable(bob, "amendment");

  const keys = [];
  await page.route(`**/api/orders/${id}`, async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    const response = await route.fetch();
    return keys.length > 1 ? route.fulfill({ response }) : route.abort("connectionreset");
  });
  await field(page, "New amount").fill("0.2");
  await page.keyboard.press("Enter");
  await page.locator(".amendment [role=alert]").getByText("only once").waitFor();
  await save.click();
  await bob.toasts().getByText(`Order #${id} amended`).waitFor();
  await save.waitFor({ state: "detached" });
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.match(keys[0], /^[0-9a-f]{32}$/);
  await bob.waitForBalance("USD", "locked", "223.4015");
  await bob.waitForText(bob.order(id).locator(".number").first(), "1,100.5");
  await page.locator("[data-level='1100.5'].own").waitFor();
});
