// The debug console, which only demo users can open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible } from "./support/pageChecks.js";

const { server } = useBrowser();

test("the console shows connections and events", async (t) => {
  const bob = await Window.logIn(t, "Bob");
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await page.locator(".menu summary").click();
  await page.getByRole("link", { name: "Debug console" }).click();
  await page.getByText("Connections (2)").waitFor();
  await page.locator(".connections").getByText("private-user.2").waitFor();

  const alice = await User.logIn(server(), "alice");
  await alice.placeOrder("buy", "0.1", "50000");
  await bob.placeOrder("Sell BTC", "0.1", "50000");
  const events = page.locator("[data-kind=published]");
  await events
    .filter({ hasText: "private-user.1" })
    .getByRole("cell", { name: "order.matched", exact: true })
    .waitFor();
  const bobsEvents = events.filter({ hasText: "private-user.2" });
  await bobsEvents.getByText('"trade_id":1').waitFor();
  assert.equal(await bobsEvents.locator("td").nth(4).textContent(), "1", "one recipient");

  await page.getByLabel("Filter by channel").fill("user.1");
  await page.locator("[data-kind=subscribed]").first().waitFor({ state: "detached" });
  const rows = page.locator("[data-kind]");
  assert.equal(await rows.filter({ hasNotText: "private-user.1" }).count(), 0);
  assert.equal(await rows.filter({ hasText: "order.matched" }).count(), 1);
  await page.getByLabel("Filter by channel").fill("");
  await charlie.screenshot("debug");
});

test("an event sent with the form is logged unless the log is paused", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  await page.clock.install();
  await charlie.goto("/debug");
  await page.getByText("Connections (1)").waitFor();
  const send = async (name) => {
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(`Sent ${name}`).waitFor();
  };
  const row = (name) => page.locator("[data-kind=published]").filter({ hasText: name });
  await send("first.event");
  await row("first.event").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await send("second.event");
  await page.clock.fastForward(5_000);
  assert.equal(await row("second.event").count(), 0);
  await page.getByRole("button", { name: "Resume" }).click();
  await row("second.event").waitFor();
});

test("users outside the demo cannot use the console", async (t) => {
  const window = await Window.open(t, { allowedErrors: [/status of 404/] });
  const body = { name: "Eve", email: "eve@test.example", password: "password" };
  const response = await fetch(`${server().url}/api/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, password_confirmation: body.password }),
  });
  const { token } = await response.json();
  await window.context.addInitScript((value) => localStorage.setItem("auth_token", value), token);
  await window.goto("/debug");
  await window.page.getByText("The debug console requires").waitFor();
});

test("a long log has a fixed height and renders only what is visible", async (t) => {
  const charlie = await Window.logIn(t, "Charlie");
  const { page } = charlie;
  const user = await User.logIn(server(), "charlie");
  for (let number = 1; number <= 250; number++) {
    // The server keeps a hundred entries of a channel.
    const channel = `private-user.${1 + (number % 3)}`;
    const event = { channel, name: `event.${number}`, data: "{}" };
    const response = await fetch(`${server().url}/api/debug/events`, {
      method: "POST",
      headers: { ...user.headers, "Content-Type": "application/json" },
      body: JSON.stringify(event),
    });
    assert.equal(response.status, 200);
  }
  await charlie.goto("/debug");
  const cell = (name) => page.getByRole("cell", { name, exact: true });
  await cell("event.250").waitFor();
  const rows = page.locator("[data-kind]");
  assert.ok((await rows.count()) < 50, `${await rows.count()} rows are rendered`);
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  assert.ok(height < 1_500, `the page is ${height} px high`);
  assert.equal(await cell("event.100").count(), 0);
  const list = page.locator(".scroll.virtual");
  await list.evaluate((element) => (element.scrollTop = 32 * 155));
  await cell("event.100").waitFor();
  assert.ok((await rows.count()) < 50);
  const total = Number(await list.locator("table").getAttribute("aria-rowcount"));
  assert.ok(total > 250, `${total} rows are announced`);

  // Entries that arrive do not move the ones that the user reads.
  const place = async () => (await cell("event.100").boundingBox()).y;
  const before = await place();
  await page.getByLabel("Name", { exact: true }).fill("late.event");
  await page.getByRole("button", { name: "Send" }).click();
  const grown = (count) => page.locator(`table[aria-rowcount="${count}"]`).waitFor();
  await Promise.race([grown(total + 1), grown(total + 2), grown(total + 3)]);
  assert.ok(Math.abs((await place()) - before) <= 1, "the rows stay where they are");

  await cell("event.100").click();
  await page.getByTestId("detail").getByText("event.100").waitFor();
  await assertAccessible(charlie, "debug-long");
  await charlie.screenshot("debug-long");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("/");
  await page.keyboard.type("late.event");
  await cell("late.event").waitFor();
  assert.equal(await rows.count(), 1);
});
