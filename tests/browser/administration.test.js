// The page of administrators, with tokens that the command has created.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { Server, sqliteDatabase } from "../clients/support/server.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible, assertFits } from "./support/pageChecks.js";
import { waitUntil } from "../clients/support/waitUntil.js";

const { server } = useBrowser();
const REFUSED = [/status of 404/, /status of 409/, /status of 422/];
const ABILITIES = ["admin:read", "admin:funds", "admin:users", "admin:markets"];

async function createToken(abilities, of = server()) {
  const { stdout } = await of.execute([
    ..."token create --name console --json --admin".split(" "),
    abilities.join(","),
  ]);
  return JSON.parse(stdout).token;
}

async function open(t, abilities, options) {
  const window = await Window.open(t, { allowedErrors: REFUSED, ...options });
  await window.goto("/admin");
  await window.page.getByRole("textbox", { name: "Token" }).fill(await createToken(abilities));
  await window.page.getByRole("button", { name: "Continue" }).click();
  await window.page.getByRole("navigation", { name: "Sections" }).waitFor();
  return window;
}

const show = (window, section) =>
  window.page.getByRole("navigation", { name: "Sections" }).getByText(section).click();
const confirm = (window, name) =>
  window.page.getByRole("dialog").getByRole("button", { name }).click();

async function requestWithdrawal(user, amount) {
  const response = await fetch(`${server().url}/api/withdrawals`, {
    method: "POST",
    headers: { ...user.headers, "Content-Type": "application/json" },
    body: JSON.stringify({
      asset: "USD",
      amount,
      destination: "DE02 1203 0000 0000 2020 51",
    }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).data.id;
}

test("a token is needed, and is forgotten", async (t) => {
  const window = await Window.open(t, { allowedErrors: REFUSED });
  const { page } = window;
  await window.goto("/admin");
  await assertAccessible(window, "token");
  await page.getByRole("textbox", { name: "Token" }).fill("admin-1|wrong");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("The token is not valid").waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill(await createToken(ABILITIES));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("[data-user='1']").waitFor();
  await window.waitForText(
    page.getByTestId("abilities"),
    `This token allows ${ABILITIES.join(", ")}.`,
  );
  // It survives a reload, and no other window has it.
  await page.reload();
  await page.locator("[data-user='1']").waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await page.getByRole("button", { name: "Forget token" }).click();
  await page.getByRole("textbox", { name: "Token" }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("a token that is revoked while it is used is asked for again", async (t) => {
  const window = await open(t, ABILITIES);
  const { page } = window;
  const { id } = await page.evaluate(async () => {
    const token = sessionStorage.getItem("administrator-token");
    const headers = { Authorization: `Bearer ${token}` };
    return (await (await fetch("/api/admin/token", { headers })).json()).data;
  });
  await server().execute(["token", "revoke", String(id)]);
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByText("The token is not valid").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("a token that can only read changes nothing", async (t) => {
  const window = await open(t, ["admin:read"]);
  const { page } = window;
  await show(window, "Markets");
  await page.getByText("need the ability admin:markets").waitFor();
  assert.equal(await page.getByRole("button", { name: "BTC: Halted" }).isDisabled(), true);
  await show(window, "Users");
  assert.equal(await page.getByRole("button", { name: "New user" }).isDisabled(), true);
});

test("withdrawals are completed and rejected", async (t) => {
  const bob = await User.logIn(server(), "bob");
  const paid = await requestWithdrawal(bob, "100.5");
  const refused = await requestWithdrawal(bob, "20");
  const window = await open(t, ABILITIES);
  const { page } = window;
  await show(window, "Withdrawals");
  await page.getByRole("button", { name: `Complete withdrawal ${paid}` }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.textContent(), /100\.5 USD.*DE02 1203/s);
  await assertAccessible(window, "dialog");
  await dialog.getByLabel("Reference").fill("SEPA-8");
  await confirm(window, "It was paid");
  await page.locator(`[data-withdrawal='${paid}']`).waitFor({ state: "detached" });
  const isListFocused = () => document.activeElement?.matches("section.panel") ?? false;
  await page.waitForFunction(isListFocused);
  // The focus returns from a dialog that is left.
  const reject = page.getByRole("button", {
    name: `Reject withdrawal ${refused}`,
  });
  await reject.click();
  await page.keyboard.press("Escape");
  assert.equal(await reject.evaluate((button) => button === document.activeElement), true);
  await reject.click();
  await confirm(window, "Give the money back");
  await page.getByText("No withdrawals.").waitFor();
  await page.getByLabel("Status").selectOption("");
  assert.match(
    await page.locator(`[data-withdrawal='${paid}']`).textContent(),
    /completed.*SEPA-8/s,
  );
  assert.match(await page.locator(`[data-withdrawal='${refused}']`).textContent(), /rejected/);
  const { balance } = await bob.get("/profile");
  assert.equal(Number(balance), 10_000 - 100.5);
});

test("a market is halted and opened", async (t) => {
  const window = await open(t, ABILITIES);
  const { page } = window;
  await show(window, "Markets");
  const status = page.locator("[data-market=ETH] [data-test=status]");
  await page.getByRole("button", { name: "ETH: Halted" }).click();
  await confirm(window, /ETH/);
  await window.waitForText(status, "Halted");
  await page.getByRole("button", { name: "ETH: Open" }).click();
  await confirm(window, /ETH/);
  await window.waitForText(status, "Open");
});

test("a user is found, frozen and unfrozen, and another created", async (t) => {
  const window = await open(t, ABILITIES);
  const { page } = window;
  await page.getByLabel("Id, name or e-mail address").fill("charlie@");
  await page.locator("[data-user='1']").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Show charlie@example.com" }).click();
  const shown = page.getByTestId("shown-user");
  await shown.getByText("10,000").waitFor();
  assert.equal(await page.getByText("Open orders of").count(), 0);
  await shown.getByRole("button", { name: "Freeze", exact: true }).click();
  await page.getByLabel("Cancel all open orders too").check();
  await page.getByLabel("Reason").fill("Reported as stolen");
  await confirm(window, "Freeze");
  await window.waitForText(shown.getByTestId("status"), "frozen");
  await shown.getByText("Reported as stolen").waitFor();
  const logIn = () =>
    fetch(`${server().url}/api/login`, {
      method: "POST",
      body: new URLSearchParams({
        email: "charlie@example.com",
        password: "password",
      }),
    });
  assert.equal((await logIn()).status, 403);
  await shown.getByRole("button", { name: "Unfreeze" }).click();
  await confirm(window, "Unfreeze");
  await window.waitForText(shown.getByTestId("status"), "active");
  assert.equal((await logIn()).status, 200);
  await shown.getByRole("button", { name: "Close" }).click();
  await confirm(window, "Close");
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await page.keyboard.press("Escape");

  await page.getByLabel("Id, name or e-mail address").fill("");
  await page.getByRole("button", { name: "New user" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Dora");
  await page.getByRole("dialog").getByLabel("E-mail address").fill("alice@example.com");
  await confirm(window, "Create user");
  await page.locator(".field-error").waitFor();
  await page.getByRole("dialog").getByLabel("E-mail address").fill("dora@example.com");
  await confirm(window, "Create user");
  await page.getByText("nobody can log in until").waitFor();
});

test("the open orders of a user are shown until freezing cancels them", async (t) => {
  const bob = await User.logIn(server(), "bob");
  const { order } = await bob.placeOrder("buy", "0.125", "7.5");
  const window = await open(t, ABILITIES);
  const { page } = window;
  await page.getByRole("button", { name: "Show bob@example.com" }).click();
  const row = page.locator(`[data-order='${order.id}']`);
  assert.match(await row.textContent(), /BTC.*Buy.*7\.5.*0\.125.*Open/s);
  await assertAccessible(window, "open orders");
  const shown = page.getByTestId("shown-user");
  await shown.getByRole("button", { name: "Freeze", exact: true }).click();
  await page.getByLabel("Cancel all open orders too").check();
  await confirm(window, "Freeze");
  await row.waitFor({ state: "detached" });
  await shown.getByRole("button", { name: "Unfreeze" }).click();
  await confirm(window, "Unfreeze");
  await window.waitForText(shown.getByTestId("status"), "active");
});

test("a list is downloaded", async (t) => {
  const window = await open(t, ["admin:read"]);
  const { page } = window;
  await show(window, "Health");
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "users.csv" }).click();
  const lines = readFileSync(await (await downloading).path(), "utf8").split("\r\n");
  assert.match(lines[0], /^id,/);
  assert.ok(lines.some((line) => line.includes("alice@example.com")));
});

test("a balance is adjusted", async (t) => {
  const window = await open(t, ABILITIES);
  const { page } = window;
  await show(window, "Adjustments");
  await page.getByRole("button", { name: "New adjustment" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Id of the user").fill("1");
  await dialog.getByLabel("Amount").fill("-0.00000001");
  await confirm(window, "Adjust the balance");
  await page.locator(".field-error").getByText("reason").waitFor();
  await dialog.getByLabel("Reason").fill("A mistake of the test");
  await confirm(window, "Adjust the balance");
  await page.locator("[data-adjustment]").getByText("applied").waitFor();
  const alice = await User.logIn(server(), "alice");
  assert.equal((await alice.get("/profile")).balance, 9999.99999999);
});

test("a dead letter is retried", async (t) => {
  let isRefusing = true;
  const provider = createServer((request, response) => {
    request.resume();
    response.writeHead(isRefusing ? 413 : 200, {
      "Content-Type": "application/json",
    });
    response.end(isRefusing ? "refused by the test" : "{}");
  });
  await new Promise((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const other = new Server(await sqliteDatabase(), {
    BROADCAST_CONNECTION: "pusher",
    PUSHER_APP_ID: "1",
    PUSHER_APP_KEY: "key",
    PUSHER_HOST: "127.0.0.1",
    PUSHER_PORT: String(provider.address().port),
    PUSHER_SCHEME: "http",
  });
  t.after(async () => {
    await other.remove();
    provider.close();
  });
  await other.start();
  const alice = await User.logIn(other, "alice");
  await alice.placeOrder("buy", "0.1", "100");
  const window = await Window.open(t, { allowedErrors: REFUSED });
  const { page } = window;
  await page.goto(`${other.url}/admin/events`);
  await page.getByRole("textbox", { name: "Token" }).fill(await createToken(ABILITIES, other));
  await page.getByRole("button", { name: "Continue" }).click();
  const retry = page.getByRole("button", { name: /Retry event/ });
  await waitUntil("a dead letter", async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    return (await retry.count()) > 0;
  });
  assert.match(await page.locator("[data-letter]").first().textContent(), /refused by the test/);
  isRefusing = false;
  while ((await retry.count()) > 0) {
    const id = await page.locator("[data-letter]").first().getAttribute("data-letter");
    await page.getByRole("button", { name: `Retry event ${id}`, exact: true }).click();
    await page.locator(`[data-letter='${id}']`).waitFor({ state: "detached" });
  }
  await page.getByText("No dead letters").waitFor();
});

test("every section is accessible in both themes, and fits a phone", async (t) => {
  const alice = await User.logIn(server(), "alice");
  await requestWithdrawal(alice, "12.25");
  await requestWithdrawal(alice, "1000");
  for (const colorScheme of ["light", "dark"]) {
    const window = await open(t, ABILITIES, { colorScheme });
    const { page } = window;
    for (const [section, name] of [
      ["Users", "users"],
      ["Withdrawals", "withdrawals"],
      ["Adjustments", "adjustments"],
      ["Markets", "markets"],
      ["Dead letters", "events"],
      ["Health", "health"],
      ["Log", "log"],
    ]) {
      const where = `${name} ${colorScheme}`;
      await show(window, section);
      if (name === "users") {
        await page.getByRole("button", { name: "Show alice@example.com" }).click();
        await page.getByTestId("shown-user").waitFor();
      }
      await window.waitForIdle();
      await assertAccessible(window, where);
      await window.screenshot(`admin-${name}-${colorScheme}`);
      await page.setViewportSize({ width: 360, height: 780 });
      await assertFits(window, where);
      await window.screenshot(`admin-${name}-${colorScheme}-phone`);
      await page.setViewportSize({ width: 1440, height: 1000 });
    }
  }
});
