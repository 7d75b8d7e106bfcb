// A grid bot, and a simulated trader who makes its orders fill.
//
// The grid has one price level more than orders. An order to buy that is filled is replaced by one
// to sell a level above it, and the reverse, so that a price that moves back and forth earns the
// distance of two levels. The bot learns of its fills from watchMyTrades() and keeps books of its
// own, from prices and amounts only. At the end they must be the server's to the last unit.
import { Precise } from "ccxt";

const LEVELS = 21;
const CENTER = 50_000;
const DISTANCE = 100;
const AMOUNT = "0.0003";
const MAX_TAKEN_UNITS = 60_000;
const UNIT = "0.00000001";
const REPLACE_EVERY = 25;

// Both functions compute in units of 10⁻⁸, as the server does.
const floor = (value) => Precise.stringDiv(value, "1", 8);
function ceil(value) {
  const down = floor(value);
  return Precise.stringEq(down, value) ? down : Precise.stringAdd(down, UNIT);
}

// mulberry32, so that a run can be repeated.
export function randomNumbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class GridBot {
  #exchange;
  #market;
  #totals;
  #orders = new Map();
  #values = new Map();
  #traded = "0";
  #nextTrades;
  tradeCount = 0;

  constructor(exchange, symbol) {
    this.#exchange = exchange;
    this.#market = exchange.market(symbol);
  }

  async start() {
    const { base, quote, symbol } = this.#market;
    const { total } = await this.#exchange.fetchBalance();
    this.#totals = { [base]: total[base], [quote]: total[quote] };
    this.#watch();
    for (let level = 0; level < LEVELS; level++) {
      const middle = (LEVELS - 1) / 2;
      if (level !== middle) await this.#place(level < middle ? "buy" : "sell", level);
    }
  }

  // The first call subscribes, so it comes before the first order.
  #watch() {
    this.#nextTrades = this.#exchange.watchMyTrades(this.#market.symbol);
    // settle() throws this error. When the exchange is closed, nobody waits for it.
    this.#nextTrades.catch(() => {});
  }

  async #place(side, level) {
    const price = String(CENTER + (level - (LEVELS - 1) / 2) * DISTANCE);
    const { symbol } = this.#market;
    const order = await this.#exchange.createOrder(symbol, "limit", side, AMOUNT, price, {
      postOnly: true,
    });
    this.#orders.set(order.id, { side, level, rest: AMOUNT });
  }

  // Reads trades until `amount` more has been traded, and replaces filled orders.
  async settle(amount) {
    const target = Precise.stringAdd(this.#traded, amount);
    while (Precise.stringLt(this.#traded, target)) {
      const trades = await this.#nextTrades;
      this.#watch();
      for (const trade of trades) await this.#book(trade);
    }
  }

  async #book({ order: id, side, price, amount }) {
    const { base, quote, info } = this.#market;
    const isBuy = side === "buy";
    const value = floor(Precise.stringMul(price, amount));
    // The commission of an order is that of the value of all its fills, rounded up.
    const before = this.#values.get(id) ?? "0";
    const after = Precise.stringAdd(before, value);
    this.#values.set(id, after);
    const rate = isBuy ? info.buyer_commission : info.seller_commission;
    const charged = (all) => ceil(Precise.stringMul(all, rate));
    const commission = Precise.stringSub(charged(after), charged(before));
    const change = isBuy
      ? Precise.stringAdd(value, commission)
      : Precise.stringSub(value, commission);
    const [toBase, toQuote] = isBuy
      ? [Precise.stringAdd, Precise.stringSub]
      : [Precise.stringSub, Precise.stringAdd];
    this.#totals[base] = toBase(this.#totals[base], amount);
    this.#totals[quote] = toQuote(this.#totals[quote], change);
    this.#traded = Precise.stringAdd(this.#traded, amount);
    this.tradeCount++;
    const order = this.#orders.get(id);
    order.rest = Precise.stringSub(order.rest, amount);
    if (Precise.stringEq(order.rest, "0")) {
      this.#orders.delete(id);
      await this.#place(isBuy ? "sell" : "buy", order.level + (isBuy ? 1 : -1));
    }
  }

  // Cancels the oldest order without a fill and places it again.
  async replace() {
    const [oldest] = [...this.#orders].filter(([, { rest }]) => rest === AMOUNT);
    if (!oldest) return;
    const [id, { side, level }] = oldest;
    await this.#exchange.cancelOrder(id, this.#market.symbol);
    this.#orders.delete(id);
    await this.#place(side, level);
  }

  // Cancels all orders and compares the books. Returns both.
  async finish() {
    const { base, quote, symbol } = this.#market;
    await this.#exchange.cancelAllOrders(symbol);
    const { free, used, total } = await this.#exchange.fetchBalance();
    const own = this.#totals;
    for (const currency of [base, quote]) {
      const isEqual =
        Precise.stringEq(total[currency], own[currency]) &&
        Precise.stringEq(free[currency], own[currency]) &&
        Precise.stringEq(used[currency], "0");
      if (!isEqual) {
        throw new Error(`${currency}: ${own[currency]} in the books, ${total[currency]} there`);
      }
    }
    return { books: own, balances: { [base]: total[base], [quote]: total[quote] } };
  }
}

// Places an order of random type, side and amount that ends at once, and returns what it filled.
async function takeOnce(trader, symbol, random) {
  const { bids, asks } = await trader.fetchOrderBook(symbol, 3);
  const units = 1 + Math.floor(random() * MAX_TAKEN_UNITS);
  const amount = Precise.stringMul(String(units), UNIT);
  // The side with more levels left becomes more likely, so that the price returns to the center.
  const lowest = CENTER - ((LEVELS - 1) / 2) * DISTANCE;
  const position = (Number((bids[0] ?? asks[0])[0]) - lowest) / (LEVELS * DISTANCE);
  const side = random() < position ? "sell" : "buy";
  const best = (side === "buy" ? asks : bids).at(-1);
  if (best === undefined) return "0";
  const isMarket = random() < 0.5;
  const params = isMarket ? {} : { timeInForce: "IOC" };
  const type = isMarket ? "market" : "limit";
  const price = isMarket ? undefined : best[0];
  return (await trader.createOrder(symbol, type, side, amount, price, params)).filled;
}

// Both exchanges must have `number: String`, so that every value is exact.
export async function runGrid({ exchange, trader, symbol = "BTC/USD", steps, seed = 1, onStep }) {
  await Promise.all([exchange.loadMarkets(), trader.loadMarkets()]);
  const random = randomNumbers(seed);
  const bot = new GridBot(exchange, symbol);
  await bot.start();
  for (let step = 1; step <= steps; step++) {
    await bot.settle(await takeOnce(trader, symbol, random));
    if (step % REPLACE_EVERY === 0) await bot.replace();
    onStep?.(step);
  }
  return { steps, trades: bot.tradeCount, ...(await bot.finish()) };
}
