// Checks of a page in its current state; `where` names it if a check fails.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function assertAccessible(window, where) {
  // A <script> element would violate the content security policy of the page.
  await window.page.evaluate(axe);
  const { violations } = await window.page.evaluate(() => window.axe.run());
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const messages = serious.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`,
  );
  assert.deepEqual(messages, [], where);
}

export async function assertFits(window, where) {
  const { page } = window;
  const [content, width] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(
    content <= width,
    `${where}: the content is ${content} px wide in a viewport of ${width} px`,
  );
}
