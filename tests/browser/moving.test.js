// The runbook of docs/FROM-LARAVEL.md with pages that stay open: from a Laravel backend through the
// maintenance to matchcast, and back.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { waitUntil } from "../clients/support/waitUntil.js";
import { ALICE, LaravelApp, PASSWORD, tokenOf } from "./support/laravelApp.js";
import { pageBuild } from "./support/laravelPage.js";
import { PageWindow } from "./support/laravelPageWindow.js";
import { PUSHER_APP, productionServer, startPusher } from "./support/production.js";
import { TlsSite, launchFor } from "./support/tlsSite.js";

const MAINTENANCE = /status of 503/;
let directory;
let pusher;
let laravel;
let site;
let browser;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "matchcast-laravel-"));
  pusher = await startPusher();
  laravel = await LaravelApp.start(pusher, directory);
  site = await TlsSite.start(pusher);
  site.writeBuild(pageBuild({ key: PUSHER_APP.key }));
  browser = await launchFor(site);
});
after(async () => {
  await browser?.close();
  await site?.remove();
  laravel?.close();
  await pusher?.remove();
  if (directory) await rm(directory, { recursive: true, force: true });
});

// The configuration before the switch.
const laravelBlocks = () => `
  upstream laravel { server ${laravel.host}:${laravel.port}; }
  ${site.server(
    "trade.example",
    `root ${site.root};
          location / { try_files $uri /index.html; }
          location /api/ { proxy_pass http://laravel; }`,
  )}`;

// Reads the user with the page's token again and again. Returns a function that stops it after a
// success and returns the statuses. A request without a response would fail.
async function readUser({ page }) {
  const reading = page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem("token")}` };
    const statuses = [];
    window.statuses = statuses;
    window.isReading = true;
    while (window.isReading) {
      statuses.push((await fetch("/api/user", { headers })).status);
    }
    return statuses;
  });
  await page.waitForFunction(() => window.isReading);
  return async () => {
    // An old worker of nginx may still serve the page's connection.
    await page.waitForFunction(() => window.statuses.at(-1) === 200);
    await page.evaluate(() => (window.isReading = false));
    return reading;
  };
}

// Who answers the page, and with which orders.
const readOrders = ({ page }) =>
  page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem("token")}` };
    const response = await fetch("/api/my-orders", { headers });
    const { data } = await response.json();
    const orders = data.map(({ id, status }) => [id, status]);
    return { orders, isLaravel: response.headers.get("X-Powered-By") !== null };
  });

test("pages that are open when the proxy switches keep token and connection", async (t) => {
  await site.serve(laravelBlocks());
  const alice = await PageWindow.open(t, browser, { allowedErrors: [MAINTENANCE] });
  const bob = await PageWindow.open(t, browser, { allowedErrors: [MAINTENANCE] });
  await alice.logIn("alice@trade.example", PASSWORD);
  await bob.logIn("bob@trade.example", PASSWORD);
  await alice.waitForOrder("order 1: Open");
  const connection = await alice.text("channel");

  // Steps 1 and 2, days before.
  const server = await productionServer(site);
  t.after(() => server.remove());
  const importing = ["import-laravel", "--from", laravel.databaseUrl];
  const report = await server.execute(importing);
  assert.match(report.stdout, /nothing was written/i);

  // Step 3. The connection of Bob's page is lost during the maintenance.
  laravel.isDown = true;
  await bob.page.evaluate(() => {
    window.Echo.disconnect();
    window.Echo.connector.pusher.connect();
  });
  await waitUntil("the maintenance refuses the subscription", async () => {
    return (await bob.text("channel")) === "refused with 503";
  });

  // Steps 4 to 6.
  const imported = await server.execute([...importing, "--apply"]);
  assert.match(imported.stdout, /the audit found nothing/);
  await server.start();
  await waitUntil("matchcast is ready", async () => (await fetch(`${server.url}/ready`)).ok);
  const checked = await fetch(`${server.url}/api/user`, {
    headers: { Authorization: `Bearer ${tokenOf(ALICE)}` },
  });
  assert.equal((await checked.json()).data?.email, ALICE.email);

  // Step 7, while Alice's page reads.
  const stopReading = await readUser(alice);
  const start = performance.now();
  await site.serve(site.documented("Pages with hosted Pusher and a relative `/api`", server));
  const duration = performance.now() - start;
  const statuses = await stopReading();
  t.diagnostic(
    `the switch took ${duration.toFixed(0)} ms; ` +
      `${statuses.length} requests meanwhile, all with a response`,
  );
  assert.deepEqual([...new Set(statuses)], [503, 200]);

  // Bob takes the order that Laravel had accepted, once his page has reached matchcast as well.
  await (await readUser(bob))();
  await bob.placeOrder("sell", "50000");
  await bob.waitForOrder("order 2: Filled");
  await alice.waitForMatched(1);
  await alice.waitForOrder("order 1: Filled");
  assert.equal(await alice.text("balance"), "4925.00");
  assert.equal(await alice.text("channel"), connection, "the subscription of Laravel remains");
  assert.equal(alice.sockets.length, 1);
  assert.ok(await alice.isSameDocument());

  // His page has no subscription until it is loaded again. The token remains.
  assert.equal(await bob.text("matched"), "");
  await bob.page.reload();
  await bob.waitForSubscription();
  await alice.placeOrder("buy", "40000");
  await alice.waitForOrder("order 3: Open");
  await bob.placeOrder("sell", "40000");
  await bob.waitForMatched(1);
  await alice.waitForMatched(2);

  await server.execute(["audit"]);

  // The way back: Laravel knows nothing of these trades.
  laravel.isDown = false;
  await site.serve(laravelBlocks());
  await waitUntil("Laravel answers", async () => (await readOrders(alice)).isLaravel);
  assert.deepEqual(await readOrders(alice), { orders: [[1, 1]], isLaravel: true });
  assert.equal(alice.sockets.length, 1);
});
