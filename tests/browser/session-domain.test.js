// A page on one subdomain that uses a cookie session of an API on another one, as Sanctum's
// single-page applications do. The browser resolves all names under example.test to this machine.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Server, sqliteDatabase } from "../clients/support/server.js";
import { FLAGS } from "./support/browser.js";

const NAMES = "--host-resolver-rules=MAP *.example.test 127.0.0.1";
let browser;
let site;

before(async () => {
  const executablePath = process.env.MATCHCAST_CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: [...FLAGS, NAMES] });
  site = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html").end("<!doctype html><title>page</title>");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
});
after(async () => {
  await browser?.close();
  site?.close();
});

// Opens a page on app.example.test, with an API on api.example.test that has these settings.
async function openPage(t, settings) {
  const origin = `http://app.example.test:${site.address().port}`;
  const cors = { MATCHCAST__HTTP__CORS_ORIGINS: origin };
  const server = new Server(await sqliteDatabase(), { ...cors, ...settings });
  t.after(() => server.remove());
  await server.start();
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(origin);
  return { page, context, api: `http://api.example.test:${server.port}` };
}

// Logs in and reads the user, with the requests of axios `withCredentials` and `withXSRFToken`.
const logIn = ({ page, api }) =>
  page.evaluate(async (api) => {
    const send = (method, path, body) => {
      const token = /(?:^|; )XSRF-TOKEN=([^;]*)/.exec(document.cookie)?.[1];
      const headers = {
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
        ...(token && { "X-XSRF-TOKEN": decodeURIComponent(token) }),
      };
      const options = { method, headers, credentials: "include", body: JSON.stringify(body) };
      return fetch(`${api}${path}`, options);
    };
    await send("GET", "/sanctum/csrf-cookie");
    const credentials = { email: "alice@example.com", password: "password" };
    const loggedIn = await send("POST", "/api/login", credentials);
    const user = await send("GET", "/api/user");
    const name = (await user.json()).data?.name;
    const order = { symbol: "BTC", side: "buy", price: "100", amount: "0.1" };
    const placed = await send("POST", "/api/orders", order);
    return { statuses: [loggedIn.status, user.status, placed.status], name };
  }, api);

for (const domain of ["example.test", ".example.test"]) {
  test(`with SESSION_DOMAIN=${domain} the page uses the session of the API`, async (t) => {
    const opened = await openPage(t, { SESSION_DOMAIN: domain });
    assert.deepEqual(await logIn(opened), { statuses: [200, 200, 200], name: "Alice" });
    const cookies = await opened.context.cookies(opened.api);
    const attributes = cookies.map(({ name, domain, sameSite }) => [name, domain, sameSite]);
    assert.deepEqual(attributes.sort(), [
      ["XSRF-TOKEN", ".example.test", "Lax"],
      ["matchcast_session", ".example.test", "Lax"],
    ]);
  });
}

test("without SESSION_DOMAIN the page reads no CSRF token and gets no session", async (t) => {
  const { statuses, name } = await logIn(await openPage(t, {}));
  assert.deepEqual([statuses, name], [[200, 401, 401], undefined]);
});
