// The reference of the API at /docs: Swagger UI with the document of this server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();

test("operations are shown, and can be tried out with a token", async (t) => {
  const { origin } = new URL(server().url);
  const window = await Window.open(t);
  const { page } = window;
  const foreign = [];
  page.on("request", (request) => {
    const { protocol, origin: target } = new URL(request.url());
    if (protocol !== "data:" && target !== origin) foreign.push(request.url());
  });
  await window.goto("/docs");
  await page.getByText("Places an order, and matches it.").waitFor();
  const document = await (await fetch(`${origin}/api/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  assert.equal(await page.locator(".opblock").count(), operations.length);
  await window.screenshot("docs");

  const body = JSON.stringify({ email: "alice@example.com", password: "password" });
  const headers = { "content-type": "application/json" };
  const logIn = await fetch(`${origin}/api/login`, { method: "POST", headers, body });
  const { token } = await logIn.json();
  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".modal-ux");
  const bearer = dialog.locator(".auth-container").filter({ hasText: "Bearer" });
  await bearer.locator("input").fill(token);
  await bearer.locator("button[type=submit]").click();
  await dialog.locator(".close-modal").click();

  const operation = page.locator("#operations-Account-getProfile");
  await operation.getByRole("button").first().click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.getByRole("button", { name: "Execute" }).click();
  await operation.locator(".live-responses-table").getByText("alice@example.com").waitFor();
  await window.screenshot("docs-operation");
  assert.deepEqual(foreign, [], "everything comes from this server");
});
