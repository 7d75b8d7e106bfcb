// Pages that were written for a Laravel backend work with matchcast behind nginx with TLS, as
// docs/FROM-LARAVEL.md describes it: hosted Pusher with a fixed cluster and a relative /api, with
// bearer tokens or cookies, and pages with a WebSocket server of the operator.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PageWindow } from "./support/laravelPageWindow.js";
import { HOSTED, pageBuild, selfHosted } from "./support/laravelPage.js";
import {
  PASSWORD,
  PUSHER_APP,
  productionServer,
  register,
  startPusher,
} from "./support/production.js";
import { PAGE, TlsSite, launchFor } from "./support/tlsSite.js";

const RELATIVE = "Pages with hosted Pusher and a relative `/api`";
const OWN_HOST = "Pages that connect to their own host";
const ENVIRONMENT = "Pages that take the host from their environment";
// While nginx restarts.
const UNAVAILABLE = /WebSocket connection to .* failed|net::ERR_CONNECTION_REFUSED/;

let pusher;
let site;
let browser;

before(async () => {
  pusher = await startPusher();
  site = await TlsSite.start(pusher);
  browser = await launchFor(site);
});
after(async () => {
  await browser?.close();
  await site?.remove();
  await pusher?.remove();
});

// Starts matchcast, and switches the proxy to it.
async function serve(t, { build, heading, settings = {}, blocks = "" }) {
  const server = await productionServer(site, settings);
  t.after(() => server.remove());
  await server.start();
  site.writeBuild(pageBuild({ key: PUSHER_APP.key, ...build }));
  await site.serve(`${blocks}\n${site.documented(heading, server)}`);
  return server;
}

// Alice and Bob trade in two windows, also after a reload and after a restart of nginx.
async function trade(t, server, { api, socket }) {
  const users = [await register(server, "Alice"), await register(server, "Bob")];
  const logIn = async ({ email }) => {
    const window = await PageWindow.open(t, browser, { allowedErrors: [UNAVAILABLE] });
    await window.logIn(email, PASSWORD);
    return window;
  };
  const windows = await Promise.all(users.map(logIn));
  const [alice, bob] = windows;
  let count = 0;
  const makeTrade = async () => {
    count += 1;
    await alice.placeOrder("buy", "10000");
    await alice.waitForOrder(`order ${2 * count - 1}: Open`);
    await bob.placeOrder("sell", "10000");
    // Alice's page does nothing but listen.
    for (const window of windows) await window.waitForMatched(count);
    await alice.waitForOrder(`order ${2 * count - 1}: Filled`);
    await bob.waitForOrder(`order ${2 * count}: Filled`);
  };
  const connectionIds = () => Promise.all(windows.map((window) => window.text("channel")));

  await makeTrade();
  assert.equal(await alice.text("balance"), "8985.00");
  assert.equal(await bob.text("balance"), "11000.00");
  for (const { sockets, responses } of windows) {
    assert.ok(sockets[0].startsWith(`${socket}/app/${PUSHER_APP.key}?protocol=7&client=js`));
    assert.ok(responses.includes(`200 ${api}/broadcasting/auth`), responses.join("\n"));
  }

  // Workers that are replaced keep their connections.
  const ids = await connectionIds();
  await site.reload();
  await makeTrade();
  assert.deepEqual(await connectionIds(), ids);

  await site.stop();
  await site.start();
  await Promise.all(windows.map((window, i) => window.waitForSubscription(ids[i])));
  await makeTrade();

  for (const window of windows) {
    assert.ok(await window.isSameDocument(), "the page was not reloaded");
    const plain = [...window.sockets, ...window.responses].filter((url) =>
      /\b(ws|http):/.test(url),
    );
    assert.deepEqual(plain, [], "everything is encrypted");
  }
  return windows;
}

const cookiesOf = async ({ context }, url) =>
  (await context.cookies(url))
    .map(({ name, domain, path, secure, httpOnly, sameSite }) => ({
      name,
      attributes: [domain, path, secure, httpOnly, sameSite],
    }))
    .sort((a, b) => a.name.localeCompare(b.name));

test("a page for hosted Pusher keeps its cluster, its relative /api and its token", async (t) => {
  const server = await serve(t, { build: { connection: HOSTED }, heading: RELATIVE });
  await trade(t, server, { api: `${PAGE}/api`, socket: "wss://ws-mt1.pusher.com" });
});

test("a page for hosted Pusher with cookies has secure ones", async (t) => {
  const build = { connection: HOSTED, usesCookies: true };
  const server = await serve(t, { build, heading: RELATIVE });
  const [alice] = await trade(t, server, {
    api: `${PAGE}/api`,
    socket: "wss://ws-mt1.pusher.com",
  });
  assert.deepEqual(await cookiesOf(alice, PAGE), [
    { name: "matchcast_session", attributes: ["trade.example", "/", true, true, "Lax"] },
    { name: "XSRF-TOKEN", attributes: ["trade.example", "/", true, false, "Lax"] },
  ]);
});

test("a page that connects to its own host has everything behind one name", async (t) => {
  const build = { connection: selfHosted("window.location.hostname") };
  const server = await serve(t, { build, heading: OWN_HOST });
  await trade(t, server, { api: `${PAGE}/api`, socket: "wss://trade.example" });
});

for (const usesCookies of [false, true]) {
  const name = usesCookies ? "cookies" : "a token";
  test(`a page with ${name}, and an API and a WebSocket with names of their own`, async (t) => {
    const api = "https://api.trade.example/api";
    const connection = selfHosted(`"ws.trade.example"`);
    const server = await serve(t, {
      build: { api, connection, usesCookies },
      heading: ENVIRONMENT,
      settings: {
        MATCHCAST__HTTP__CORS_ORIGINS: PAGE,
        ...(usesCookies && { SESSION_DOMAIN: "trade.example" }),
      },
      blocks: site.server("trade.example", `root ${site.root};`),
    });
    const [alice] = await trade(t, server, { api, socket: "wss://ws.trade.example" });
    if (!usesCookies) return;
    assert.deepEqual(await cookiesOf(alice, api), [
      { name: "matchcast_session", attributes: [".trade.example", "/", true, true, "Lax"] },
      { name: "XSRF-TOKEN", attributes: [".trade.example", "/", true, false, "Lax"] },
    ]);
  });
}
