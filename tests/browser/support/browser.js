// A browser with one isolated window per user: each window is a context of its own, like a separate
// computer. Unexpected console errors fail the test.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, selectors } from "playwright-core";
import { Server, sqliteDatabase } from "../../clients/support/server.js";
import { TIMEOUT_MS, waitUntil } from "../../clients/support/waitUntil.js";

const artifacts = fileURLToPath(new URL("../../artifacts/", import.meta.url));
// Longer than the pause of the page between a response and the next related request.
const IDLE_MS = 1_000;
const DESKTOP = { width: 1440, height: 1000 };
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
];

selectors.setTestIdAttribute("data-test");

let browser;
let server;

async function launch() {
  const executablePath = process.env.MATCHCAST_CHROMIUM ?? "/usr/bin/chromium";
  [browser] = await Promise.all([
    chromium.launch({ executablePath, args: FLAGS }),
    mkdir(artifacts, { recursive: true }),
  ]);
}

// Starts one browser for all tests of a file, for a server that is running at this address.
export function useBrowserAt(url) {
  before(async () => {
    await launch();
    server = { url };
  });
  after(() => browser?.close());
}

// Starts one browser and one server for all tests of a file.
export function useBrowser(settings = {}) {
  before(async () => {
    await launch();
    server = new Server(await sqliteDatabase(), settings);
    await server.start();
  });
  after(async () => {
    await browser?.close();
    await server?.remove();
  });
  return { server: () => server };
}

export class Window {
  errors = [];
  // The paths of the API requests, in order.
  requests = [];
  #unanswered = new Set();
  #lastChangeAt = 0;

  // `allowedErrors` are patterns of console errors that the test provokes, e.g. by failed requests.
  static async open(t, { allowedErrors = [], ...options } = {}) {
    const context = await browser.newContext({ viewport: DESKTOP, locale: "en-US", ...options });
    context.setDefaultTimeout(TIMEOUT_MS);
    const window = new Window();
    window.context = context;
    window.watch(await context.newPage());
    t.after(async () => {
      await context.close();
      const isAllowed = (text) => allowedErrors.some((pattern) => pattern.test(text));
      const unexpected = window.errors.filter((text) => !isAllowed(text));
      assert.deepEqual(unexpected, [], "no unexpected console errors");
    });
    return window;
  }

  static async logIn(t, name, options) {
    const window = await Window.open(t, options);
    await window.logIn(name);
    return window;
  }

  async logIn(name) {
    await this.goto("/login");
    await this.page.getByRole("button", { name, exact: true }).click();
    await this.waitForLive();
  }

  watch(page) {
    this.page = page;
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith("/api/")) return;
      this.requests.push(pathname);
      this.#unanswered.add(request);
      this.#lastChangeAt = Date.now();
    });
    for (const event of ["requestfinished", "requestfailed"]) {
      page.on(event, (request) => {
        if (this.#unanswered.delete(request)) this.#lastChangeAt = Date.now();
      });
    }
  }

  async goto(path) {
    await this.page.goto(`${server.url}${path}`);
  }

  // Marks the document, to verify later that it was not reloaded.
  async markDocument() {
    await this.page.evaluate(() => (window.isSameDocument = true));
  }
  async isSameDocument() {
    return this.page.evaluate(() => window.isSameDocument === true);
  }

  // Waits until all requests have a response and the page sends no more, then clears the list of
  // requests.
  async waitForIdle() {
    const isIdle = () => this.#unanswered.size === 0 && Date.now() - this.#lastChangeAt > IDLE_MS;
    await waitUntil("the page is idle", isIdle);
    this.requests.length = 0;
  }

  async waitForBadge(text) {
    await this.page.getByTestId("connection").getByText(text).waitFor();
  }
  async waitForLive() {
    await this.waitForBadge("Live");
    await this.page.locator("[data-asset=USD]").waitFor();
  }

  // `kind` is "available" or "locked".
  async waitForBalance(asset, kind, value) {
    const number = this.page.locator(`[data-asset=${asset}] [data-test=${kind}] .number`);
    await this.waitForText(number, value);
  }
  // Waits for the exact text, and fails with the actual one.
  async waitForText(locator, text) {
    const pattern = new RegExp(`^${text.replaceAll(".", "\\.")}$`);
    try {
      await locator.filter({ hasText: pattern }).first().waitFor();
    } catch {
      assert.equal(await locator.first().textContent(), text);
    }
  }

  // Opens another window of the same browser from the menu, logged in as another demo user.
  async openAs(name) {
    const window = new Window();
    window.context = this.context;
    await this.page.locator(".menu summary").click();
    const [page] = await Promise.all([
      this.context.waitForEvent("page"),
      this.page.locator(".menu").getByRole("button", { name, exact: true }).click(),
    ]);
    window.watch(page);
    await window.waitForLive();
    return window;
  }

  async placeOrder(side, amount, price) {
    const { page } = this;
    await page.getByRole("radio", { name: side }).check({ force: true });
    await page.getByLabel("Price", { exact: true }).fill(price);
    await page.getByLabel("Amount", { exact: true }).fill(amount);
    await page.getByTestId("place").click();
    await page.locator("[data-test=result].ok").waitFor();
  }

  order(id) {
    return this.page.locator(`[data-order="${id}"]`);
  }
  // The tabs of the user's records. One that is open already keeps the focus where it is.
  async openTab(name) {
    const tab = this.page.getByRole("tab", { name: new RegExp(`^${name}`) });
    if ((await tab.getAttribute("aria-selected")) !== "true") await tab.click();
  }
  // Waits in the list of open orders, or in the order history for an order that is closed.
  async waitForStatus(id, label) {
    await this.openTab(["Open", "Waiting"].includes(label) ? "Open orders" : "Order history");
    await this.waitForText(this.order(id).getByTestId("status"), label);
  }
  // Of the tab "Balance history".
  historyEntries() {
    return this.page.locator("[data-entry]");
  }
  toasts() {
    return this.page.locator(".toast");
  }

  async screenshot(name, options = { fullPage: true }) {
    await this.page.screenshot({ path: `${artifacts}${name}.png`, ...options });
  }
}
