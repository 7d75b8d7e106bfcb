// The screenshots of the README. The test writes new ones to tests/artifacts; `scripts/browser.sh
// screenshots` also compresses them and replaces the committed ones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Window, useBrowser } from "./support/browser.js";
import { MarketHistory } from "./support/marketHistory.js";

const { server } = useBrowser({ MATCHCAST__DEMO__FAUCET_CALLS_PER_DAY: "10" });
const VIEWPORT = { width: 1440, height: 1000 };
const THEMES = ["light", "dark"];
const MAX_BYTES = 300_000;
const PNG_SIGNATURE = "89504e470d0a1a0a";
// The width is the first field of the header chunk, which follows the signature.
const WIDTH_OFFSET = 16;

test("the dashboard shows a busy market in both themes", async (t) => {
  const history = await MarketHistory.create(server());
  for (const colorScheme of THEMES) {
    const options = { colorScheme, viewport: VIEWPORT, timezoneId: "UTC" };
    const window = await Window.open(t, options);
    const { page } = window;
    await history.applyTo(window);
    await window.goto("/login");
    await page.getByRole("button", { name: "Alice", exact: true }).click();
    await window.waitForLive();
    await page.getByRole("button", { name: "5m" }).click();
    await page.locator(".own[data-level]").nth(2).waitFor();
    await page.getByLabel("Price", { exact: true }).fill("49440");
    await page.getByLabel("Amount", { exact: true }).fill("0.1");
    await page.getByRole("heading", { name: "Place order" }).click();
    await window.waitForIdle();
    await window.screenshot(`dashboard-${colorScheme}`);
  }
});

for (const theme of THEMES) {
  test(`the committed ${theme} screenshot is a small PNG of the expected width`, () => {
    const url = new URL(`../../docs/images/dashboard-${theme}.png`, import.meta.url);
    const png = readFileSync(url);
    assert.equal(png.subarray(0, 8).toString("hex"), PNG_SIGNATURE);
    assert.equal(png.readUInt32BE(WIDTH_OFFSET), VIEWPORT.width);
    assert.ok(png.length <= MAX_BYTES, `${png.length} bytes`);
  });
}
