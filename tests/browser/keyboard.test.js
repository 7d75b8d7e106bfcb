// Everything without a mouse, and where the focus is afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { openAdministration } from "./support/administration.js";
import { Window, useBrowser } from "./support/browser.js";
import { Keyboard } from "./support/keyboard.js";

const { server } = useBrowser();
const INVALID = /status of 422/;

async function logIn(t, name, options) {
  const window = await Window.logIn(t, name, options);
  await window.waitForIdle();
  return { window, page: window.page, keyboard: new Keyboard(window) };
}

test("a user logs in, places an order and cancels it", async (t) => {
  const window = await Window.open(t);
  const { page } = window;
  const keyboard = new Keyboard(window);
  await window.goto("/login");
  await page.getByRole("button", { name: "Charlie" }).waitFor();
  await keyboard.tabTo('textbox "Email"');
  await keyboard.type("charlie@example.com");
  await keyboard.press("Tab");
  await keyboard.type("password");
  await keyboard.press("Enter");
  await window.waitForLive();
  // The heading of the page is read.
  await keyboard.waitFor('heading "Dashboard"');

  await keyboard.press("b");
  await keyboard.waitFor('textbox "Price"');
  await keyboard.type("1000");
  await keyboard.press("Tab");
  await keyboard.type("0.1");
  await keyboard.press("Enter");
  await page.locator("[data-test=result].ok").waitFor();
  await keyboard.waitFor('textbox "Amount"');

  const id = await page.locator("[data-order]").getAttribute("data-order");
  await keyboard.tabTo(`button "Cancel order #${id}"`);
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Keep order"');
  await keyboard.press("Shift+Tab");
  await keyboard.waitFor('button "Yes, cancel"');
  await keyboard.press("Enter");
  await window.waitForText(window.order(id).getByTestId("status"), "Cancelled");
  // The button is gone. The row says that the order is cancelled, until it disappears as well.
  await keyboard.waitFor(/^row/);
  await window.order(id).waitFor({ state: "detached" });
  await keyboard.waitFor('tabpanel "Open orders 0"');
});

test("the order form is filled in from top to bottom", async (t) => {
  const { keyboard } = await logIn(t, "Charlie");
  await keyboard.press("s");
  await keyboard.waitFor('textbox "Price"');
  await keyboard.tabTo('radio "Sell BTC"', "Shift+Tab");
  await keyboard.press("ArrowLeft");
  await keyboard.waitFor('radio "Buy BTC"');
  assert.deepEqual(await keyboard.tabTo('button "Buy BTC"'), [
    'combobox "Type"',
    'combobox "Time in force"',
    'textbox "Price"',
    'textbox "Amount"',
    'button "25%"',
    'button "50%"',
    'button "100%"',
    'DisclosureTriangle "Advanced"',
  ]);
  // The field that is wrong gets the focus, with the reason as its description.
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "Price"');
  assert.equal(await keyboard.description(), "USD Enter a number with at most 8 decimal places.");
  await keyboard.type("1000");
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "Amount"');
});

test("forms move the focus to the field that is wrong", async (t) => {
  const window = await Window.open(t, { allowedErrors: [INVALID] });
  const keyboard = new Keyboard(window);
  await window.goto("/register");
  await keyboard.tabTo('textbox "Name"');
  await keyboard.type("Dora");
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "Email"');
  await window.logIn("Bob");
  await window.goto("/tokens");
  await keyboard.tabTo('button "Create token"');
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "Name"');
});

test("an order is amended, and the focus returns also if it is filled meanwhile", async (t) => {
  const { window, keyboard } = await logIn(t, "Charlie");
  const bob = await User.logIn(server(), "bob");
  await window.placeOrder("Buy BTC", "0.1", "1100");
  await keyboard.tabTo(/^button "Amend order/);
  const button = await keyboard.focused();
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "New price"');
  await keyboard.press("Escape");
  await keyboard.waitFor(button);
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "New price"');
  await bob.placeOrder("sell", "0.1", "1100");
  await keyboard.waitFor(/^row/);
  await keyboard.waitFor('tabpanel "Open orders 0"');
});

test("all orders are cancelled, and the focus stays in the list", async (t) => {
  const { window, keyboard } = await logIn(t, "Charlie");
  await window.placeOrder("Buy BTC", "0.1", "900");
  await keyboard.tabTo('button "Cancel all orders shown"');
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Keep orders"');
  await keyboard.press("Shift+Tab", "Enter");
  await keyboard.waitFor('tabpanel "Open orders 0"');
});

test("the link to the content comes first, and nothing is behind the header", async (t) => {
  const { window, page, keyboard } = await logIn(t, "Bob");
  await page.reload();
  await window.waitForLive();
  await window.waitForIdle();
  await keyboard.press("Tab");
  await keyboard.waitFor('link "Skip to content"');
  await keyboard.assertVisible();
  await keyboard.press("Enter");
  await keyboard.waitFor('main ""');
  await keyboard.tabTo('button "Faucet for USD"');
  // Through the page and back, also where the header has two lines.
  for (const size of [
    { width: 1000, height: 500 },
    { width: 360, height: 740 },
  ]) {
    await page.setViewportSize(size);
    await keyboard.tabTo('tab "Open orders 0"');
    await keyboard.tabTo('link "matchcast"', "Shift+Tab");
  }
});

test("the menu and the help sheet return the focus", async (t) => {
  const { page, keyboard } = await logIn(t, "Bob");
  const menu = 'DisclosureTriangle "Bob"';
  await keyboard.tabTo(menu);
  await keyboard.press("Enter");
  await keyboard.tabTo('link "Sessions"');
  await keyboard.press("Escape");
  await keyboard.waitFor(menu);
  assert.equal(await page.locator(".menu[open]").count(), 0);

  await keyboard.press("Enter");
  await keyboard.tabTo('button "Keyboard shortcuts"');
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Close"');
  assert.equal(await page.getByRole("dialog", { name: "Keyboard shortcuts" }).count(), 1);
  await keyboard.press("Escape");
  await keyboard.waitFor(menu);

  await keyboard.tabTo('button "Faucet for BTC"');
  await keyboard.press("?");
  await keyboard.waitFor('button "Close"');
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Faucet for BTC"');

  // A menu that is left does not cover the page.
  await keyboard.tabTo(menu, "Shift+Tab");
  await keyboard.press("Enter");
  await keyboard.tabTo('button "Log out"');
  await keyboard.press("Tab");
  assert.equal(await page.locator(".menu[open]").count(), 0);

  await keyboard.tabTo(menu, "Shift+Tab");
  await keyboard.press("Enter");
  await keyboard.tabTo('link "Access tokens"');
  await keyboard.press("Enter");
  await keyboard.waitFor('heading "Access tokens"');
});

test("an entry of the debug console is opened and closed", async (t) => {
  const { window, keyboard } = await logIn(t, "Bob");
  await window.goto("/debug");
  await window.page.getByRole("button", { name: /^Show the entry of/ }).first().waitFor();
  await keyboard.tabTo(/^button "Show the entry of/);
  const button = await keyboard.focused();
  await keyboard.press("Enter");
  await keyboard.waitFor(/^region/);
  assert.deepEqual(await keyboard.tabTo('group "Data"'), ['button "Close"']);
  await keyboard.tabTo('button "Close"', "Shift+Tab");
  await keyboard.press("Enter");
  await keyboard.waitFor(button);
});

test("administrators act with dialogs that return the focus", async (t) => {
  const { window, sections } = await openAdministration(t, server());
  const keyboard = new Keyboard(window);
  await sections.find(({ name }) => name === "Users").open();
  await keyboard.tabTo('button "New user"');
  await keyboard.press("Enter");
  await keyboard.waitFor('textbox "Name"');
  await keyboard.press("Escape");
  await keyboard.waitFor('button "New user"');

  await keyboard.tabTo('button "Show bob@example.com"');
  await keyboard.press("Enter");
  await keyboard.waitFor('heading "Bob (user 2)"');
  await keyboard.tabTo('button "Freeze"');
  await keyboard.press("Enter");
  await keyboard.waitFor('checkbox "Cancel all open orders too"');
  await keyboard.tabTo('button "Freeze"');
  await keyboard.press("Enter");
  // Freeze is no longer possible, so the user gets the focus.
  await keyboard.waitFor('heading "Bob (user 2)"');
  await keyboard.tabTo('button "Unfreeze"');
  await keyboard.press("Enter");
  await keyboard.tabTo('button "Unfreeze"');
  await keyboard.press("Enter");
  await keyboard.waitFor('heading "Bob (user 2)"');
  await keyboard.tabTo('button "Hide"');
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Show bob@example.com"');

  await sections.find(({ name }) => name === "Markets").open();
  await keyboard.tabTo('button "ETH: Halted"');
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Back"');
  await keyboard.tabTo(/^button "Set ETH to/);
  await keyboard.press("Enter");
  await keyboard.waitFor('region "Markets"');
});

test("buttons keep the focus while they work", async (t) => {
  const { window, page, keyboard } = await logIn(t, "Bob");
  await page.route("**/api/{orders,faucet,tokens}", async (route) => {
    // Long enough for the page to render the state of the button.
    await page.waitForTimeout(200);
    await route.continue();
  });
  for (const name of ["Faucet for USD", /Refresh order book$/, "5m", "Sell BTC"]) {
    const button = page.getByRole("button", { name, exact: true });
    await page.getByLabel("Price", { exact: true }).fill("90000");
    await page.getByLabel("Amount", { exact: true }).fill("0.01");
    if (name === "Sell BTC") await page.getByRole("radio", { name }).check({ force: true });
    await button.focus();
    const focused = await keyboard.focused();
    await keyboard.press("Enter");
    await window.waitForIdle();
    if (name !== "Sell BTC") await button.waitFor();
    assert.ok(await button.evaluate((element) => element === document.activeElement), focused);
  }
});
