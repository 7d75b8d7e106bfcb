// The pages as people use them: with a mouse, with a keyboard, and by what a screen reader is told.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const INVALID = /status of (400|422)/;

async function assertAccessible(window, where) {
  // Not as a <script>, which the page's policy would refuse.
  await window.page.evaluate(axe);
  const { violations } = await window.page.evaluate(() => window.axe.run());
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const told = grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(told, [], where);
}

async function assertFits(window, where) {
  const { page } = window;
  const [content, width] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= width, `${where} is ${content} wide in a window of ${width}`);
}

test("a newcomer registers, uses the faucet, and trades", async (t) => {
  const bob = await User.logIn(server(), "bob");
  await bob.placeOrder("sell", "0.05", "40000", "BTC");
  const dora = await Window.open(t, { allowed: [INVALID] });
  const { page } = dora;
  await dora.go("/");
  assert.equal(new URL(page.url()).pathname, "/login");
  await page.getByRole("link", { name: "Create one" }).click();
  await page.getByLabel("Name").fill("Dora");
  await page.getByLabel("E-mail").fill("dora@test.example");
  await page.getByLabel("Password", { exact: true }).fill("password1");
  await page.getByLabel("Password again").fill("password2");
  await page.getByRole("button", { name: "Create the account" }).click();
  await page.locator(".field-error").first().waitFor();
  await dora.shoot("register");
  await page.getByLabel("Password again").fill("password1");
  await page.getByRole("button", { name: "Create the account" }).click();
  await dora.live();
  await dora.holds("USD", "available", "0");

  await page.getByRole("button", { name: "Faucet for USD" }).click();
  await dora.holds("USD", "available", "10,000");
  await page.locator("[data-level='40000']").click();
  assert.equal(await page.getByLabel("Price", { exact: true }).inputValue(), "40000");
  assert.equal(await page.getByLabel("Amount", { exact: true }).inputValue(), "0.05");
  await page.getByTestId("place").click();
  await dora.holds("BTC", "available", "0.05");
  await dora.holds("USD", "available", "7,970");
  await dora.toasts().getByText("Bought 0.05 BTC").waitFor();
});

test("an order that cannot be paid is refused in the form", async (t) => {
  const charlie = await Window.loggedIn(t, "Charlie", { allowed: [INVALID] });
  const { page } = charlie;
  await page.getByLabel("Price", { exact: true }).fill("1e3");
  await page.getByTestId("place").click();
  assert.equal(await page.locator(".order-form .field-error").count(), 2);
  await page.getByLabel("Price", { exact: true }).fill("50000");
  await page.getByLabel("Amount", { exact: true }).fill("1");
  await page.getByText("Missing").waitFor();
  await page.getByTestId("place").click();
  await page.locator("[data-test=outcome].error").getByText("Insufficient USD").waitFor();
});

test("an order is cancelled after a question, and with the keyboard alone", async (t) => {
  const charlie = await Window.loggedIn(t, "Charlie");
  const { page } = charlie;
  await charlie.place("Buy BTC", "0.1", "1000");
  const row = page.locator("[data-order]").first();
  const id = await row.getAttribute("data-order");
  await charlie.holds("USD", "locked", "101.5");

  // The question comes up with the harmless answer in focus.
  await page.getByRole("button", { name: `Cancel order #${id}` }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Keep it" }).waitFor();
  await page.keyboard.press("Enter");
  await charlie.status(id, "Open");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Yes, cancel" }).focus();
  await page.keyboard.press("Enter");
  await charlie.status(id, "Cancelled");
  await charlie.holds("USD", "available", "10,000");
  await charlie.holds("USD", "locked", "0");
});

test("a share of the money buys no more than there is", async (t) => {
  const charlie = await Window.loggedIn(t, "Charlie");
  const { page } = charlie;
  await page.getByLabel("Price", { exact: true }).fill("999.99");
  await page.getByRole("button", { name: "100 %" }).click();
  await page.getByTestId("place").click();
  await page.locator("[data-test=outcome].ok").waitFor();
  const order = page.locator("[data-order]").first();
  await order.getByRole("button", { name: /Cancel order/ }).click();
  await page.getByRole("button", { name: "Yes, cancel" }).click();
  await charlie.holds("USD", "available", "10,000");
});

test("the history leads to its order, and is saved as a file", async (t) => {
  const charlie = await Window.loggedIn(t, "Charlie");
  const { page } = charlie;
  await page.locator("[data-entry] .link").filter({ hasText: "Order" }).first().click();
  await page.locator(".orders tr.lit").waitFor();
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  const file = readFileSync(await (await saving).path(), "utf8").split("\r\n");
  assert.equal(file[0].split(",").slice(0, 3).join(), "id,date,currency");
  assert.equal(
    file.length - 2,
    Number((await page.getByText(/\d+ entr(y|ies)$/).textContent()).split(" ")[0]),
  );
});

test("a second window is somebody else, and the first stays who it was", async (t) => {
  const alice = await Window.loggedIn(t, "Alice");
  await alice.page.locator(".menu summary").click();
  const opening = alice.context.waitForEvent("page");
  await alice.page.getByRole("button", { name: "Bob", exact: true }).click();
  const second = await opening;
  await second.getByTestId("connection").getByText("Live").waitFor();
  assert.equal(await second.locator(".menu .name").textContent(), "Bob");
  await second.reload();
  await second.getByText("Bob", { exact: true }).first().waitFor();
  await alice.page.reload();
  await alice.live();
  assert.equal(await alice.page.locator(".menu .name").textContent(), "Alice");
});

test("every page is for everybody, in both themes and on a small screen", async (t) => {
  const phone = { width: 360, height: 740 };
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [undefined, phone]) {
      const size = viewport ? "small" : "wide";
      const options = { colorScheme, ...(viewport && { viewport }) };
      const window = await Window.open(t, options);
      for (const page of ["login", "register", "nowhere"]) {
        const name = `${page}-${colorScheme}-${size}`;
        await window.go(`/${page}`);
        await window.page.getByRole("heading", { level: 1 }).waitFor();
        if (page === "login") await window.page.getByRole("button", { name: "Bob" }).waitFor();
        await assertAccessible(window, name);
        await assertFits(window, name);
        await window.shoot(name);
      }
      await window.go("/login");
      await window.page.getByRole("button", { name: "Bob", exact: true }).click();
      await window.live();
      const name = `dashboard-${colorScheme}-${size}`;
      await window.page.locator(".levels, .book .empty").first().waitFor();
      await assertAccessible(window, name);
      await assertFits(window, name);
      await window.shoot(name);
      await window.go("/debug");
      await window.page.getByText(/Connections \([1-9]/).waitFor();
      const debug = `debug-${colorScheme}-${size}`;
      await assertAccessible(window, debug);
      await assertFits(window, debug);
      await window.shoot(debug);
    }
  }
});
