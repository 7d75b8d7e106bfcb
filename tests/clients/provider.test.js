// The provider, asked by the official libraries: what they say to Pusher, they can say to it. The
// embedded one keeps nothing in a database, but is started on each, because it is one process with
// it. An external one must pass as well: it shows that nothing here is a habit of ours.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { User } from "./support/api.js";
import { Page, authorizations, sdk, signedBy } from "./support/pages.js";
import { onEachDatabase } from "./support/server.js";
import { until } from "./support/waitUntil.js";

const PYTHON_DEADLINE_MS = 30_000;
const PATIENCE_OF_A_PAGE_MS = 1_000;

// Names that no other test of this file uses: they share a server.
let names = 0;
const fresh = (prefix) => `${prefix}-${++names}`;

async function member(t, server, id) {
  const data = { user_id: id, user_info: { name: `member ${id}` } };
  return new Page(t, server, signedBy(sdk(server), data));
}

onEachDatabase("the provider", (server) => {
  test("trigger reaches every channel named, and no other", async (t) => {
    const [first, second, third] = ["news", "news", "news"].map(fresh);
    const page = new Page(t, server());
    for (const name of [first, second, third]) await page.subscribe(name);
    const data = { text: "Grüße, 世界", number: 0.1 };
    const answer = await sdk(server()).trigger([first, second], "told", data);
    assert.equal(answer.status, 200);
    await sdk(server()).trigger(third, "sentinel", {});
    await page.hears("sentinel");
    const told = page.times("told");
    assert.deepEqual(told.map(({ channel }) => channel).sort(), [first, second].sort());
    told.forEach((one) => assert.deepEqual(one.data, data));
  });

  test("trigger leaves out the socket that caused it", async (t) => {
    const name = fresh("news");
    const [causing, other] = [new Page(t, server()), new Page(t, server())];
    for (const page of [causing, other]) await page.subscribe(name);
    const socketId = await causing.connected();
    await sdk(server()).trigger(name, "told", {}, { socket_id: socketId });
    await sdk(server()).trigger(name, "sentinel", {});
    for (const page of [causing, other]) await page.hears("sentinel");
    assert.equal(causing.times("told").length, 0);
    assert.equal(other.times("told").length, 1);
  });

  test("triggerBatch delivers each event of the batch, in order", async (t) => {
    const name = fresh("news");
    const page = new Page(t, server());
    await page.subscribe(name);
    const batch = Array.from({ length: 10 }, (_, index) => ({
      channel: name,
      name: "told",
      data: { index },
    }));
    assert.equal((await sdk(server()).triggerBatch(batch)).status, 200);
    const heard = await page.hears("told", batch.length);
    assert.deepEqual(
      heard.map(({ index }) => index),
      batch.map((_, index) => index),
    );
  });

  test("channels and their members can be asked for", async (t) => {
    const name = fresh("presence-room");
    for (const id of ["10", "11", "11"]) {
      await (await member(t, server(), id)).subscribe(name);
    }
    const library = sdk(server());
    const params = { filter_by_prefix: "presence-", info: "user_count" };
    const all = await (await library.get({ path: "/channels", params })).json();
    assert.equal(all.channels[name]?.user_count, 2);
    const wanted = { info: "user_count,subscription_count" };
    const answer = await library.get({ path: `/channels/${name}`, params: wanted });
    const one = await answer.json();
    assert.equal(one.occupied, true);
    assert.equal(one.user_count, 2);
    const users = await (await library.get({ path: `/channels/${name}/users` })).json();
    assert.deepEqual(users.users.map(({ id }) => id).sort(), ["10", "11"]);
  });

  test("terminateUserConnections ends the pages of that user only", async (t) => {
    const open = async (name) => {
      const user = await User.logIn(server(), name);
      const path = "/api/broadcasting/user-auth";
      const page = new Page(t, server(), authorizations.userAuthentication(user, path));
      page.pusher.user.bind_global((event, data) => page.heard.push({ event, data }));
      page.pusher.signin();
      await until(`${name} is signed in`, () => page.pusher.user.serverToUserChannel?.subscribed);
      return page;
    };
    const [alice, bob] = [await open("alice"), await open("bob")];
    const answer = await sdk(server()).terminateUserConnections("1");
    assert.equal(answer.status, 200);
    // The closing code tells pusher-js not to come back.
    await until("alice's page is cut off", () => alice.state === "disconnected");
    await sdk(server()).sendToUser("2", "sentinel", {});
    await bob.hears("sentinel");
  });

  test("members of a presence channel see each other come and go", async (t) => {
    const name = fresh("presence-room");
    const [ann, ben] = [await member(t, server(), "20"), await member(t, server(), "21")];
    const room = await ann.subscribe(name);
    assert.equal(room.members.me.id, "20");
    const seen = [];
    for (const event of ["pusher:member_added", "pusher:member_removed"]) {
      room.bind(event, ({ id, info }) => seen.push([event, id, info]));
    }
    const bens = await ben.subscribe(name);
    assert.equal(bens.members.count, 2);
    assert.deepEqual(bens.members.get("20").info, { name: "member 20" });
    ben.pusher.disconnect();
    await until("the member has come and gone", () => seen.length === 2);
    const info = { name: "member 21" };
    assert.deepEqual(seen, [
      ["pusher:member_added", "21", info],
      ["pusher:member_removed", "21", info],
    ]);
    assert.equal(room.members.count, 1);
  });

  test("a client event reaches the others, not its sender", async (t) => {
    const name = fresh("private-room");
    const open = () => new Page(t, server(), signedBy(sdk(server())));
    const [sender, other] = [open(), open()];
    const channel = await sender.subscribe(name);
    await other.subscribe(name);
    assert.ok(channel.trigger("client-typing", { key: "a" }));
    assert.deepEqual(await other.hears("client-typing"), [{ key: "a" }]);
    await sdk(server()).trigger(name, "sentinel", {});
    await sender.hears("sentinel");
    assert.equal(sender.times("client-typing").length, 0);
  });

  test("a signature made with another secret opens no channel", async (t) => {
    const forger = sdk(server(), { secret: "another secret" });
    const page = new Page(t, server(), signedBy(forger));
    let refused = false;
    page.pusher.connection.bind("error", () => (refused = true));
    const channel = page.pusher.subscribe(fresh("private-room"));
    channel.bind("pusher:subscription_error", () => (refused = true));
    await until("the subscription is refused", () => refused);
    assert.equal(channel.subscribed, false);
  });

  test("a request signed with another secret or key is refused", async () => {
    const name = fresh("news");
    const forged = sdk(server(), { secret: "another secret" });
    await assert.rejects(forged.trigger(name, "told", {}), { status: 401 });
    const stranger = sdk(server(), { key: "another-key" });
    await assert.rejects(stranger.trigger(name, "told", {}), (error) => {
      return error.status >= 400 && error.status < 500;
    });
  });

  test("a page with another key is not let in", async (t) => {
    const { host, port, app } = server().provider;
    const elsewhere = { provider: { host, port, app: { ...app, key: "another-key" } } };
    const page = new Page(t, elsewhere, { unavailableTimeout: PATIENCE_OF_A_PAGE_MS });
    const states = new Set();
    page.pusher.connection.bind("state_change", ({ current }) => states.add(current));
    await until("the page is without a connection", () => {
      return ["disconnected", "unavailable"].includes(page.state);
    });
    assert.ok(!states.has("connected"));
  });
});

// The Python library takes only numbers as app ids, as Pusher's are.
onEachDatabase(
  "the provider and Python",
  (server) => {
    test("the Python library publishes, and signs our channel as we do", async (t) => {
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
        event: "told",
        data: { number: 0.1 },
        socket_id: socketId,
      };
      const { stdout } = await promisify(execFile)(python, [script, JSON.stringify(task)], {
        timeout: PYTHON_DEADLINE_MS,
      });
      assert.deepEqual(await page.hears("told"), [task.data]);
      const answer = await fetch(`${server().url}${path}`, {
        method: "POST",
        headers: alice.headers,
        body: new URLSearchParams({ socket_id: socketId, channel_name: alice.channel }),
      });
      assert.deepEqual(JSON.parse(stdout), await answer.json());
    });
  },
  { PUSHER_APP_ID: "1001" },
);
