// The page when events do not arrive, and when many arrive at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { waitUntil } from "../clients/support/waitUntil.js";
import { Window, useBrowser } from "./support/browser.js";
import { assertAccessible } from "./support/pageChecks.js";

const { server } = useBrowser({ MATCHCAST__HTTP__SHUTDOWN_SECONDS: "1" });
const REJECTED = /status of (401|403)/;
// The browser logs failed connections while the server is stopped.
const UNAVAILABLE =
  /ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_(EMPTY_RESPONSE|SOCKET|FAILED)/;

// Counts refreshes by a request that nothing else sends.
const refreshCount = (window) => window.requests.filter((path) => path === "/api/my-orders").length;

test("a rejected subscription is explained", async (t) => {
  const alice = await Window.open(t, { allowedErrors: [REJECTED] });
  const message = { message: "You are not allowed to listen to this channel." };
  await alice.page.route("**/api/broadcasting/auth", (route) =>
    route.fulfill({ status: 403, json: message }),
  );
  await alice.goto("/login");
  await alice.page.getByRole("button", { name: "Alice", exact: true }).click();
  await alice.waitForBadge("No events");
  const problem = alice.page.getByTestId("problem");
  await problem.getByText("403").waitFor();
  assert.match(await problem.textContent(), /another user.*Log out and log in again/s);
  await alice.screenshot("subscription-rejected");
});

test("the server rejects the channel of another user", async (t) => {
  const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];
  const body = new URLSearchParams({ socket_id: "1.2", channel_name: bob.channel });
  const response = await fetch(`${server().url}/api/broadcasting/auth`, {
    method: "POST",
    headers: alice.headers,
    body,
  });
  assert.equal(response.status, 403);
  // The page subscribes to the channel of the user in the login response.
  const window = await Window.open(t, { allowedErrors: [REJECTED] });
  await window.page.route("**/api/login", async (route) => {
    const original = await route.fetch();
    const json = await original.json();
    json.data.user.id = bob.id;
    await route.fulfill({ response: original, json });
  });
  await window.goto("/login");
  await window.page.getByRole("button", { name: "Alice", exact: true }).click();
  await window.page.getByTestId("problem").getByText("403").waitFor();
});

// Counts the messages with an event of this name that the page receives from now on.
function countEvents(window, name) {
  const counted = { count: 0 };
  window.page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => {
      if (JSON.parse(payload).event === name) counted.count++;
    });
  });
  return counted;
}

test("twenty trades during a refresh cause one more and no duplicate toasts", async (t) => {
  const alice = await Window.open(t);
  const events = countEvents(alice, "order.matched");
  await alice.logIn("Alice");
  const bob = await User.logIn(server(), "bob");
  await alice.placeOrder("Buy BTC", "0.02", "50000");
  await alice.waitForIdle();
  // The refresh after the first event ends when the page has all events.
  let arrive;
  const arrived = new Promise((resolve) => (arrive = resolve));
  await alice.page.route("**/api/my-orders", async (route) => {
    await arrived;
    await route.continue();
  });
  const orders = Array.from({ length: 20 }, () => bob.placeOrder("sell", "0.001", "50000"));
  const placed = await Promise.all(orders);
  assert.equal(placed.flatMap(({ trades }) => trades).length, 20);
  await waitUntil("all events have arrived", () => events.count === 20);
  arrive();
  const tradesIn = (text) => Number(/(\d+) trades in BTC/.exec(text)?.[1] ?? 1);
  const countTrades = (texts) => texts.reduce((sum, text) => sum + tradesIn(text), 0);
  await waitUntil("the toasts cover all trades", async () => {
    return countTrades(await alice.toasts().allTextContents()) >= 20;
  });
  const texts = await alice.toasts().allTextContents();
  assert.equal(countTrades(texts), 20, "each trade is counted once");
  assert.equal(new Set(texts).size, texts.length, texts.join("; "));
  await alice.waitForStatus(placed[0].trades[0].buy_order_id, "Filled");
  // Events of the last trade may come after its order.matched.
  const refreshes = refreshCount(alice);
  assert.ok(refreshes >= 2 && refreshes <= 3, `${refreshes} refreshes for 20 trades`);
});

test("the page recovers from a restart of the server without missing changes", async (t) => {
  const alice = await Window.logIn(t, "Alice", { allowedErrors: [UNAVAILABLE] });
  const asAlice = await User.logIn(server(), "alice");
  await alice.markDocument();
  await server().stop();
  await alice.waitForBadge("Offline");
  await alice.page.getByTestId("problem").getByText("Connection lost").waitFor();
  const countdown = alice.page.getByTestId("countdown");
  await countdown.getByText(/Next attempt in \d+ s\./).waitFor();
  await assertAccessible(alice, "offline");
  await alice.screenshot("offline");
  await server().start();
  // This change happens before the page reconnects, so its event is lost.
  const { order } = await asAlice.placeOrder("buy", "0.01", "1000");
  // The page may have connected by itself in the meantime.
  const reconnect = alice.page.getByRole("button", { name: "Reconnect now" });
  if (await reconnect.isVisible()) await reconnect.click({ timeout: 2_000 }).catch(() => {});
  await alice.waitForBadge("Live");
  await alice.waitForStatus(order.id, "Open");
  assert.ok(await alice.isSameDocument());
  assert.equal(await alice.page.getByTestId("problem").count(), 0);

  // Events arrive again.
  const bob = await User.logIn(server(), "bob");
  await bob.placeOrder("sell", "0.01", "1000");
  await alice.waitForStatus(order.id, "Filled");
});

test("a revoked token leads to the login page, which returns to the previous page", async (t) => {
  const alice = await Window.logIn(t, "Alice", { allowedErrors: [REJECTED] });
  await alice.goto("/?from=here");
  await alice.waitForLive();
  // A request of the page itself would be rejected first, before the click below.
  await alice.waitForIdle();
  const token = await alice.page.evaluate(() => localStorage.getItem("auth_token"));
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(`${server().url}/api/logout`, { method: "POST", headers });
  await alice.page.getByRole("button", { name: "Refresh order book" }).click();
  await alice.page.getByText("Your session has ended").waitFor();
  assert.equal(new URL(alice.page.url()).pathname, "/login");
  assert.equal(await alice.page.evaluate(() => localStorage.getItem("auth_token")), null);
  await alice.page.getByRole("button", { name: "Alice", exact: true }).click();
  await alice.waitForLive();
  assert.equal(new URL(alice.page.url()).search, "?from=here");
});
