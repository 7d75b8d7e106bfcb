// A token that is revoked also ends the live connections of the pages that have signed in with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "./support/api.js";
import { Page, authorizations } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { until } from "./support/waitUntil.js";

const AUTH_PATH = "/api/broadcasting/user-auth";
// What pusher-js is told when its user may not stay: it does not come back by itself.
const NOT_AUTHORIZED = 4009;

class SignedIn {
  closures = [];

  static async open(t, user) {
    const page = new Page(t, user.server, authorizations.userAuthentication(user, AUTH_PATH));
    const one = new SignedIn();
    one.page = page;
    page.pusher.connection.bind("error", ({ data }) => one.closures.push(data?.code));
    await page.connected();
    page.pusher.signin();
    await page.pusher.user.signinDonePromise;
    assert.equal(page.pusher.user.user_data.id, String(user.id));
    return one;
  }

  get isEnded() {
    return this.closures.includes(NOT_AUTHORIZED) && this.page.state !== "connected";
  }
}

async function ask(user, method, path, body) {
  const answer = await fetch(`${user.server.url}/api${path}`, {
    method,
    headers: { ...user.headers, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function register(server, name) {
  const password = "a first password";
  const answer = await fetch(`${server.url}/api/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      name,
      email: `${name}@example.com`,
      password,
      password_confirmation: password,
    }),
  });
  const { data } = await answer.json();
  return { user: new User(server, { id: data.user.id, token: data.token }), password };
}

onEachDatabase("signed-in connections", (server) => {
  test("end with the log-out of the last token, and not before", async (t) => {
    const first = await User.logIn(server(), "charlie");
    const second = await User.logIn(server(), "charlie");
    const page = await SignedIn.open(t, first);
    await ask(first, "POST", "/logout");
    // Once somebody else's later log-out has ended a connection, this one would be ended too.
    const alice = await User.logIn(server(), "alice");
    const bob = await User.logIn(server(), "bob");
    const witness = await SignedIn.open(t, alice);
    await ask(alice, "POST", "/logout");
    await until("the witness is ended", () => witness.isEnded);
    assert.equal(page.page.state, "connected");
    const other = await SignedIn.open(t, bob);
    await ask(second, "POST", "/logout");
    await until("the last token's connection is ended", () => page.isEnded);
    assert.equal(other.page.state, "connected", "nobody else's is");
  });

  test("end with a change of the password", async (t) => {
    const { user, password } = await register(server(), "dora");
    const page = await SignedIn.open(t, user);
    await ask(user, "PUT", "/user/password", {
      current_password: password,
      password: "a second password",
      password_confirmation: "a second password",
    });
    await until("the connection is ended", () => page.isEnded);
  });
});
