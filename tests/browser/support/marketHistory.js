// Fills a server with a realistic market for screenshots: hours of trades, an order book with
// several levels on both sides, and a user with open, filled and cancelled orders.
//
// Everything is placed through the API within seconds, so the timestamps that a window displays are
// replaced with simulated ones.
import { User } from "../../clients/support/api.js";

const TRADE_COUNT = 300;
const TRADE_INTERVAL_MS = 60_000;
const FIRST_PRICE = 49_400;
const TICK = 5;
const LEVELS = 9;
const DEPOSITS = { USD: 5, BTC: 2 };

// A fixed seed makes each run produce the same market (a linear congruential generator).
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function post(user, path, body) {
  const response = await fetch(`${user.server.url}/api${path}`, {
    method: "POST",
    headers: { ...user.headers, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

export class MarketHistory {
  // Simulated times in milliseconds, by order id and by trade id.
  #orderTimes = new Map();
  #tradeTimes = new Map();
  #now = Date.now() - (TRADE_COUNT + 2) * TRADE_INTERVAL_MS;
  #start = this.#now;
  #random = createRandom(7);

  static async create(server) {
    const history = new MarketHistory();
    const names = ["alice", "bob", "charlie"];
    const [alice, bob, charlie] = await Promise.all(names.map((name) => User.logIn(server, name)));
    for (const user of [alice, bob, charlie]) {
      for (const [currency, count] of Object.entries(DEPOSITS)) {
        for (let i = 0; i < count; i++) await post(user, "/faucet", { currency });
      }
    }
    const lastPrice = await history.#trade(alice, bob, charlie);
    await history.#fillBook(alice, bob, charlie, lastPrice);
    return history;
  }

  async #place(user, side, amount, price, symbol = "BTC") {
    const result = await user.placeOrder(side, amount, price, symbol);
    this.#orderTimes.set(result.order.id, this.#now);
    for (const { id } of result.trades) this.#tradeTimes.set(id, this.#now);
    return result.order;
  }

  #amount(max) {
    return (Math.ceil(this.#random() * max * 1_000) / 1_000).toFixed(3);
  }

  // A random walk. Every 30th trade is one of Alice's.
  async #trade(alice, bob, charlie) {
    let price = FIRST_PRICE;
    for (let i = 0; i < TRADE_COUNT; i++) {
      price += Math.round((this.#random() - 0.485) * 12) * TICK;
      const buyer = i % 30 === 14 ? alice : i % 2 ? bob : charlie;
      const seller = i % 60 === 29 ? alice : buyer === bob ? charlie : bob;
      const amount = this.#amount(buyer === alice || seller === alice ? 0.08 : 0.02);
      const sides = [
        [buyer, "buy"],
        [seller, "sell"],
      ];
      if (this.#random() < 0.5) sides.reverse();
      for (const [user, side] of sides) await this.#place(user, side, amount, price);
      this.#now += TRADE_INTERVAL_MS * (0.4 + 1.2 * this.#random());
    }
    return price;
  }

  async #fillBook(alice, bob, charlie, price) {
    const level = (steps) => price + steps * TICK;
    await this.#place(alice, "buy", "1.5", 2_950, "ETH");
    await this.#place(bob, "sell", "1.5", 2_950, "ETH");
    const cancelled = await this.#place(alice, "sell", "0.2", level(40));
    await post(alice, `/orders/${cancelled.id}/cancel`);
    // Partially filled.
    await this.#place(alice, "buy", "0.125", level(-1));
    await this.#place(bob, "sell", "0.05", level(-1));
    for (let i = 1; i <= LEVELS; i++) {
      await this.#place(charlie, "buy", this.#amount(0.02 + i * 0.008), level(-i));
      await this.#place(bob, "sell", this.#amount(0.02 + i * 0.02), level(i));
      this.#now += 2_000;
    }
    await this.#place(alice, "buy", "0.06", level(-4));
    await this.#place(alice, "sell", "0.15", level(6));
    await this.#place(alice, "sell", "2", 3_120, "ETH");
  }

  #timeOf({ reference_type: type, reference_id: id }) {
    const times = type === "Trade" ? this.#tradeTimes : this.#orderTimes;
    return new Date(times.get(id) ?? this.#start).toISOString();
  }

  // Replaces the timestamps in the responses that this window fetches.
  async applyTo(window) {
    const rewrite = (path, change) =>
      window.page.route(`**/api${path}`, async (route) => {
        const response = await route.fetch();
        const json = await response.json();
        json.data.forEach(change);
        await route.fulfill({ response, json });
      });
    const orderTime = ({ id }) => this.#timeOf({ reference_type: "Order", reference_id: id });
    const tradeTime = ({ id }) => this.#timeOf({ reference_type: "Trade", reference_id: id });
    await rewrite("/trades?*", (trade) => (trade.created_at = tradeTime(trade)));
    await rewrite("/my-orders", (order) => (order.date = orderTime(order)));
    await rewrite("/balance-history?*", (entry) => (entry.date = this.#timeOf(entry)));
  }
}
