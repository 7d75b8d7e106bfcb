// Channel authorization and user authentication at /broadcasting/auth and /broadcasting/user-auth,
// with requests in all the formats that clients are known to send.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { waitUntil } from "./support/waitUntil.js";

const SOCKET_ID = "123.456";
const PREFIXES = ["/api", ""];
const FORM = "application/x-www-form-urlencoded";

const form = (fields) => new URLSearchParams(fields).toString();
const fieldsFor = (channel) => ({ socket_id: SOCKET_ID, channel_name: channel });

async function post(url, headers, body) {
  const response = await fetch(url, { method: "POST", headers, body });
  return { status: response.status, body: await response.json() };
}

onEachDatabase("authorization", (server) => {
  test("the signature of the user's channel equals the official library's", async () => {
    const alice = await User.logIn(server(), "alice");
    const expected = sdk(server()).authorizeChannel(SOCKET_ID, alice.channel);
    for (const prefix of PREFIXES) {
      const response = await post(
        `${server().url}${prefix}/broadcasting/auth`,
        { ...alice.headers, "Content-Type": FORM },
        form(fieldsFor(alice.channel)),
      );
      assert.deepEqual(response, { status: 200, body: expected });
    }
  });

  test("the signature of a sign-in equals the official library's", async () => {
    const bob = await User.logIn(server(), "bob");
    for (const prefix of PREFIXES) {
      const { status, body } = await post(
        `${server().url}${prefix}/broadcasting/user-auth`,
        { ...bob.headers, "Content-Type": FORM },
        form({ socket_id: SOCKET_ID }),
      );
      assert.equal(status, 200);
      assert.equal(JSON.parse(body.user_data).id, "2");
      const signed = `${SOCKET_ID}::user::${body.user_data}`;
      const { token } = sdk(server()).config;
      assert.equal(body.auth, `${token.key}:${token.sign(signed)}`);
    }
  });

  test("JSON bodies and forms with a JSON content type are accepted", async () => {
    const alice = await User.logIn(server(), "alice");
    const fields = fieldsFor(alice.channel);
    const bodies = [
      ["application/json", JSON.stringify(fields)],
      ["application/json", form(fields)],
      ["application/json;charset=utf-8", JSON.stringify(fields)],
      [FORM, JSON.stringify(fields)],
    ];
    const expected = sdk(server()).authorizeChannel(SOCKET_ID, alice.channel);
    for (const [type, body] of bodies) {
      const headers = { ...alice.headers, "Content-Type": type };
      const response = await post(`${server().url}/api/broadcasting/auth`, headers, body);
      assert.deepEqual(response, { status: 200, body: expected }, `${type}: ${body}`);
    }
  });

  test("only the user's own channel is authorized", async () => {
    const alice = await User.logIn(server(), "alice");
    const own = alice.channel;
    const rejected = [
      [401, {}, fieldsFor(own)],
      [401, { Authorization: "Bearer 1|wrong" }, fieldsFor(own)],
      [401, { Authorization: `Bearer ${alice.token}x` }, fieldsFor(own)],
      [403, alice.headers, fieldsFor("private-user.2")],
      [403, alice.headers, fieldsFor("private-user.999999")],
      [403, alice.headers, fieldsFor("private-unknown")],
      [403, alice.headers, fieldsFor("presence-user.1")],
      [422, alice.headers, { socket_id: "1.1:private-user.2", channel_name: own }],
      [422, alice.headers, { socket_id: "undefined", channel_name: own }],
      [422, alice.headers, { channel_name: own }],
      [422, alice.headers, { socket_id: SOCKET_ID }],
    ];
    for (const prefix of PREFIXES) {
      for (const [expected, headers, fields] of rejected) {
        const { status, body } = await post(
          `${server().url}${prefix}/broadcasting/auth`,
          { ...headers, "Content-Type": FORM },
          form(fields),
        );
        const description = `${prefix} ${JSON.stringify(fields)}: ${JSON.stringify(body)}`;
        assert.equal(status, expected, description);
        assert.equal(body.auth, undefined, description);
      }
    }
  });

  test("pusher-js and Echo report a rejection and stay connected", async (t) => {
    const alice = await User.logIn(server(), "alice");
    const outsider = new User(server(), { id: 0, token: "1|wrong" });
    for (const path of ["/api/broadcasting/auth", "/broadcasting/auth"]) {
      for (const [user, status] of [
        [alice, 403],
        [outsider, 401],
      ]) {
        const page = new Page(t, server(), authorizations.channelAuthorization(user, path));
        await assert.rejects(page.subscribe("private-user.2"), { status });
        assert.equal(page.state, "connected");
        const echo = new EchoPage(t, user, path);
        await assert.rejects(echo.listen("user.2", "order.matched"), { status });
      }
    }
  });

  test("a custom authorizer that posts JSON can subscribe", async (t) => {
    const alice = await User.logIn(server(), "alice");
    // A handler as pages with axios implement it.
    const authorize = async (socketId, channelName) => {
      const { status, body } = await post(
        `${server().url}/api/broadcasting/auth`,
        { ...alice.headers, "Content-Type": "application/json" },
        JSON.stringify({ socket_id: socketId, channel_name: channelName }),
      );
      if (status !== 200) throw new Error(`returned status ${status}`);
      return body;
    };
    const customHandler = ({ socketId, channelName }, callback) => {
      authorize(socketId, channelName).then(
        (body) => callback(null, body),
        (error) => callback(error, null),
      );
    };
    const authorizer = (channel) => ({
      authorize: (socketId, callback) =>
        customHandler({ socketId, channelName: channel.name }, callback),
    });
    for (const options of [{ channelAuthorization: { customHandler } }, { authorizer }]) {
      const page = new Page(t, server(), options);
      await page.subscribe(alice.channel);
      await assert.rejects(page.subscribe("private-user.2"), /rejected/);
    }
  });

  test("a signed-in page receives events for its user", async (t) => {
    const alice = await User.logIn(server(), "alice");
    for (const prefix of PREFIXES) {
      const path = `${prefix}/broadcasting/user-auth`;
      const page = new Page(t, server(), authorizations.userAuthentication(alice, path));
      page.pusher.user.bind_global((event, data) => page.received.push({ event, data }));
      page.pusher.signin();
      await waitUntil("the page is signed in", () => page.pusher.user.user_data);
      assert.equal(page.pusher.user.user_data.id, "1");
      await waitUntil("the user channel is subscribed", () => {
        return page.pusher.user.serverToUserChannel?.subscribed;
      });
      await sdk(server()).sendToUser("1", "notice", { text: path });
      assert.deepEqual(await page.waitForEvents("notice"), [{ text: path }]);
      page.pusher.disconnect();
    }
  });

  test("a sign-in without a valid token is rejected", async (t) => {
    const outsider = new User(server(), { id: 0, token: "1|wrong" });
    const path = "/broadcasting/user-auth";
    const page = new Page(t, server(), authorizations.userAuthentication(outsider, path));
    let failure;
    page.pusher.user.bind("pusher:signin_error", (error) => (failure = error));
    page.pusher.signin();
    await waitUntil("the sign-in is rejected", () => failure);
    assert.equal(failure.status, 401);
    assert.equal(page.pusher.user.user_data, null);
  });
});
