// What the page says and does when events do not arrive, and when too many do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { waitUntil } from "../clients/support/waitUntil.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser({ MATCHCAST__HTTP__SHUTDOWN_SECONDS: "1" });
const REFUSED = /status of (401|403)/;
// The browser itself reports connections that fail while the server is away.
const AWAY = /ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_(EMPTY_RESPONSE|SOCKET|FAILED)/;

// Counts rounds of fetching by the one call that nothing else causes.
const rounds = (window) => window.asked.filter((path) => path === "/api/my-orders").length;

test("a subscription that is refused is explained in words", async (t) => {
  const alice = await Window.open(t, { allowed: [REFUSED] });
  const message = { message: "You are not allowed to listen to this channel." };
  await alice.page.route("**/api/broadcasting/auth", (route) =>
    route.fulfill({ status: 403, json: message }),
  );
  await alice.go("/login");
  await alice.page.getByRole("button", { name: "Alice", exact: true }).click();
  await alice.badge("No events");
  const problem = alice.page.getByTestId("problem");
  await problem.getByText("403").waitFor();
  assert.match(await problem.textContent(), /somebody else.*Log out and in again/s);
  await alice.shoot("refused");
});

test("somebody else's channel is refused by the server, and nothing is heard of it", async (t) => {
  const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];
  const body = new URLSearchParams({ socket_id: "1.2", channel_name: bob.channel });
  const answer = await fetch(`${server().url}/api/broadcasting/auth`, {
    method: "POST",
    headers: alice.headers,
    body,
  });
  assert.equal(answer.status, 403);
  // The page asks for the channel of the user that the server names; a wrong one is refused.
  const window = await Window.open(t, { allowed: [REFUSED] });
  await window.page.route("**/api/login", async (route) => {
    const real = await route.fetch();
    const json = await real.json();
    json.data.user.id = bob.id;
    await route.fulfill({ response: real, json });
  });
  await window.go("/login");
  await window.page.getByRole("button", { name: "Alice", exact: true }).click();
  await window.page.getByTestId("problem").getByText("403").waitFor();
});

test("twenty trades in a second cause few re-fetches and no toast twice", async (t) => {
  const alice = await Window.loggedIn(t, "Alice");
  const bob = await User.logIn(server(), "bob");
  await alice.place("Buy BTC", "0.02", "50000");
  const before = rounds(alice);
  const places = Array.from({ length: 20 }, () => bob.placeOrder("sell", "0.001", "50000"));
  const placed = await Promise.all(places);
  assert.equal(placed.flatMap(({ trades }) => trades).length, 20);
  const id = placed[0].trades[0].buy_order_id;
  await alice.status(id, "Filled");
  await waitUntil("the toasts tell of all trades", async () => {
    const texts = await alice.toasts().allTextContents();
    const told = texts.map((text) => Number(/(\d+) trades in BTC/.exec(text)?.[1] ?? 1));
    return told.reduce((sum, count) => sum + count, 0) >= 20;
  });
  const texts = await alice.toasts().allTextContents();
  assert.equal(new Set(texts).size, texts.length, texts.join("; "));
  const told = texts.map((text) => Number(/(\d+) trades in BTC/.exec(text)?.[1] ?? 1));
  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    20,
    "each trade is told once",
  );
  const fetched = rounds(alice) - before;
  assert.ok(fetched >= 1 && fetched <= 6, `${fetched} re-fetches for 20 trades`);
});

test("a server that stops and starts: offline, live again, and nothing is missed", async (t) => {
  const alice = await Window.loggedIn(t, "Alice", { allowed: [AWAY] });
  const asAlice = await User.logIn(server(), "alice");
  await alice.markPage();
  await server().stop();
  await alice.badge("Offline");
  await alice.page.getByTestId("problem").getByText("connection is lost").waitFor();
  await alice.shoot("offline");
  await server().start();
  // Before the page is back something happens that no event tells.
  const { order } = await asAlice.placeOrder("buy", "0.01", "1000");
  await alice.badge("Live");
  await alice.status(order.id, "Open");
  assert.ok(await alice.isSamePage());
  assert.equal(await alice.page.getByTestId("problem").count(), 0);

  // And events are heard again.
  const bob = await User.logIn(server(), "bob");
  await bob.placeOrder("sell", "0.01", "1000");
  await alice.status(order.id, "Filled");
});

test("a token that is revoked leads to the log-in page, and back to where one was", async (t) => {
  const alice = await Window.loggedIn(t, "Alice", { allowed: [REFUSED] });
  await alice.go("/?from=here");
  await alice.live();
  // What the page still fetches would be refused by itself, and the click below come too late.
  await alice.page.waitForLoadState("networkidle");
  const token = await alice.page.evaluate(() => localStorage.getItem("auth_token"));
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(`${server().url}/api/logout`, { method: "POST", headers });
  await alice.page.getByRole("button", { name: "Fetch the book again" }).click();
  await alice.page.getByText("Your session has ended").waitFor();
  assert.equal(new URL(alice.page.url()).pathname, "/login");
  assert.equal(await alice.page.evaluate(() => localStorage.getItem("auth_token")), null);
  await alice.page.getByRole("button", { name: "Alice", exact: true }).click();
  await alice.live();
  assert.equal(new URL(alice.page.url()).search, "?from=here");
});
