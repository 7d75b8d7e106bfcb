// A user of the REST API who logs in, keeps the token and sends JSON, like a page.
import assert from "node:assert/strict";

const DEMO_USERS = {
  alice: { id: 1, email: "alice@example.com" },
  bob: { id: 2, email: "bob@example.com" },
  charlie: { id: 3, email: "charlie@example.com" },
};

export class User {
  constructor(server, { id, token }) {
    this.server = server;
    this.id = id;
    this.token = token;
    this.channel = `private-user.${id}`;
    this.headers = { Authorization: `Bearer ${token}` };
  }

  static async logIn(server, name) {
    const { id, email } = DEMO_USERS[name];
    const response = await fetch(`${server.url}/api/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ email, password: "password" }),
    });
    const body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    assert.equal(body.data.user.id, id);
    assert.equal(body.token, body.data.token);
    return new User(server, { id, token: body.token });
  }

  async #request(method, path, body, expectedStatus) {
    const response = await fetch(`${this.server.url}/api${path}`, {
      method,
      headers: {
        ...this.headers,
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    assert.equal(response.status, expectedStatus, `${method} ${path}: ${text}`);
    return JSON.parse(text).data;
  }

  get(path) {
    return this.#request("GET", path, undefined, 200);
  }

  post(path, body, expectedStatus) {
    return this.#request("POST", path, body, expectedStatus);
  }

  placeOrder(side, amount, price, symbol = "BTC") {
    return this.#request("POST", "/orders", { symbol, side, price, amount }, 200);
  }

  // The available balance of each asset, including USD.
  async available() {
    const [user, profile] = await Promise.all([this.get("/user"), this.get("/profile")]);
    const assets = profile.asset_balances.map(({ symbol, amount }) => [symbol, amount]);
    return { USD: user.balance, ...Object.fromEntries(assets) };
  }
}

// Returns the id of a new trade.
export async function makeTrade(buyer, seller) {
  await buyer.placeOrder("buy", 0.001, 30000);
  const { trade } = await seller.placeOrder("sell", 0.001, 30000);
  return trade.id;
}
