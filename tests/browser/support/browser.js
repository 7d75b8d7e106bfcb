// A browser with windows of people: each window is a context of its own, as if it were another
// computer. What a page writes to its console as an error fails the test.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, selectors } from "playwright-core";
import { Server, sqliteDatabase } from "../../clients/support/server.js";
import { waitUntil } from "../../clients/support/waitUntil.js";

const artifacts = fileURLToPath(new URL("../../artifacts/", import.meta.url));
const DEADLINE_MS = 15_000;
// Longer than a page lets pass between two fetches that belong together.
const QUIET_MS = 1_000;
const DESK = { width: 1440, height: 1000 };
const FLAGS = [
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

// One browser and one server for each file of tests.
export function useBrowser(settings = {}) {
  before(async () => {
    const executablePath = process.env.MATCHCAST_CHROMIUM ?? "/usr/bin/chromium";
    [browser] = await Promise.all([
      chromium.launch({ executablePath, args: FLAGS }),
      mkdir(artifacts, { recursive: true }),
    ]);
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
  // Paths of the API in the order in which the page asked for them.
  asked = [];
  #askedAt = 0;

  // `allowed` are patterns of console errors that a test provokes: a refused request is one.
  static async open(t, { allowed = [], ...options } = {}) {
    const context = await browser.newContext({ viewport: DESK, locale: "en-US", ...options });
    context.setDefaultTimeout(DEADLINE_MS);
    const window = new Window();
    window.context = context;
    window.watch(await context.newPage());
    t.after(async () => {
      await context.close();
      const unexpected = window.errors.filter((text) => !allowed.some((one) => one.test(text)));
      assert.deepEqual(unexpected, [], "the console has errors");
    });
    return window;
  }

  static async loggedIn(t, name, options) {
    const window = await Window.open(t, options);
    await window.go("/login");
    await window.page.getByRole("button", { name, exact: true }).click();
    await window.live();
    return window;
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
      this.asked.push(pathname);
      this.#askedAt = Date.now();
    });
  }

  async go(path) {
    await this.page.goto(`${server.url}${path}`);
  }

  // What is on the page at the end must not come from a reload.
  async markPage() {
    await this.page.evaluate(() => (window.isTheSamePage = true));
  }
  async isSamePage() {
    return this.page.evaluate(() => window.isTheSamePage === true);
  }

  // Until it has fetched what it fetches by itself; what it asks for after that is noted anew.
  async settle() {
    const isQuiet = () => Date.now() - this.#askedAt > QUIET_MS;
    await waitUntil("the page asks for nothing more", isQuiet);
    this.asked.length = 0;
  }

  async badge(text) {
    await this.page.getByTestId("connection").getByText(text).waitFor();
  }
  async live() {
    await this.badge("Live");
    await this.page.locator("[data-asset=USD]").waitFor();
  }

  // Waits until a number stands on a card, digit for digit.
  async holds(asset, kind, value) {
    const number = this.page.locator(`[data-asset=${asset}] [data-test=${kind}] .number`);
    await this.reads(number, value);
  }
  async reads(locator, text) {
    const wanted = locator.filter({ hasText: new RegExp(`^${text.replaceAll(".", "\\.")}$`) });
    try {
      await wanted.first().waitFor();
    } catch {
      assert.equal(await locator.first().textContent(), text);
    }
  }

  async place(side, amount, price) {
    const { page } = this;
    await page.getByRole("radio", { name: side }).check({ force: true });
    await page.getByLabel("Price", { exact: true }).fill(price);
    await page.getByLabel("Amount", { exact: true }).fill(amount);
    await page.getByTestId("place").click();
    await page.locator("[data-test=outcome].ok").waitFor();
  }

  order(id) {
    return this.page.locator(`[data-order="${id}"]`);
  }
  async status(id, word) {
    await this.reads(this.order(id).getByTestId("status"), word);
  }
  history() {
    return this.page.locator("[data-entry]");
  }
  toasts() {
    return this.page.locator(".toast");
  }

  async shoot(name) {
    await this.page.screenshot({ path: `${artifacts}${name}.png`, fullPage: true });
  }
}
