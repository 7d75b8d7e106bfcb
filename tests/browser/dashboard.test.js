// The market at a glance, the user's records in tabs, notices and shortcuts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible, assertFits } from "./support/pageChecks.js";

const { server } = useBrowser();
const PHONE = { width: 360, height: 740 };
const TABS = ["Open orders", "Order history", "Trades", "Balance history"];

const users = (...names) => Promise.all(names.map((name) => User.logIn(server(), name)));
const summary = (window, name) => window.page.getByTestId(name).locator(".number");

test("a market without trades and orders explains its empty charts", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await page.getByRole("button", { name: "ETH /USD" }).click();
  await page.getByText("No trade yet").waitFor();
  await page.getByText(/No trades in ETH yet\. The first candle appears when/).waitFor();
  await page.locator(".depth").getByText("The depth of the open orders appears here").waitFor();
  await page.getByText("No orders yet. Use the form to place one.").waitFor();
  await charlie.screenshot("empty-market");
});

test("the last 24 hours and the depth of a market follow its events", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await charlie.waitForIdle();
  const [alice, bob] = await users("alice", "bob");
  await alice.placeOrder("buy", "0.01", "50000");
  await bob.placeOrder("sell", "0.01", "50000");
  await charlie.waitForText(summary(charlie, "last-price"), "50,000");
  await bob.placeOrder("sell", "0.04", "51000");
  await alice.placeOrder("buy", "0.02", "51000");
  await charlie.waitForText(summary(charlie, "last-price"), "51,000");
  const change = page.getByTestId("change").locator(".number");
  await change.getByText("+1,000 (+2%)").waitFor();
  await charlie.waitForText(summary(charlie, "high"), "51,000");
  await charlie.waitForText(summary(charlie, "low"), "50,000");
  await charlie.waitForText(summary(charlie, "volume"), "0.03");
  await charlie.waitForText(summary(charlie, "quote-volume"), "1,520");

  await alice.placeOrder("buy", "0.01", "49000");
  const depth = page.getByRole("img", { name: "BTC depth: 0.01 BTC can be sold down to 49,000" });
  await depth.waitFor();
  assert.match(await depth.getAttribute("aria-label"), /0\.02 BTC can be bought up to 51,000$/);
  assert.deepEqual(charlie.requests, [], "the page sends no requests");
  const { width } = await depth.boundingBox();
  await depth.hover({ position: { x: width - 2, y: 60 } });
  await depth.getByText("Buy 0.02 BTC at 51,000 or better").waitFor();
  await page.reload();
  await charlie.waitForLive();
  await change.getByText("+1,000 (+2%)").waitFor();
  await charlie.waitForText(summary(charlie, "volume"), "0.03");
});

test("a trade says what it cost, and all open orders can be cancelled", async (t) => {
  const window = await Window.logIn(t, "Alice");
  const { page } = window;
  const [alice, bob] = await users("alice", "bob");
  const url = `${server().url}/api/orders`;
  assert.equal((await fetch(url, { method: "DELETE", headers: alice.headers })).status, 200);
  await bob.placeOrder("sell", "0.01", "40000");
  await window.openTab("Trades");
  await page.locator("[data-trade]").first().waitFor();
  const rows = await page.locator("[data-trade]").count();
  await alice.placeOrder("buy", "0.01", "40000");
  await page.locator("[data-trade]").nth(rows).waitFor();
  const newest = page.locator("[data-trade]").first();
  const numbers = { price: "40,000", amount: "0.01", value: "400", commission: "6" };
  for (const [name, text] of Object.entries({ ...numbers, total: "406" })) {
    await window.waitForText(newest.getByTestId(name).locator(".number"), text);
  }
  await newest.getByRole("button", { name: /Order #/ }).click();
  await page.locator(".orders tr.highlighted").waitFor();

  await window.openTab("Open orders");
  await alice.placeOrder("buy", "0.01", "30000");
  await alice.placeOrder("buy", "0.1", "2000", "ETH");
  const open = page.locator("[data-order]").filter({ hasText: "Open" });
  await open.nth(1).waitFor();
  await page.getByRole("button", { name: "Cancel all" }).click();
  // The safe choice has the focus.
  await page.keyboard.press("Enter");
  await page.getByLabel("Market", { exact: true }).last().selectOption("ETH");
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.getByRole("button", { name: "Yes, cancel 1 order" }).click();
  await window.toasts().getByText("1 order cancelled").waitFor();
  await page.getByLabel("Market", { exact: true }).last().selectOption("");
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.getByRole("button", { name: /Yes, cancel \d+ order/ }).click();
  await window.waitForBalance("USD", "locked", "0");
  await page.getByRole("tab", { name: "Open orders 0" }).waitFor();
});

test("every tab is accessible, reached with the arrow keys, and fits a phone", async (t) => {
  const [alice] = await users("alice");
  await alice.placeOrder("buy", "0.01", "20000");
  for (const [colorScheme, viewport] of [
    ["light", undefined],
    ["dark", PHONE],
  ]) {
    const window = await Window.logIn(t, "Alice", { colorScheme, ...(viewport && { viewport }) });
    const { page } = window;
    await page.getByRole("tab", { name: "Open orders" }).focus();
    for (const [index, name] of TABS.entries()) {
      if (index) await page.keyboard.press("ArrowRight");
      await page.getByRole("tabpanel", { name }).locator("tbody tr").first().waitFor();
      // A color that is changing may lack contrast.
      await page.waitForFunction(() => document.getAnimations().length === 0);
      await assertAccessible(window, `${name} ${colorScheme}`);
      await assertFits(window, `${name} ${colorScheme}`);
      await page.locator(".records").screenshot({
        path: new URL(`../artifacts/tab-${index}-${colorScheme}.png`, import.meta.url).pathname,
      });
    }
  }
});

test("on a phone nothing covers the columns of an order", async (t) => {
  const window = await Window.logIn(t, "Alice", { viewport: PHONE });
  const row = window.page.locator("[data-order]").first();
  await row.waitFor();
  const overlapping = await row.evaluate((element) => {
    const boxes = [...element.cells]
      .map((cell) => cell.getBoundingClientRect())
      .filter(({ width }) => width > 0);
    const overlap = (a, b) =>
      a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return boxes.filter((a, index) => boxes.slice(index + 1).some((b) => overlap(a, b))).length;
  });
  assert.equal(overlapping, 0);
  const cancel = row.getByRole("button", { name: /Cancel order/ });
  const { x, width } = await cancel.boundingBox();
  assert.ok(x >= 0 && x + width <= PHONE.width, "the button is visible without scrolling");
});

test("notices lie over the header and cover no table", async (t) => {
  for (const viewport of [undefined, PHONE]) {
    const bob = await Window.logIn(t, "Bob", viewport && { viewport });
    const { page } = bob;
    await page.getByRole("button", { name: "Faucet for ETH" }).click();
    await bob.toasts().getByText("Received 10 ETH").waitFor();
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await page.waitForFunction(() => document.getAnimations().length === 0);
    const [notice, header] = await Promise.all(
      [bob.toasts().first(), page.locator("header.top")].map((one) => one.boundingBox()),
    );
    assert.ok(notice.y >= header.y, "it begins in the header");
    assert.ok(notice.y + notice.height <= header.y + header.height, "it ends in the header");
    await assertAccessible(bob, "notice");
    await bob.screenshot(`notice-${viewport ? "small" : "wide"}`, {});
    await page.getByRole("button", { name: "Dismiss" }).click();
    await bob.toasts().first().waitFor({ state: "detached" });
  }
});

test("shortcuts start an order and open the help sheet, but not while typing", async (t) => {
  const bob = await Window.logIn(t, "Bob");
  const { page } = bob;
  const price = page.getByLabel("Price", { exact: true });
  const hasFocus = (locator) => locator.and(page.locator(":focus")).waitFor();
  await page.keyboard.press("s");
  await hasFocus(price);
  assert.ok(await page.getByRole("radio", { name: "Sell BTC" }).isChecked());
  assert.equal(await price.inputValue(), "", "the key is not typed into the field");
  await page.keyboard.type("b?/");
  assert.equal(await price.inputValue(), "b?/");
  assert.ok(await page.getByRole("radio", { name: "Sell BTC" }).isChecked());
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await hasFocus(price);
  assert.ok(await page.getByRole("radio", { name: "Buy BTC" }).isChecked());
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await hasFocus(page.getByRole("button", { name: "BTC /USD" }));

  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.waitFor();
  await assertAccessible(bob, "shortcuts");
  await bob.screenshot("shortcuts", {});
  await page.keyboard.press("s");
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "hidden" });
  assert.ok(await page.getByRole("radio", { name: "Buy BTC" }).isChecked());
  await page.locator(".menu summary").click();
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await sheet.getByRole("button", { name: "Close" }).click();
  await sheet.waitFor({ state: "hidden" });
});
