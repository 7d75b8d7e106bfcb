// Clients that place and cancel orders at a steady rate, whatever becomes of earlier ones, and the
// history of what each of them was told.
//
// Each order has an amount that no other order has, so it is found in the database although its
// response was lost. A third of the orders has an idempotency key, a third a client order id, and a
// third both.
import { setTimeout as sleep } from "node:timers/promises";
import { Kind, isDefinite, send } from "./requests.js";

export const TRADERS = 6;
const ORDERS_PER_SECOND = 40;
const SYMBOLS = ["BTC", "ETH"];
const PRICES = [99, 100, 101];
// 0.01 and a number of units of 0.00000001.
const FIRST_AMOUNT = 1_000_000;
const CANCELLED_SHARE = 0.5;
// After an answer that says that nothing happened, or that does not say what happened.
const GIVE_UP_SHARE = { nothing: 0.5, unknown: 0.1 };
const MAX_OPEN = 1_000;
const RETRY_MS = { first: 200, random: 200 };
const SETTLE_TIMEOUT_MS = 120_000;

// The same numbers for the same seed (mulberry32).
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Load {
  // What was asked for, with all attempts: { number, user, symbol, side, price, units, key,
  // clientOrderId, attempts, orderId, outcome }.
  orders = [];
  // { order, attempts, outcome }
  cancellations = [];
  // When the latest order was sent that a process has accepted, by the name of the process.
  lastAccepted = new Map();
  #servers;
  #traders;
  #random;
  #open = new Set();
  #isRunning = false;
  #isSettling = false;
  #loop;
  #error;

  constructor(servers, traders, seed) {
    this.#servers = servers;
    this.#traders = traders;
    this.#random = randomNumbers(seed);
  }

  get attempts() {
    return [...this.orders, ...this.cancellations].flatMap(({ attempts }) => attempts);
  }

  start() {
    this.#isRunning = true;
    this.#isSettling = false;
    this.#loop = this.#run();
  }

  // Sends no new order, and waits until the outcome of each is known, apart from those whose client
  // has given up.
  async stop() {
    this.#isRunning = false;
    await this.#loop;
    this.#isSettling = true;
    const all = Promise.all(this.#open).then(() => true);
    const isSettled = await Promise.race([all, sleep(SETTLE_TIMEOUT_MS, false, { ref: false })]);
    if (this.#error) throw this.#error;
    if (!isSettled) throw new Error(`${this.#open.size} requests have no definite answer`);
  }

  async #run() {
    const interval = 1000 / ORDERS_PER_SECOND;
    let due = Date.now();
    while (this.#isRunning) {
      if (this.#open.size < MAX_OPEN) this.#begin(this.#trade());
      due += interval;
      await sleep(Math.max(0, due - Date.now()));
    }
  }

  #begin(work) {
    const watched = work
      .catch((error) => (this.#error ??= error))
      .finally(() => this.#open.delete(watched));
    this.#open.add(watched);
  }

  #pick(list) {
    return list[Math.floor(this.#random() * list.length)];
  }

  async #trade() {
    const number = this.orders.length;
    const order = {
      number,
      user: this.#pick(this.#traders),
      symbol: this.#pick(SYMBOLS),
      side: this.#pick(["buy", "sell"]),
      price: this.#pick(PRICES),
      units: FIRST_AMOUNT + number,
      key: number % 3 === 0 ? undefined : `order-${number}`,
      clientOrderId: number % 3 === 1 ? undefined : `order-${number}`,
      attempts: [],
    };
    this.orders.push(order);
    const body = {
      symbol: order.symbol,
      side: order.side,
      price: String(order.price),
      amount: (order.units / 1e8).toFixed(8),
      client_order_id: order.clientOrderId,
    };
    const last = await this.#send(order, "POST", "/orders", body, order.user.token, order.key);
    if (last.kind === Kind.taken) await this.#find(order);
    else if (last.data) order.orderId = last.data.order.id;
    const isOpen = last.data?.order.status === 1;
    if (isOpen && this.#random() < CANCELLED_SHARE) await this.#cancel(order);
  }

  async #cancel(order) {
    await sleep(200 + this.#random() * 2_000);
    const cancellation = { order, key: `cancel-${order.number}`, attempts: [] };
    this.cancellations.push(cancellation);
    const path = `/orders/${order.orderId}/cancel`;
    await this.#send(cancellation, "POST", path, undefined, order.user.token, cancellation.key);
  }

  // Sends a request until its answer is definite, or its client gives up. `of.outcome` becomes the
  // last answer's kind, or `unknown` if an earlier attempt may have been executed.
  async #send(of, method, path, body, token, key) {
    for (;;) {
      const server = this.#pick(this.#servers);
      const attempt = await send(server, method, path, { token, key, body });
      of.attempts.push(attempt);
      if (attempt.kind === Kind.accepted && body) {
        const last = this.lastAccepted.get(server.name) ?? 0;
        this.lastAccepted.set(server.name, Math.max(last, attempt.sentAt));
      }
      const isUncertain = of.attempts.some(({ kind }) =>
        [Kind.unknown, Kind.inFlight].includes(kind),
      );
      of.outcome = !isDefinite(attempt.kind) && isUncertain ? Kind.unknown : attempt.kind;
      if (isDefinite(attempt.kind) || this.#givesUp(isUncertain)) return attempt;
      await sleep(RETRY_MS.first + this.#random() * RETRY_MS.random);
    }
  }

  #givesUp(isUncertain) {
    if (!isUncertain) return this.#random() < GIVE_UP_SHARE.nothing;
    return !this.#isSettling && this.#random() < GIVE_UP_SHARE.unknown;
  }

  // The order whose client order id is taken must be there.
  async #find(order) {
    const path = `/orders/by-client-id/${order.clientOrderId}`;
    for (;;) {
      const answer = await send(this.#pick(this.#servers), "GET", path, order.user);
      if (answer.kind === Kind.accepted) {
        order.orderId = answer.data.order.id;
        return;
      }
      if (answer.kind === Kind.rejected) {
        throw new Error(`order ${order.number}: its name is taken, but reading it: ${answer.code}`);
      }
      await sleep(RETRY_MS.first);
    }
  }
}
