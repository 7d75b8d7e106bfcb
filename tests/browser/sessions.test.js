// The page of sessions: where the user is signed in, and how the others are signed out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { waitUntil } from "../clients/support/waitUntil.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible, assertFits } from "./support/pageChecks.js";

const { server } = useBrowser();
const REJECTED = /status of 401/;
const PHONE = { width: 360, height: 740 };
const MACOS = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15";

const rows = (page) => page.locator("[data-session]");
const idOf = ({ token }) => token.split("|")[0];
const statusOf = async ({ headers }) =>
  (await fetch(`${server().url}/api/user`, { headers })).status;

// A log-in with this name of a client, from this address.
async function logInWith(name, userAgent, address) {
  const response = await fetch(`${server().url}/api/login`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "User-Agent": userAgent,
      "X-Forwarded-For": address,
    },
    body: JSON.stringify({ email: `${name}@example.com`, password: "password" }),
  });
  const { data } = await response.json();
  return new User(server(), { id: data.user.id, token: data.token });
}

async function openFromMenu(window) {
  await window.page.locator(".menu summary").click();
  await window.page.getByRole("link", { name: "Sessions" }).click();
  await rows(window.page).first().waitFor();
}

test("a user sees the sessions and signs one out with the keyboard", async (t) => {
  const laptop = await logInWith("alice", MACOS, "192.0.2.7");
  const alice = await Window.logIn(t, "Alice");
  const { page } = alice;
  await openFromMenu(alice);
  await page.waitForFunction(() => document.activeElement.tagName === "H1");
  assert.equal(await page.title(), "Sessions · matchcast");
  assert.equal(await rows(page).count(), 2);
  const own = rows(page).filter({ has: page.getByTestId("current") });
  assert.match(await own.textContent(), /Chrome on Linux\s+This session.*127\.0\.0\.1/s);
  assert.equal(await own.getByRole("button").count(), 0, "it ends with a log-out");
  const other = page.locator(`[data-session="${idOf(laptop)}"]`);
  assert.match(await other.textContent(), /Safari on macOS.*192\.0\.2\.7.*Never.*Token/s);

  const signOut = other.getByRole("button", { name: /^Sign out Safari on macOS, signed in / });
  await signOut.focus();
  await page.keyboard.press("Enter");
  await other.getByRole("group", { name: /^Sign out Safari on macOS/ }).waitFor();
  // The safe choice has the focus.
  await page.keyboard.press("Enter");
  await signOut.waitFor();
  assert.equal(await statusOf(laptop), 200);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await signOut.waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await alice.toasts().getByText("Signed out Safari on macOS").waitFor();
  await other.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement.id === "sessions-title");
  assert.equal(await statusOf(laptop), 401);
  await page.getByText("You are signed in here only.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Sign out all other" }).count(), 0);
});

test("all other sessions are signed out at once, and programs keep their tokens", async (t) => {
  const others = [await User.logIn(server(), "bob"), await User.logIn(server(), "bob")];
  const { token } = await others[0].post("/tokens", { name: "bot", abilities: ["read"] }, 201);
  const bot = { headers: { Authorization: `Bearer ${token}` } };
  const bob = await Window.logIn(t, "Bob");
  await openFromMenu(bob);
  const { page } = bob;
  await page.getByRole("button", { name: "Sign out all other sessions" }).click();
  await page.getByRole("button", { name: "Yes, sign out 2 sessions" }).click();
  await bob.toasts().getByText("Signed out 2 sessions").waitFor();
  await page.getByText("You are signed in here only.").waitFor();
  for (const other of others) assert.equal(await statusOf(other), 401);
  assert.equal(await statusOf(bot), 200);
});

// Clicks the first button whose text begins like this, in one step: it may be gone at any time.
const clickIfThere = (page, beginning) =>
  page.evaluate((text) => {
    const buttons = [...document.querySelectorAll("button")];
    buttons.find(({ textContent }) => textContent.trim().startsWith(text))?.click();
  }, beginning);

test("a page whose session was signed out elsewhere says so at the login", async (t) => {
  const phone = await Window.logIn(t, "Charlie", { allowedErrors: [REJECTED] });
  const tablet = await Window.logIn(t, "Charlie", { allowedErrors: [REJECTED] });
  await openFromMenu(tablet);
  await phone.waitForIdle();
  const charlie = await User.logIn(server(), "charlie");
  await fetch(`${server().url}/api/sessions`, { method: "DELETE", headers: charlie.headers });

  // The phone finds out when it is looked at again, without a click.
  await phone.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  // The tablet finds out by a click, or before it, because the server closes its connection.
  await clickIfThere(tablet.page, "Sign out");
  await clickIfThere(tablet.page, "Yes, sign out");
  for (const window of [phone, tablet]) {
    const notice = window.page.getByRole("alert");
    await notice.getByText("Your session has ended").waitFor();
    assert.match(await notice.textContent(), /signed out from another device/);
    assert.equal(new URL(window.page.url()).pathname, "/login");
    assert.equal(await window.page.evaluate(() => localStorage.getItem("auth_token")), null);
  }
  await tablet.page.getByRole("button", { name: "Charlie", exact: true }).click();
  await rows(tablet.page).first().waitFor();
  assert.equal(new URL(tablet.page.url()).pathname, "/sessions");
});

test("the list can be fetched again after an error", async (t) => {
  const alice = await Window.logIn(t, "Alice", { allowedErrors: [/ERR_FAILED/] });
  const { page } = alice;
  await page.route("**/api/sessions", (route) => route.abort());
  await alice.goto("/sessions");
  await page.getByRole("alert").getByText("Cannot reach the server").waitFor();
  await page.unroute("**/api/sessions");
  await page.getByRole("button", { name: "Try again" }).click();
  await rows(page).first().waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
});

test("on a phone the sessions are cards, and their order is chosen above them", async (t) => {
  for (const [userAgent, address] of [
    [MACOS, "192.0.2.9"],
    ["curl/8.5.0", "2001:db8:1234:5678:9abc:def0:1234:5678"],
  ]) {
    await logInWith("bob", userAgent, address);
  }
  const bob = await Window.logIn(t, "Bob");
  await openFromMenu(bob);
  const { page } = bob;
  const sortBy = page.getByLabel("Sort by");
  assert.equal(await sortBy.isVisible(), false, "the column headers sort");
  await assertAccessible(bob, "sessions");
  await assertFits(bob, "sessions");
  await bob.screenshot("sessions");

  await page.setViewportSize(PHONE);
  await assertFits(bob, "sessions-small");
  await assertAccessible(bob, "sessions-small");
  const clients = async () => {
    const texts = await rows(page).locator(".client").allTextContents();
    return texts.map((text) => text.trim().split(" ")[0]);
  };
  // Other tests have left sessions of Bob.
  const newestFirst = await clients();
  for (const name of ["Chrome", "Safari", "curl"]) assert.ok(newestFirst.includes(name), name);
  const byName = [...newestFirst].sort();
  await sortBy.selectOption("Client");
  assert.deepEqual(await clients(), byName);
  await page.getByLabel("Sort direction").selectOption("Descending");
  assert.deepEqual(await clients(), byName.toReversed());
  await bob.screenshot("sessions-small");
  const { x, width } = await page.getByRole("button", { name: /^Sign out curl/ }).boundingBox();
  assert.ok(x >= 0 && x + width <= PHONE.width, "the button is visible without scrolling");
  await sortBy.selectOption("Newest first");
  assert.deepEqual(await clients(), newestFirst);
  assert.ok(await page.getByLabel("Sort direction").isDisabled());
});

test("every sortable table can be sorted on a phone with the keyboard", async (t) => {
  const alice = await Window.logIn(t, "Alice", { viewport: PHONE });
  const { page } = alice;
  for (const price of ["1002", "1001", "1003"]) {
    await alice.placeOrder("Buy BTC", "0.001", price);
  }
  const prices = async () => {
    const texts = await page.locator("[data-order] [data-label=Price] .number").allTextContents();
    return texts.map((text) => text.trim());
  };
  await waitUntil("all orders are listed", async () => (await prices()).length === 3);
  const sortBy = page.getByLabel("Sort by");
  await sortBy.focus();
  await page.keyboard.type("Price");
  assert.deepEqual(await prices(), ["1,001", "1,002", "1,003"]);
  await page.keyboard.press("Tab");
  assert.equal(
    await page.evaluate(() => document.activeElement.getAttribute("aria-label")),
    "Sort direction",
  );
  await page.keyboard.press("ArrowDown");
  assert.deepEqual(await prices(), ["1,003", "1,002", "1,001"]);
  for (const tab of ["Order history", "Trades", "Balance history"]) {
    await alice.openTab(tab);
    if (tab === "Trades") continue;
    await sortBy.waitFor();
    assert.ok((await sortBy.locator("option").count()) > 5, tab);
  }
  await assertFits(alice, "sorting-small");
  await alice.screenshot("sorting-small");
});
