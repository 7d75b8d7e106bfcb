// The provider with the official client and server libraries. An external provider must pass these
// tests too, which shows that they do not depend on the embedded one. The embedded provider stores
// nothing in a database; it runs on each because it is part of the server process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { User } from "./support/api.js";
import { Page, authorizations, authorizedBy, sdk } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { TIMEOUT_MS, waitUntil } from "./support/waitUntil.js";

const UNAVAILABLE_TIMEOUT_MS = 1_000;

// Unique names, because the tests of this file share a server.
let nameCount = 0;
const uniqueName = (prefix) => `${prefix}-${++nameCount}`;

async function openMember(t, server, id) {
  const data = { user_id: id, user_info: { name: `member ${id}` } };
  return new Page(t, server, authorizedBy(sdk(server), data));
}

onEachDatabase("the provider", (server) => {
  test("trigger publishes to all given channels and no others", async (t) => {
    const [first, second, third] = ["news", "news", "news"].map(uniqueName);
    const page = new Page(t, server());
    for (const name of [first, second, third]) await page.subscribe(name);
    const data = { text: "Grüße, 世界", number: 0.1 };
    const response = await sdk(server()).trigger([first, second], "test.event", data);
    assert.equal(response.status, 200);
    await sdk(server()).trigger(third, "sentinel", {});
    await page.waitForEvents("sentinel");
    const events = page.eventsNamed("test.event");
    assert.deepEqual(events.map(({ channel }) => channel).sort(), [first, second].sort());
    events.forEach((event) => assert.deepEqual(event.data, data));
  });

  test("trigger excludes the given socket", async (t) => {
    const name = uniqueName("news");
    const [excluded, other] = [new Page(t, server()), new Page(t, server())];
    for (const page of [excluded, other]) await page.subscribe(name);
    const socketId = await excluded.connected();
    await sdk(server()).trigger(name, "test.event", {}, { socket_id: socketId });
    await sdk(server()).trigger(name, "sentinel", {});
    for (const page of [excluded, other]) await page.waitForEvents("sentinel");
    assert.equal(excluded.eventsNamed("test.event").length, 0);
    assert.equal(other.eventsNamed("test.event").length, 1);
  });

  test("triggerBatch delivers all events of the batch in order", async (t) => {
    const name = uniqueName("news");
    const page = new Page(t, server());
    await page.subscribe(name);
    const batch = Array.from({ length: 10 }, (_, index) => ({
      channel: name,
      name: "test.event",
      data: { index },
    }));
    assert.equal((await sdk(server()).triggerBatch(batch)).status, 200);
    const events = await page.waitForEvents("test.event", batch.length);
    assert.deepEqual(
      events.map(({ index }) => index),
      batch.map((_, index) => index),
    );
  });

  test("channels and their members can be queried", async (t) => {
    const name = uniqueName("presence-room");
    for (const id of ["10", "11", "11"]) {
      await (await openMember(t, server(), id)).subscribe(name);
    }
    const library = sdk(server());
    const params = { filter_by_prefix: "presence-", info: "user_count" };
    const all = await (await library.get({ path: "/channels", params })).json();
    assert.equal(all.channels[name]?.user_count, 2);
    const infoParams = { info: "user_count,subscription_count" };
    const response = await library.get({ path: `/channels/${name}`, params: infoParams });
    const one = await response.json();
    assert.equal(one.occupied, true);
    assert.equal(one.user_count, 2);
    const users = await (await library.get({ path: `/channels/${name}/users` })).json();
    assert.deepEqual(users.users.map(({ id }) => id).sort(), ["10", "11"]);
  });

  test("terminateUserConnections closes only the connections of that user", async (t) => {
    const open = async (name) => {
      const user = await User.logIn(server(), name);
      const path = "/api/broadcasting/user-auth";
      const page = new Page(t, server(), authorizations.userAuthentication(user, path));
      page.pusher.user.bind_global((event, data) => page.received.push({ event, data }));
      page.pusher.signin();
      await waitUntil(
        `${name} is signed in`,
        () => page.pusher.user.serverToUserChannel?.subscribed,
      );
      return page;
    };
    const [alice, bob] = [await open("alice"), await open("bob")];
    const response = await sdk(server()).terminateUserConnections("1");
    assert.equal(response.status, 200);
    // The closing code prevents pusher-js from reconnecting.
    await waitUntil("alice's page is disconnected", () => alice.state === "disconnected");
    await sdk(server()).sendToUser("2", "sentinel", {});
    await bob.waitForEvents("sentinel");
  });

  test("members of a presence channel see each other join and leave", async (t) => {
    const name = uniqueName("presence-room");
    const [ann, ben] = [await openMember(t, server(), "20"), await openMember(t, server(), "21")];
    const room = await ann.subscribe(name);
    assert.equal(room.members.me.id, "20");
    const changes = [];
    for (const event of ["pusher:member_added", "pusher:member_removed"]) {
      room.bind(event, ({ id, info }) => changes.push([event, id, info]));
    }
    const roomOfBen = await ben.subscribe(name);
    assert.equal(roomOfBen.members.count, 2);
    assert.deepEqual(roomOfBen.members.get("20").info, { name: "member 20" });
    ben.pusher.disconnect();
    await waitUntil("the member has joined and left", () => changes.length === 2);
    const info = { name: "member 21" };
    assert.deepEqual(changes, [
      ["pusher:member_added", "21", info],
      ["pusher:member_removed", "21", info],
    ]);
    assert.equal(room.members.count, 1);
  });

  test("a client event is sent to all subscribers except the sender", async (t) => {
    const name = uniqueName("private-room");
    const open = () => new Page(t, server(), authorizedBy(sdk(server())));
    const [sender, other] = [open(), open()];
    const channel = await sender.subscribe(name);
    await other.subscribe(name);
    assert.ok(channel.trigger("client-typing", { key: "a" }));
    assert.deepEqual(await other.waitForEvents("client-typing"), [{ key: "a" }]);
    await sdk(server()).trigger(name, "sentinel", {});
    await sender.waitForEvents("sentinel");
    assert.equal(sender.eventsNamed("client-typing").length, 0);
  });

  test("a channel signature with a wrong secret is rejected", async (t) => {
    const forger = sdk(server(), { secret: "another secret" });
    const page = new Page(t, server(), authorizedBy(forger));
    let isRejected = false;
    page.pusher.connection.bind("error", () => (isRejected = true));
    const channel = page.pusher.subscribe(uniqueName("private-room"));
    channel.bind("pusher:subscription_error", () => (isRejected = true));
    await waitUntil("the subscription is rejected", () => isRejected);
    assert.equal(channel.subscribed, false);
  });

  test("a request signed with a wrong secret or key is rejected", async () => {
    const name = uniqueName("news");
    const forged = sdk(server(), { secret: "another secret" });
    await assert.rejects(forged.trigger(name, "test.event", {}), { status: 401 });
    const wrongKey = sdk(server(), { key: "another-key" });
    await assert.rejects(wrongKey.trigger(name, "test.event", {}), (error) => {
      return error.status >= 400 && error.status < 500;
    });
  });

  test("a page with a wrong key cannot connect", async (t) => {
    const { host, port, app } = server().provider;
    const wrongApp = { provider: { host, port, app: { ...app, key: "another-key" } } };
    const page = new Page(t, wrongApp, { unavailableTimeout: UNAVAILABLE_TIMEOUT_MS });
    const states = new Set();
    page.pusher.connection.bind("state_change", ({ current }) => states.add(current));
    await waitUntil("the page has no connection", () => {
      return ["disconnected", "unavailable"].includes(page.state);
    });
    assert.ok(!states.has("connected"));
  });
});

// The Python library accepts only numeric app ids, like those of hosted Pusher.
onEachDatabase(
  "the provider with Python",
  (server) => {
    test("the Python library publishes, and signs channels like matchcast", async (t) => {
      const python = process.env.MATCHCAST_PYTHON;
      assert.ok(python, "MATCHCAST_PYTHON must name a Python that has the package pusher");
      const alice = await User.logIn(server(), "alice");
      const path = "/api/broadcasting/auth";
      const page = new Page(t, server(), authorizations.channelAuthorization(alice, path));
      await page.subscribe(alice.channel);
      const socketId = await page.connected();
      const { host, port, app } = server().provider;
      const script = new URL("python/publish_and_sign.py", import.meta.url).pathname;
      const task = {
        ...app,
        host,
        port,
        channel: alice.channel,
        event: "test.event",
        data: { number: 0.1 },
        socket_id: socketId,
      };
      const { stdout } = await promisify(execFile)(python, [script, JSON.stringify(task)], {
        timeout: TIMEOUT_MS,
      });
      assert.deepEqual(await page.waitForEvents("test.event"), [task.data]);
      const response = await fetch(`${server().url}${path}`, {
        method: "POST",
        headers: alice.headers,
        body: new URLSearchParams({ socket_id: socketId, channel_name: alice.channel }),
      });
      assert.deepEqual(JSON.parse(stdout), await response.json());
    });
  },
  { PUSHER_APP_ID: "1001" },
);
