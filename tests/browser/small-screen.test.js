// A phone with 360 px: nothing has to be scrolled sideways, and everything can be hit with a
// finger.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { openAdministration } from "./support/administration.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertFits } from "./support/pageChecks.js";

const { server } = useBrowser();
const viewport = { width: 360, height: 740 };
const MIN_TARGET_PX = 24;

// In the page: parts that are wider than what shows them, contents that spill over what is next to
// them, and controls that are too small. Links in a sentence are as high as its lines.
function findProblems(minTarget) {
  const name = (element) => element.outerHTML.replaceAll(/\s+/g, " ").slice(0, 120);
  const isVisible = (element) => element.checkVisibility({ visibilityProperty: true });
  // With an ellipsis, or for screen readers only.
  const isCut = (element) => getComputedStyle(element).overflowX === "hidden";
  const isForReaders = (element) =>
    element !== null &&
    ((isCut(element) && element.clientWidth <= 1) || isForReaders(element.parentElement));
  const all = [...document.querySelectorAll("body *")]
    .filter(isVisible)
    .filter((element) => !isForReaders(element));
  const wide = all
    .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth)
    .filter((element) => !isCut(element))
    .map((element) => `${element.scrollWidth} px in ${element.clientWidth} px: ${name(element)}`);

  const target = (element) => {
    if (element.matches("[type=radio], [type=checkbox]")) return element.closest("label");
    return element.closest(".input") ?? element;
  };
  const isInSentence = (element) =>
    [...element.parentElement.childNodes].some(
      ({ nodeType, textContent }) => nodeType === Node.TEXT_NODE && textContent.trim(),
    );
  const controls = "a[href], button, input, select, textarea, summary, [role=tab], [role=switch]";
  const small = all
    .filter((element) => element.matches(controls) && !element.matches(".skip"))
    .filter((element) => !(element.matches("a, button.link") && isInSentence(element)))
    .map((element) => [element, target(element).getBoundingClientRect()])
    .filter(([, { width, height }]) => Math.min(width, height) < minTarget)
    .map(([element, { width, height }]) => `${width} × ${height}: ${name(element)}`);
  return { wide, small };
}

async function assertUsable(window, where) {
  await assertFits(window, where);
  const { wide, small } = await window.page.evaluate(findProblems, MIN_TARGET_PX);
  assert.deepEqual(wide, [], `${where}: is too wide`);
  assert.deepEqual(small, [], `${where}: is smaller than ${MIN_TARGET_PX} px`);
}

test("pages without a log-in", async (t) => {
  const window = await Window.open(t, { viewport });
  for (const path of ["login", "register", "unknown-page"]) {
    await window.goto(`/${path}`);
    await window.page.getByRole("heading", { level: 1 }).waitFor();
    if (path === "login") await window.page.getByRole("button", { name: "Bob" }).waitFor();
    await assertUsable(window, path);
  }
});

test("the dashboard", async (t) => {
  const [alice, bob] = await Promise.all(
    ["alice", "bob"].map((name) => User.logIn(server(), name)),
  );
  await alice.placeOrder("buy", "0.0234", "30123.45");
  await bob.placeOrder("sell", "0.0123", "30123.45");
  await bob.placeOrder("sell", "0.01", "31000.01");
  const window = await Window.open(t, { viewport });
  const { page } = window;
  await window.logIn("Alice");
  await page.locator("[data-level='31000.01']").waitFor();
  await page.locator(".chart canvas").first().waitFor();
  for (const tab of ["Open orders", "Order history", "Trades", "Balance history"]) {
    await window.openTab(tab);
    await page.locator(".records tbody tr").first().waitFor();
    await assertUsable(window, tab);
  }
  await window.openTab("Open orders");
  await page.getByRole("button", { name: /^Amend order/ }).click();
  await page.locator(".order-form summary").click();
  await page.locator(".menu summary").click();
  await assertUsable(window, "everything is open");
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  await page.getByRole("dialog").waitFor();
  await assertUsable(window, "the help sheet");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Cancel order/ }).click();
  await assertUsable(window, "a confirmation");
  await page.getByLabel("Type").selectOption({ label: "Stop limit" });
  await page.getByTestId("place").click();
  await assertUsable(window, "errors in the form");
  await page.getByRole("button", { name: "Faucet for USD" }).click();
  await window.toasts().waitFor();
  // Eight decimals.
  await window.waitForBalance("USD", "available", "19,284.53793905");
  await assertUsable(window, "a notice");
  await window.screenshot("small");
});

test("tokens, sessions and the debug console", async (t) => {
  const bob = await User.logIn(server(), "bob");
  const name = "A program with a rather long name";
  await bob.post("/tokens", { name, abilities: ["read", "trade", "account"] }, 201);
  const window = await Window.open(t, { viewport });
  const { page } = window;
  await window.logIn("Bob");
  for (const [path, ready] of [
    ["tokens", page.locator("[data-token]")],
    ["sessions", page.locator("[data-session]")],
    ["debug", page.locator("[data-kind]")],
  ]) {
    await window.goto(`/${path}`);
    await ready.first().waitFor();
    await window.waitForBadge("Live");
    await assertUsable(window, path);
  }
  await page.locator("[data-kind=published]").first().click();
  await page.getByTestId("detail").waitFor();
  await assertUsable(window, "an entry of the debug console");
});

test("the administration", async (t) => {
  const alice = await User.logIn(server(), "alice");
  const destination = "DE02 1203 0000 0000 2020 51";
  await alice.post("/withdrawals", { asset: "USD", amount: "10", destination }, 201);
  await server().execute([
    ..."adjustment create alice@example.com USD 1 --reason".split(" "),
    "A payment that arrived twice",
  ]);
  const { window, sections } = await openAdministration(t, server(), { viewport });
  const { page } = window;
  for (const section of sections) {
    await section.open();
    await assertUsable(window, section.name);
  }
  await sections[1].open();
  await page.getByRole("button", { name: /^Complete withdrawal/ }).click();
  await page.getByRole("dialog").waitFor();
  await assertUsable(window, "a dialog");
  await page.keyboard.press("Escape");
  await sections[0].open();
  await page.getByRole("button", { name: /^Show alice/ }).click();
  await page.getByText("Open orders of Alice").waitFor();
  await assertUsable(window, "a user");
});
