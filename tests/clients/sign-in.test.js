// Revoking a token also closes the connections of pages that have signed in with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "./support/api.js";
import { Page, authorizations } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { waitUntil } from "./support/waitUntil.js";

const AUTH_PATH = "/api/broadcasting/user-auth";
// The closing code for a user without valid tokens. pusher-js does not reconnect after it.
const NOT_AUTHORIZED = 4009;

class SignedInPage {
  closeCodes = [];

  static async open(t, user) {
    const page = new Page(t, user.server, authorizations.userAuthentication(user, AUTH_PATH));
    const signedIn = new SignedInPage();
    signedIn.page = page;
    page.pusher.connection.bind("error", ({ data }) => signedIn.closeCodes.push(data?.code));
    await page.connected();
    page.pusher.signin();
    await page.pusher.user.signinDonePromise;
    assert.equal(page.pusher.user.user_data.id, String(user.id));
    return signedIn;
  }

  get isClosed() {
    return this.closeCodes.includes(NOT_AUTHORIZED) && this.page.state !== "connected";
  }
}

async function request(user, method, path, body) {
  const response = await fetch(`${user.server.url}/api${path}`, {
    method,
    headers: { ...user.headers, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
}

async function register(server, name) {
  const password = "a first password";
  const response = await fetch(`${server.url}/api/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      name,
      email: `${name}@example.com`,
      password,
      password_confirmation: password,
    }),
  });
  const { data } = await response.json();
  return { user: new User(server, { id: data.user.id, token: data.token }), password };
}

onEachDatabase("signed-in connections", (server) => {
  test("are closed when the last token is revoked, and not before", async (t) => {
    const first = await User.logIn(server(), "charlie");
    const second = await User.logIn(server(), "charlie");
    const page = await SignedInPage.open(t, first);
    await request(first, "POST", "/logout");
    // Connections are closed in order: when a later logout of another user has taken effect, this
    // one would have been closed too.
    const alice = await User.logIn(server(), "alice");
    const bob = await User.logIn(server(), "bob");
    const witness = await SignedInPage.open(t, alice);
    await request(alice, "POST", "/logout");
    await waitUntil("the connection of the other user is closed", () => witness.isClosed);
    assert.equal(page.page.state, "connected");
    const other = await SignedInPage.open(t, bob);
    await request(second, "POST", "/logout");
    await waitUntil("the connection is closed", () => page.isClosed);
    assert.equal(other.page.state, "connected", "other users stay connected");
  });

  test("are closed when the password changes", async (t) => {
    const { user, password } = await register(server(), "dora");
    const page = await SignedInPage.open(t, user);
    await request(user, "PUT", "/user/password", {
      current_password: password,
      password: "a second password",
      password_confirmation: "a second password",
    });
    await waitUntil("the connection is closed", () => page.isClosed);
  });
});
