// A window with the page in laravel-page. Unexpected console errors fail the test.
import assert from "node:assert/strict";
import { TIMEOUT_MS, waitUntil } from "../../clients/support/waitUntil.js";
import { PAGE } from "./tlsSite.js";

const SUBSCRIBED = /^subscribed by \d+\.\d+$/;

export class PageWindow {
  // The addresses of WebSockets, and status and address of each response.
  sockets = [];
  responses = [];
  errors = [];

  // `allowedErrors` are patterns of console errors that the test provokes.
  static async open(t, browser, { allowedErrors = [] } = {}) {
    const window = new PageWindow();
    const context = await browser.newContext();
    context.setDefaultTimeout(TIMEOUT_MS);
    const page = await context.newPage();
    Object.assign(window, { context, page });
    page.on("websocket", (socket) => window.sockets.push(socket.url()));
    page.on("response", (response) => {
      window.responses.push(`${response.status()} ${response.url()}`);
    });
    page.on("console", (message) => {
      if (message.type() === "error") window.errors.push(message.text());
    });
    page.on("pageerror", (error) => window.errors.push(String(error)));
    t.after(async () => {
      await context.close();
      const isAllowed = (text) => allowedErrors.some((pattern) => pattern.test(text));
      const unexpected = window.errors.filter((text) => !isAllowed(text));
      assert.deepEqual(unexpected, [], "no unexpected console errors");
    });
    await page.goto(PAGE);
    await page.evaluate(() => (window.isSameDocument = true));
    return window;
  }

  async logIn(email, password) {
    await this.page.getByLabel("Email").fill(email);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Log in" }).click();
    await this.waitForSubscription();
  }

  text(id) {
    return this.page.locator(`#${id}`).textContent();
  }

  // Waits for a subscription that is not the `previous` one, and returns it.
  waitForSubscription(previous) {
    return this.#waitUntil(async () => {
      const text = await this.text("channel");
      return SUBSCRIBED.test(text) && text !== previous && text;
    });
  }

  // Fails with what the page shows.
  async #waitUntil(condition) {
    try {
      return await waitUntil("the page shows what is expected", condition);
    } catch (error) {
      throw new Error(`${error.message}\n${await this.page.locator("body").innerText()}`);
    }
  }

  async placeOrder(side, price) {
    await this.page.getByLabel("Side").selectOption(side);
    await this.page.getByLabel("Price").fill(price);
    await this.page.getByLabel("Amount").fill("0.1");
    await this.page.getByRole("button", { name: "Place order" }).click();
  }

  // Waits until this many events have arrived.
  async waitForMatched(count) {
    const events = this.page.locator("#matched li");
    await this.#waitUntil(async () => (await events.count()) === count);
  }
  async waitForOrder(text) {
    const order = this.page.locator("#orders li").getByText(text, { exact: true });
    await this.#waitUntil(() => order.isVisible());
  }

  async isSameDocument() {
    return this.page.evaluate(() => window.isSameDocument === true);
  }
}
