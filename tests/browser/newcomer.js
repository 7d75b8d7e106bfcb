// The first trade as README.md describes it, on a server that is running: `node newcomer.js URL`.
// Prints how long the first page and the trade took, for scripts/newcomer.sh. It is not among the
// tests, which have servers of their own.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Window, useBrowserAt } from "./support/browser.js";

const [url] = process.argv.slice(2);
assert.ok(url, "usage: node newcomer.js URL");
useBrowserAt(url);

// The steps of README.md. A change of the text that this file cannot follow fails.
async function readSteps() {
  const text = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const find = (pattern) => {
    const found = pattern.exec(text.replaceAll(/\s+/g, " "));
    assert.ok(found, `README.md has a sentence like ${pattern}`);
    return found.slice(1);
  };
  const order = (side) => {
    const [amount, asset, price] = find(
      RegExp(`place \\*\\*${side.toLowerCase()} ([\\d.]+) ([A-Z]+) at ([\\d,]+)\\*\\*`),
    );
    return [`${side} ${asset}`, amount, price.replaceAll(",", "")];
  };
  const [email, password] = find(/log in as `([^`]+)` with the password `([^`]+)`/);
  return {
    email,
    password,
    second: find(/open another window as \*(\w+)\*/)[0],
    buy: order("Buy"),
    reserved: find(/balance drops by ([\d,]+) USD/)[0],
    sell: order("Sell"),
    status: find(/both orders are \*(\w+)\*/)[0],
  };
}

// Waits for the window's only order, which its list keeps for some seconds after it is closed.
const waitForStatus = (window, status) =>
  window.waitForText(window.page.locator("[data-order]").first().getByTestId("status"), status);

test("two windows show the first trade", async (t) => {
  const steps = await readSteps();
  const first = await Window.open(t);
  const began = performance.now();
  await first.goto("/");
  await first.page.getByLabel("Email").waitFor();
  const opened = performance.now();

  await first.page.getByLabel("Email").fill(steps.email);
  await first.page.getByLabel("Password").fill(steps.password);
  await first.page.getByRole("button", { name: "Log in", exact: true }).click();
  await first.waitForLive();
  const second = await first.openAs(steps.second);

  await first.placeOrder(...steps.buy);
  await first.waitForBalance("USD", "locked", steps.reserved);
  await waitForStatus(first, "Open");
  await second.placeOrder(...steps.sell);
  await Promise.all([first, second].map((window) => waitForStatus(window, steps.status)));
  const traded = performance.now();

  for (const window of [first, second]) assert.deepEqual(window.errors, [], "no console errors");
  console.log(`first page: ${Math.round(opened - began)} ms`);
  console.log(`first trade: ${Math.round(traded - opened)} ms`);
});
