// Who may hear what: the answers of /broadcasting/auth and /broadcasting/user-auth, asked by the
// clients themselves and in every form in which pages are known to ask.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "./support/api.js";
import { EchoPage, Page, authorizations, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { until } from "./support/waitUntil.js";

const SOCKET_ID = "123.456";
const PREFIXES = ["/api", ""];
const FORM = "application/x-www-form-urlencoded";

const form = (fields) => new URLSearchParams(fields).toString();
const fieldsFor = (channel) => ({ socket_id: SOCKET_ID, channel_name: channel });

async function post(url, headers, body) {
  const answer = await fetch(url, { method: "POST", headers, body });
  return { status: answer.status, body: await answer.json() };
}

onEachDatabase("authorization", (server) => {
  test("our signature of one's own channel equals the official library's", async () => {
    const alice = await User.logIn(server(), "alice");
    const expected = sdk(server()).authorizeChannel(SOCKET_ID, alice.channel);
    for (const prefix of PREFIXES) {
      const answer = await post(
        `${server().url}${prefix}/broadcasting/auth`,
        { ...alice.headers, "Content-Type": FORM },
        form(fieldsFor(alice.channel)),
      );
      assert.deepEqual(answer, { status: 200, body: expected });
    }
  });

  test("our signature of a sign-in equals the official library's", async () => {
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

  test("JSON, and a form that claims to be JSON, are understood as well", async () => {
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
      const answer = await post(`${server().url}/api/broadcasting/auth`, headers, body);
      assert.deepEqual(answer, { status: 200, body: expected }, `${type}: ${body}`);
    }
  });

  test("what is not the user's own channel is never signed", async () => {
    const alice = await User.logIn(server(), "alice");
    const own = alice.channel;
    const refused = [
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
      for (const [expected, headers, fields] of refused) {
        const { status, body } = await post(
          `${server().url}${prefix}/broadcasting/auth`,
          { ...headers, "Content-Type": FORM },
          form(fields),
        );
        const asked = `${prefix} ${JSON.stringify(fields)}: ${JSON.stringify(body)}`;
        assert.equal(status, expected, asked);
        assert.equal(body.auth, undefined, asked);
      }
    }
  });

  test("pusher-js and Echo report a refusal, and stay connected", async (t) => {
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

  test("a page's own authorizer that posts JSON gets a subscription", async (t) => {
    const alice = await User.logIn(server(), "alice");
    // As pages that use axios write it.
    const authorize = async (socketId, channelName) => {
      const { status, body } = await post(
        `${server().url}/api/broadcasting/auth`,
        { ...alice.headers, "Content-Type": "application/json" },
        JSON.stringify({ socket_id: socketId, channel_name: channelName }),
      );
      if (status !== 200) throw new Error(`answered ${status}`);
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
      await assert.rejects(page.subscribe("private-user.2"), /refused/);
    }
  });

  test("a page signs in and is reached as its user", async (t) => {
    const alice = await User.logIn(server(), "alice");
    for (const prefix of PREFIXES) {
      const path = `${prefix}/broadcasting/user-auth`;
      const page = new Page(t, server(), authorizations.userAuthentication(alice, path));
      page.pusher.user.bind_global((event, data) => page.heard.push({ event, data }));
      page.pusher.signin();
      await until("the page is signed in", () => page.pusher.user.user_data);
      assert.equal(page.pusher.user.user_data.id, "1");
      await until("the user can be reached", () => {
        return page.pusher.user.serverToUserChannel?.subscribed;
      });
      await sdk(server()).sendToUser("1", "notice", { text: path });
      assert.deepEqual(await page.hears("notice"), [{ text: path }]);
      page.pusher.disconnect();
    }
  });

  test("a sign-in without a valid token is refused", async (t) => {
    const outsider = new User(server(), { id: 0, token: "1|wrong" });
    const path = "/broadcasting/user-auth";
    const page = new Page(t, server(), authorizations.userAuthentication(outsider, path));
    let refusal;
    page.pusher.user.bind("pusher:signin_error", (error) => (refusal = error));
    page.pusher.signin();
    await until("the sign-in is refused", () => refusal);
    assert.equal(refusal.status, 401);
    assert.equal(page.pusher.user.user_data, null);
  });
});
