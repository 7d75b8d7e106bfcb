// The debug console: for the demo's users, beside the pages that it looks into.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();

test("the console shows connections, and events as they pass", async (t) => {
  const bob = await Window.loggedIn(t, "Bob");
  const charlie = await Window.loggedIn(t, "Charlie");
  const { page } = charlie;
  await page.locator(".menu summary").click();
  await page.getByRole("link", { name: "Debug console" }).click();
  await page.getByText("Connections (2)").waitFor();
  await page.locator(".connections").getByText("private-user.2").waitFor();

  const alice = await User.logIn(server(), "alice");
  await alice.placeOrder("buy", "0.1", "50000");
  await bob.place("Sell BTC", "0.1", "50000");
  const events = page.locator("[data-passed=published]");
  await events
    .filter({ hasText: "private-user.1" })
    .getByRole("cell", { name: "order.matched", exact: true })
    .waitFor();
  const told = events.filter({ hasText: "private-user.2" });
  await told.getByText('"trade_id":1').waitFor();
  assert.equal(await told.locator("td").nth(4).textContent(), "1", "one page has heard it");

  await page.getByLabel("Filter by channel").fill("user.1");
  await page.locator("[data-passed=subscribed]").first().waitFor({ state: "detached" });
  const left = page.locator("[data-passed]");
  assert.equal(await left.filter({ hasNotText: "private-user.1" }).count(), 0);
  assert.equal(await left.filter({ hasText: "order.matched" }).count(), 1);
  await page.getByLabel("Filter by channel").fill("");
  await charlie.shoot("debug");
});

test("an event that is sent from the form passes, unless the list is paused", async (t) => {
  const charlie = await Window.loggedIn(t, "Charlie");
  const { page } = charlie;
  await page.clock.install();
  await charlie.go("/debug");
  await page.getByText("Connections (1)").waitFor();
  const send = async (name) => {
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(`Sent ${name}`).waitFor();
  };
  const row = (name) => page.locator("[data-passed=published]").filter({ hasText: name });
  await send("first.event");
  await row("first.event").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await send("second.event");
  await page.clock.fastForward(5_000);
  assert.equal(await row("second.event").count(), 0);
  await page.getByRole("button", { name: "Go on" }).click();
  await row("second.event").waitFor();
});

test("who is not of the demo finds no console", async (t) => {
  const window = await Window.open(t, { allowed: [/status of 404/] });
  const body = { name: "Eve", email: "eve@test.example", password: "password" };
  const answer = await fetch(`${server().url}/api/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, password_confirmation: body.password }),
  });
  const { token } = await answer.json();
  await window.context.addInitScript((kept) => localStorage.setItem("auth_token", kept), token);
  await window.go("/debug");
  await window.page.getByText("There is no console here").waitFor();
});
