// A user of the REST API, as a page is one: logs in, keeps the token, sends JSON.
import assert from "node:assert/strict";

export const people = {
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
    const { id, email } = people[name];
    const answer = await fetch(`${server.url}/api/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ email, password: "password" }),
    });
    const body = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    assert.equal(body.data.user.id, id);
    assert.equal(body.token, body.data.token);
    return new User(server, { id, token: body.token });
  }

  async #call(method, path, body, expected) {
    const answer = await fetch(`${this.server.url}/api${path}`, {
      method,
      headers: {
        ...this.headers,
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.equal(answer.status, expected, `${method} ${path}: ${text}`);
    return JSON.parse(text).data;
  }

  get(path) {
    return this.#call("GET", path, undefined, 200);
  }

  placeOrder(side, amount, price, symbol = "BTC") {
    return this.#call("POST", "/orders", { symbol, side, price, amount }, 200);
  }

  // What can be spent, per asset, with USD among them.
  async available() {
    const [user, profile] = await Promise.all([this.get("/user"), this.get("/profile")]);
    const assets = profile.asset_balances.map(({ symbol, amount }) => [symbol, amount]);
    return { USD: user.balance, ...Object.fromEntries(assets) };
  }
}
