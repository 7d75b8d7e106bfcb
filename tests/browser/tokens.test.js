// The page of access tokens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible, assertFits } from "./support/pageChecks.js";

const { server } = useBrowser();
const INVALID = /status of 422/;

test("a token is created, used and revoked", async (t) => {
  const alice = await Window.logIn(t, "Alice", { allowedErrors: [INVALID] });
  const { page } = alice;
  await page.locator(".menu summary").click();
  await page.getByRole("link", { name: "Access tokens" }).click();
  await page.getByText("No tokens yet.").waitFor();
  await page.getByRole("button", { name: "Create token" }).click();
  await page.locator(".field-error").getByText("The name field is required.").waitFor();
  await page.getByLabel("Name").fill("my bot");
  await page.getByLabel("Trade: place").check();
  await page.getByRole("button", { name: "Create token" }).click();
  const shown = page.locator("[data-test=new-token]");
  const token = await shown.textContent();
  await assertAccessible(alice, "tokens");
  await assertFits(alice, "tokens");
  await alice.screenshot("tokens");
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  await assertFits(alice, "tokens-small");
  const { x, width } = await page.getByRole("button", { name: "Revoke my bot" }).boundingBox();
  assert.ok(x >= 0 && x + width <= 360, "the button is visible without scrolling");
  await alice.screenshot("tokens-small");
  await page.setViewportSize(wide);

  const headers = { authorization: `Bearer ${token.trim()}` };
  const get = (path) => fetch(`${server().url}/api${path}`, { headers });
  assert.equal((await get("/profile")).status, 200);
  assert.equal((await get("/tokens")).status, 403);
  await page.reload();
  const row = page.locator("[data-token]");
  assert.match(await row.textContent(), /my bot.*read.*trade/s);
  assert.equal(await shown.count(), 0, "it is shown once");
  await page.getByRole("button", { name: "Revoke my bot" }).click();
  await page.getByRole("button", { name: "Yes, revoke" }).click();
  await page.getByText("No tokens yet.").waitFor();
  assert.equal((await get("/profile")).status, 401);
});
