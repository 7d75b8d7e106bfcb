// What screen readers announce: live regions that change while the page is open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { waitUntil } from "../clients/support/waitUntil.js";
import { AccessibilityTree } from "./support/accessibilityTree.js";
import { Window, useBrowser } from "./support/browser.js";
import { Keyboard } from "./support/keyboard.js";

const { server } = useBrowser({ MATCHCAST__HTTP__SHUTDOWN_SECONDS: "1" });
const REFUSED = /status of (400|401|422)/;
const UNAVAILABLE =
  /ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_(EMPTY_RESPONSE|SOCKET|FAILED)/;

const regions = async ({ page }) => (await AccessibilityTree.of(page)).liveRegions;

// Performs an action and waits for its announcement. Screen readers know a polite region only if it
// was there before it changed; an alert may appear with its text.
async function assertAnnounces(window, live, text, act) {
  const before = await regions(window);
  assert.ok(!before.some((region) => text.test(region.text)), `${text} is there already`);
  const known = new Set(before.map(({ element }) => element));
  await act();
  let after = [];
  const find = async () => {
    after = await regions(window);
    return after.find((region) => text.test(region.text));
  };
  const region = await waitUntil("an announcement", find).catch(() => {
    assert.fail(`${text} is not among ${JSON.stringify(after)}`);
  });
  assert.equal(region.live, live, region.text);
  if (live === "polite") assert.ok(known.has(region.element), `${text} is in a new region`);
}

const placeOrder = async ({ page }, side, amount, price) => {
  await page.getByRole("radio", { name: side }).check({ force: true });
  await page.getByLabel("Price", { exact: true }).fill(price);
  await page.getByLabel("Amount", { exact: true }).fill(amount);
  await page.getByTestId("place").click();
};

test("orders that are accepted, refused, matched and cancelled", async (t) => {
  const bob = await User.logIn(server(), "bob");
  const window = await Window.logIn(t, "Alice", { allowedErrors: [REFUSED] });
  const { page } = window;
  await window.waitForIdle();
  const announces = (text, act) => assertAnnounces(window, "polite", text, act);

  await announces(/Order #\d+: Open/, () => placeOrder(window, "Buy BTC", "0.1", "50000"));
  const id = await page.locator("[data-order]").first().getAttribute("data-order");
  await announces(/Insufficient USD/, () => placeOrder(window, "Buy BTC", "1", "50000"));
  await announces(/Bought 0\.04 BTC.*at 50,000 USD/, () => bob.placeOrder("sell", "0.04", "50000"));
  // Not what anybody does: nobody could follow the market then.
  const texts = (await regions(window)).map(({ text }) => text).join("; ");
  assert.doesNotMatch(texts, /Order book|Recent trades|Available/);

  await page.getByRole("button", { name: `Cancel order #${id}` }).click();
  await announces(new RegExp(`Order #${id} cancelled`), () =>
    page.getByRole("button", { name: "Yes, cancel" }).click(),
  );
});

test("what an order would do", async (t) => {
  const bob = await User.logIn(server(), "bob");
  await bob.placeOrder("sell", "0.01", "20000");
  const window = await Window.logIn(t, "Charlie");
  await window.waitForIdle();
  await assertAnnounces(window, "polite", /Now: fills 0\.01 BTC at 20,000/, async () => {
    await window.page.getByLabel("Price", { exact: true }).fill("20000");
    await window.page.getByLabel("Amount", { exact: true }).fill("0.01");
  });
});

test("a log-in that is refused", async (t) => {
  const window = await Window.open(t, { allowedErrors: [REFUSED] });
  const { page } = window;
  await window.goto("/login");
  await page.getByLabel("Email").fill("alice@example.com");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  // The field gets the focus, and is read with the reason.
  const keyboard = new Keyboard(window);
  await keyboard.waitFor('textbox "Email"');
  assert.match(await keyboard.description(), /credentials/);
});

test("a connection that is lost and restored", async (t) => {
  const window = await Window.logIn(t, "Bob", { allowedErrors: [UNAVAILABLE] });
  const { page } = window;
  const keyboard = new Keyboard(window);
  await window.waitForIdle();
  await assertAnnounces(window, "assertive", /Connection lost/, () => server().stop());
  const lost = await regions(window);
  assert.ok(
    lost.some(({ text }) => text === "Events: Offline"),
    JSON.stringify(lost),
  );
  // The countdown would be read every second.
  assert.ok(!lost.some(({ text }) => /Next attempt/.test(text)), JSON.stringify(lost));

  await page.getByRole("button", { name: "Reconnect now" }).focus();
  await assertAnnounces(window, "polite", /^Events: Live$/, async () => {
    await server().start();
    await window.waitForLive();
  });
  assert.ok(!(await regions(window)).some(({ text }) => /Connection lost/.test(text)));
  // The button is gone.
  await keyboard.waitFor(/^main/);
});

test("notices stay while they have the focus, and return it", async (t) => {
  const window = await Window.logIn(t, "Bob");
  const { page } = window;
  const keyboard = new Keyboard(window);
  await window.waitForIdle();
  await page.clock.install();
  const faucet = page.getByRole("button", { name: "Faucet for USD" });
  await faucet.focus();
  await keyboard.press("Enter");
  const dismiss = 'button "Dismiss: Received 10,000 USD"';
  await page.getByRole("button", { name: /^Dismiss/ }).waitFor();
  await keyboard.waitFor('button "Faucet for USD"');
  await page.getByRole("button", { name: /^Dismiss/ }).focus();
  await page.clock.fastForward(60_000);
  await keyboard.waitFor(dismiss);
  await keyboard.press("Enter");
  await keyboard.waitFor('button "Faucet for USD"');
  await window.toasts().waitFor({ state: "detached" });
});
