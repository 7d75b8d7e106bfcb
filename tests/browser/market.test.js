// Live updates of a market: for a user who does not trade, and for a user who trades in another
// client.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../clients/support/api.js";
import { waitUntil } from "../clients/support/waitUntil.js";
import { Window, useBrowser } from "./support/browser.js";

const { server } = useBrowser();

async function openMarket(t, name, symbol = "BTC") {
  const window = await Window.logIn(t, name);
  await window.page.getByRole("button", { name: `${symbol} /USD` }).click();
  await window.waitForIdle();
  await window.markDocument();
  return window;
}
async function cancel(user, { id }) {
  const url = `${server().url}/api/orders/${id}/cancel`;
  const response = await fetch(url, { method: "POST", headers: user.headers });
  assert.equal(response.status, 200);
}
const level = (window, price) => window.page.locator(`[data-level="${price}"]`);
const amount = (row) => row.locator("td").nth(1).locator(".number");

test("a third user sees orders, trades and cancellations without any request", async (t) => {
  const charlie = await openMarket(t, "Charlie");
  const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];

  const { order } = await alice.placeOrder("buy", "0.1", "50000");
  await charlie.waitForText(amount(level(charlie, "50000")), "0.1");
  const { trades } = await bob.placeOrder("sell", "0.04", "50000");
  await charlie.waitForText(amount(level(charlie, "50000")), "0.06");

  const [{ id }] = trades;
  const cells = charlie.page.locator(`#trade-${id} .number`);
  await charlie.waitForText(cells.nth(0), "50,000");
  await charlie.waitForText(cells.nth(1), "0.04");
  await charlie.waitForText(charlie.page.locator("[data-test=last-price] .number"), "50,000");
  const chart = charlie.page.getByRole("figure", { name: "1 trade, last price 50,000" });
  await chart.waitFor();
  await charlie.screenshot("market-third-user");

  await cancel(alice, order);
  await level(charlie, "50000").waitFor({ state: "detached" });
  assert.deepEqual(charlie.requests, [], "the page sends no requests");
  assert.equal(await charlie.toasts().count(), 0);
  assert.ok(await charlie.isSameDocument());
});

test("selecting a market replaces the live updates of the previous one", async (t) => {
  const charlie = await openMarket(t, "Charlie", "ETH");
  const alice = await User.logIn(server(), "alice");
  const inBitcoin = await alice.placeOrder("buy", "0.1", "2001", "BTC");
  const inEther = await alice.placeOrder("buy", "0.1", "2000", "ETH");
  await level(charlie, "2000").waitFor();
  assert.equal(await level(charlie, "2001").count(), 0);
  for (const { order } of [inBitcoin, inEther]) await cancel(alice, order);
  await level(charlie, "2000").waitFor({ state: "detached" });
  assert.deepEqual(charlie.requests, []);
});

test("changes by the same user in another client appear without a toast", async (t) => {
  const window = await openMarket(t, "Alice");
  const alice = await User.logIn(server(), "alice");
  const { order } = await alice.placeOrder("buy", "0.1", "40000");
  await window.waitForStatus(order.id, "Open");
  await window.waitForBalance("USD", "locked", "4,060");
  await window.page.locator('.own[data-level="40000"]').waitFor();
  await cancel(alice, order);
  await window.waitForStatus(order.id, "Cancelled");
  await window.waitForBalance("USD", "locked", "0");
  await level(window, "40000").waitFor({ state: "detached" });
  assert.equal(await window.toasts().count(), 0);
  assert.ok(await window.isSameDocument());
});

// Records the texts that are drawn on canvases, where the chart has its labels.
const recordCanvasTexts = () => {
  const { fillText } = CanvasRenderingContext2D.prototype;
  window.canvasTexts = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, ...position) {
    window.canvasTexts.push(text);
    return fillText.call(this, text, ...position);
  };
};

test("the chart shows the times of the list after a change to daylight-saving time", async (t) => {
  // New York skipped the hour after 06:59 UTC, which was 2 AM.
  const start = Date.UTC(2026, 2, 8, 6);
  const hours = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4];
  const trades = hours.map((hour, index) => ({
    id: index + 1,
    sequence: index + 1,
    symbol: "BTC",
    price: 50_000,
    amount: 0.1,
    created_at: new Date(start + hour * 3_600_000).toISOString(),
  }));
  const charlie = await Window.open(t, { timezoneId: "America/New_York" });
  const { page } = charlie;
  await charlie.context.addInitScript(recordCanvasTexts);
  await page.route("**/api/trades?*", (route) => {
    const message = "Trades retrieved successfully";
    return route.fulfill({ json: { success: true, message, data: trades.toReversed() } });
  });
  await charlie.goto("/login");
  await page.getByRole("button", { name: "Charlie", exact: true }).click();
  await page.getByRole("figure", { name: "9 trades" }).waitFor();

  const plain = (text) => text.replaceAll("\u202f", " ");
  const listed = await page.locator(".trades tbody td:first-child").allTextContents();
  const times = listed.map((text) =>
    plain(text)
      .trim()
      .replace(/:\d\d(?= )/, ""),
  );
  assert.deepEqual([times.at(-1), times.at(-3), times[0]], ["1:00 AM", "3:00 AM", "6:00 AM"]);
  const drawn = async () => (await page.evaluate(() => window.canvasTexts)).map(plain);
  const isTime = (text) => text.includes(":");
  await waitUntil("the axis is drawn", async () => (await drawn()).some(isTime));
  const labels = (await drawn()).filter((text) => !/^[\d,.]+$/.test(text));
  assert.deepEqual(
    labels.filter((label) => !times.includes(label)),
    [],
  );

  // The few candles are in the right half.
  const box = await page.getByRole("figure", { name: "9 trades" }).boundingBox();
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height / 2);
  await waitUntil("the crosshair is drawn", async () =>
    (await drawn()).some((text) => times.some((time) => text === `Mar 8, 2026, ${time}`)),
  );
  await charlie.screenshot("chart-daylight-saving");
});
