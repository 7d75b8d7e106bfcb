// The pages with mouse and keyboard, their accessibility, and small screens.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible, assertFits } from "./support/pageChecks.js";

const { server } = useBrowser();
const INVALID = /status of (400|422)/;

test("a new user registers, uses the faucet and trades", async (t) => {
  const bob = await User.logIn(server(), "bob");
  await bob.placeOrder("sell", "0.05", "40000", "BTC");
  const dora = await Window.open(t, { allowedErrors: [INVALID] });
  const { page } = dora;
  await dora.goto("/");
  assert.equal(new URL(page.url()).pathname, "/login");
  await page.getByRole("link", { name: "Create one" }).click();
  await page.getByLabel("Name").fill("Dora");
  await page.getByLabel("Email").fill("dora@test.example");
  await page.getByLabel("Password", { exact: true }).fill("password1");
  await page.getByLabel("Confirm password").fill("password2");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.locator(".field-error").first().waitFor();
  await dora.screenshot("register");
  await page.getByLabel("Confirm password").fill("password1");
  await page.getByRole("button", { name: "Create account" }).click();
  await dora.waitForLive();
  await dora.waitForBalance("USD", "available", "0");

  await page.getByRole("button", { name: "Faucet for USD" }).click();
  await dora.waitForBalance("USD", "available", "10,000");
  await page.locator("[data-level='40000']").click();
  assert.equal(await page.getByLabel("Price", { exact: true }).inputValue(), "40000");
  assert.equal(await page.getByLabel("Amount", { exact: true }).inputValue(), "0.05");
  await page.getByTestId("place").click();
  await dora.toasts().getByText("Bought 0.05 BTC").waitFor();
  await dora.waitForBalance("BTC", "available", "0.05");
  await dora.waitForBalance("USD", "available", "7,970");
});

test("an order without sufficient funds is rejected in the form", async (t) => {
  const charlie = await Window.logIn(t, "Charlie", { allowedErrors: [INVALID] });
  const { page } = charlie;
  await page.getByLabel("Price", { exact: true }).fill("1e3");
  await page.getByTestId("place").click();
  assert.equal(await page.locator(".order-form .field-error").count(), 2);
  await page.getByLabel("Price", { exact: true }).fill("50000");
  await page.getByLabel("Amount", { exact: true }).fill("1");
  await page.getByText("Shortfall").waitFor();
  await page.getByTestId("place").click();
  await page.locator("[data-test=result].error").getByText("Insufficient USD").waitFor();
});

test("an order can be cancelled with the keyboard after a confirmation", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await charlie.placeOrder("Buy BTC", "0.1", "1000");
  const row = page.locator("[data-order]").first();
  const id = await row.getAttribute("data-order");
  await charlie.waitForBalance("USD", "locked", "101.5");

  // The confirmation focuses the safe choice.
  await page.getByRole("button", { name: `Cancel order #${id}` }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Keep order" }).waitFor();
  await page.keyboard.press("Enter");
  await charlie.waitForStatus(id, "Open");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Yes, cancel" }).focus();
  await page.keyboard.press("Enter");
  await charlie.waitForStatus(id, "Cancelled");
  await charlie.waitForBalance("USD", "available", "10,000");
  await charlie.waitForBalance("USD", "locked", "0");
});

test("an order for 100% of the balance is affordable", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await page.getByLabel("Price", { exact: true }).fill("999.99");
  await page.getByRole("button", { name: "100%" }).click();
  await page.getByTestId("place").click();
  await page.locator("[data-test=result].ok").waitFor();
  const order = page.locator("[data-order]").first();
  await order.getByRole("button", { name: /Cancel order/ }).click();
  await page.getByRole("button", { name: "Yes, cancel" }).click();
  await charlie.waitForBalance("USD", "available", "10,000");
});

test("a history entry links to its order, and the history can be downloaded", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await charlie.openTab("Balance history");
  await page.locator("[data-entry] .link").filter({ hasText: "Order" }).first().click();
  await page.locator(".orders tr.highlighted").waitFor();
  await charlie.openTab("Balance history");
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  const lines = readFileSync(await (await downloading).path(), "utf8").split("\r\n");
  assert.equal(lines[0].split(",").slice(0, 3).join(), "id,date,currency");
  assert.equal(
    lines.length - 2,
    Number((await page.getByText(/\d+ entr(y|ies)$/).textContent()).split(" ")[0]),
  );
});

test("a second window can be logged in as another user", async (t) => {
  const alice = await Window.logIn(t, "Alice");
  await alice.page.locator(".menu summary").click();
  const opening = alice.context.waitForEvent("page");
  await alice.page.getByRole("button", { name: "Bob", exact: true }).click();
  const second = await opening;
  await second.getByTestId("connection").getByText("Live").waitFor();
  assert.equal(await second.locator(".menu .name").textContent(), "Bob");
  await second.reload();
  await second.getByText("Bob", { exact: true }).first().waitFor();
  await alice.page.reload();
  await alice.waitForLive();
  assert.equal(await alice.page.locator(".menu .name").textContent(), "Alice");
});

test("every page is accessible and fits, in both themes and on a small screen", async (t) => {
  const phone = { width: 360, height: 740 };
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [undefined, phone]) {
      const size = viewport ? "small" : "wide";
      const options = { colorScheme, ...(viewport && { viewport }) };
      const window = await Window.open(t, options);
      for (const page of ["login", "register", "unknown-page"]) {
        const name = `${page}-${colorScheme}-${size}`;
        await window.goto(`/${page}`);
        await window.page.getByRole("heading", { level: 1 }).waitFor();
        if (page === "login") await window.page.getByRole("button", { name: "Bob" }).waitFor();
        await assertAccessible(window, name);
        await assertFits(window, name);
        await window.screenshot(name);
      }
      await window.goto("/login");
      await window.page.getByRole("button", { name: "Bob", exact: true }).click();
      await window.waitForLive();
      const name = `dashboard-${colorScheme}-${size}`;
      await window.page.locator(".levels, .book .empty").first().waitFor();
      await assertAccessible(window, name);
      await assertFits(window, name);
      await window.screenshot(name);
      await window.goto("/tokens");
      await window.page.getByText("No tokens yet.").waitFor();
      await assertAccessible(window, `tokens-${colorScheme}-${size}`);
      await assertFits(window, `tokens-${colorScheme}-${size}`);
      await window.goto("/sessions");
      await window.page.getByTestId("current").waitFor();
      const sessions = `sessions-${colorScheme}-${size}`;
      await assertAccessible(window, sessions);
      await assertFits(window, sessions);
      await window.screenshot(sessions);
      await window.goto("/debug");
      await window.page.getByText(/Connections \([1-9]/).waitFor();
      const debug = `debug-${colorScheme}-${size}`;
      await assertAccessible(window, debug);
      await assertFits(window, debug);
      await window.screenshot(debug);
    }
  }
});
