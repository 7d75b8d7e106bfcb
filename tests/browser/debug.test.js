// The debug console, which only demo users can open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

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
