// The snippets of docs/nginx with a real nginx: a page for hosted Pusher that calls a relative /api
// works with matchcast behind it, unchanged.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { User } from "./support/api.js";
import { Nginx, snippetPath } from "./support/nginx.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";

const AUTH_PATHS = ["/broadcasting/auth", "/api/broadcasting/auth"];
// Longer than matchcast accepts (http.body_limit).
const TOO_LONG = "x".repeat(70_000);

// A build of a page. Its script knows no address of a server, only paths.
const BUILD = {
  "index.html": `<!doctype html><title>page</title>
    <script type="module" src="/assets/page-1a2b.js"></script>`,
  "assets/page-1a2b.js": `
    export async function logIn(fetch, email, password) {
      const response = await fetch("/api/login", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ email, password }),
      });
      return response.json();
    }
  `,
};

async function startNginx(t, upstreams, snippets) {
  const nginx = new Nginx({ upstreams, snippets, build: BUILD });
  t.after(() => nginx.remove());
  await nginx.start();
  return nginx;
}

// Like `server`, for clients that know only the address of nginx: `provider` is where they connect.
const behind = (nginx, provider) => ({ url: nginx.url, provider });

const isPage = async (response) =>
  response.status === 200 && (await response.text()) === BUILD["index.html"];

async function makeTrade(buyer, seller) {
  await buyer.placeOrder("buy", 0.001, 30_000);
  return (await seller.placeOrder("sell", 0.001, 30_000)).trade;
}

onEachDatabase("relative-api.conf", (server) => {
  const start = async (t) => {
    const nginx = await startNginx(t, { matchcast: server() }, ["relative-api.conf"]);
    return { nginx, site: behind(nginx, server().provider) };
  };

  test("the script of the page logs in with a relative /api", async (t) => {
    const { nginx } = await start(t);
    const response = await fetch(`${nginx.url}/assets/page-1a2b.js`);
    assert.match(response.headers.get("content-type"), /^text\/javascript/);
    assert.match(response.headers.get("cache-control"), /immutable/);
    const script = `data:text/javascript,${encodeURIComponent(await response.text())}`;
    const { logIn } = await import(script);
    // Resolves paths as a browser does.
    const fetchFromPage = (path, options) => fetch(new URL(path, nginx.url), options);
    const { data } = await logIn(fetchFromPage, "alice@example.com", "password");
    assert.equal(data.user.id, 1);
  });

  test("orders are placed, and both traders receive order.matched", async (t) => {
    const { site } = await start(t);
    const [alice, bob] = [await User.logIn(site, "alice"), await User.logIn(site, "bob")];
    // The connection bypasses nginx, as with hosted Pusher. Only the authorization is relative.
    const pages = [];
    for (const path of AUTH_PATHS) {
      for (const user of [alice, bob]) {
        const page = new Page(t, site, authorizations.channelAuthorization(user, path));
        await page.subscribe(user.channel);
        await assert.rejects(page.subscribe("private-user.999"), { status: 403 });
        pages.push(page);
      }
    }
    const trade = await makeTrade(alice, bob);
    for (const page of pages) {
      const [data] = await page.waitForEvents("order.matched");
      assert.equal(data.trade_id, trade.id);
    }
  });

  test("a cookie session with its CSRF token works", async (t) => {
    const { nginx } = await start(t);
    const cookies = new Map();
    const send = async (method, path, body) => {
      const headers = {
        Accept: "application/json",
        Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        "X-XSRF-TOKEN": cookies.get("XSRF-TOKEN") ?? "",
        ...(typeof body === "string" && { "Content-Type": "application/json" }),
      };
      const response = await fetch(`${nginx.url}${path}`, { method, headers, body });
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
        cookies.set(name, value);
      }
      return { status: response.status, body: await response.text() };
    };
    assert.equal((await send("GET", "/sanctum/csrf-cookie")).status, 204);
    const credentials = JSON.stringify({ email: "alice@example.com", password: "password" });
    assert.equal((await send("POST", "/api/login", credentials)).status, 200);
    const fields = { socket_id: "123.456", channel_name: "private-user.1" };
    for (const path of AUTH_PATHS) {
      const { status, body } = await send("POST", path, new URLSearchParams(fields));
      assert.equal(status, 200, body);
      assert.deepEqual(
        JSON.parse(body),
        sdk(server()).authorizeChannel(fields.socket_id, fields.channel_name),
      );
    }
  });

  test("routes of the page load index.html, and errors of the API are JSON", async (t) => {
    const { nginx } = await start(t);
    for (const path of ["/", "/orders/history?page=2", "/login", "/metrics", "/app/local"]) {
      const response = await fetch(`${nginx.url}${path}`);
      assert.equal(response.headers.get("cache-control"), "no-cache", path);
      assert.ok(await isPage(response), path);
    }
    assert.equal((await fetch(`${nginx.url}/assets/missing-3c4d.js`)).status, 404);

    const unknown = await fetch(`${nginx.url}/api/unknown`);
    assert.equal(unknown.status, 404);
    assert.equal((await unknown.json()).code, "not_found");

    const tooLong = await fetch(`${nginx.url}/api/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: "alice@example.com", password: TOO_LONG }),
    });
    assert.equal(tooLong.status, 413);
    assert.equal(typeof (await tooLong.json()).code, "string");
  });
});

onEachDatabase("websocket.conf", (server) => {
  const start = async (t, snippets) => {
    const upstreams = { matchcast: server(), pusher: server().provider };
    const nginx = await startNginx(t, upstreams, snippets);
    const { app } = server().provider;
    return behind(nginx, { host: nginx.host, port: nginx.port, app });
  };

  test("pusher-js and Echo connect through nginx and receive order.matched", async (t) => {
    const site = await start(t, ["relative-api.conf", "websocket.conf"]);
    const [alice, bob] = [await User.logIn(site, "alice"), await User.logIn(site, "bob")];
    const [path, apiPath] = AUTH_PATHS;
    const page = new Page(t, site, authorizations.channelAuthorization(alice, path));
    await page.subscribe(alice.channel);
    const echo = new EchoPage(t, bob, apiPath);
    await echo.listen(`user.${bob.id}`, "order.matched");
    const trade = await makeTrade(alice, bob);
    for (const client of [page, echo]) {
      const [data] = await client.waitForEvents("order.matched");
      assert.equal(data.trade_id, trade.id);
    }
  });

  test("the official server library publishes through nginx", async (t) => {
    const site = await start(t, ["websocket.conf"]);
    const page = new Page(t, site);
    await page.subscribe("news");
    const response = await sdk(site).trigger("news", "test.event", { text: "a+b c/d" });
    assert.equal(response.status, 200);
    assert.deepEqual(await page.waitForEvents("test.event"), [{ text: "a+b c/d" }]);
  });

  test("an idle connection is not closed before its ping", async (t) => {
    const site = await start(t, ["websocket.conf"]);
    const page = new Page(t, site);
    await page.connected();
    const location = /location \/app\/ \{([^}]*)\}/.exec(
      readFileSync(snippetPath("websocket.conf"), "utf8"),
    )[1];
    const [, seconds] = /proxy_read_timeout (\d+)s;/.exec(location);
    assert.ok(Number(seconds) * 1000 > 2 * page.pusher.connection.activityTimeout, seconds);
  });
});

test("matchcast receives the original host, address, credentials and socket id", async (t) => {
  const echo = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  await new Promise((resolve) => echo.listen(0, "127.0.0.1", resolve));
  t.after(() => echo.close());
  const { port } = echo.address();
  const nginx = await startNginx(t, { matchcast: { host: "127.0.0.1", port } }, [
    "relative-api.conf",
  ]);
  for (const path of ["/api/user", "/broadcasting/auth", "/sanctum/csrf-cookie"]) {
    const sent = {
      authorization: "Bearer of-the-test",
      cookie: "theme=dark",
      "x-socket-id": "123.456",
      "x-xsrf-token": "of-the-test",
      "x-forwarded-for": "192.0.2.1",
    };
    const headers = await (await fetch(`${nginx.url}${path}`, { headers: sent })).json();
    const host = `127.0.0.1:${nginx.port}`;
    const expected = {
      ...sent,
      host,
      "x-forwarded-host": host,
      "x-forwarded-proto": "http",
      "x-forwarded-for": "192.0.2.1, 127.0.0.1",
      "x-real-ip": "127.0.0.1",
    };
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(headers[name], value, `${name} of ${path}`);
    }
  }
});
