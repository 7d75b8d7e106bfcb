// Two Sockudo nodes with Redis: pages on either node hear everything once, a node that dies takes
// nothing with it, and the webhooks of both are accepted.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { User, makeTrade } from "../support/api.js";
import { Page, authorizations } from "../support/pages.js";
import { freePort } from "../support/process.js";
import { Server, sqliteDatabase } from "../support/server.js";
import { SockudoCluster } from "../support/sockudoCluster.js";
import { waitUntil } from "../support/waitUntil.js";

const PAGES = 8;

// A page of a user that connects to one node, or through HAProxy.
async function open(t, user, provider) {
  const options = authorizations.channelAuthorization(user, "/api/broadcasting/auth");
  const page = new Page(t, { ...user.server, provider }, { ...options, activityTimeout: 2000 });
  await page.subscribe(user.channel);
  return page;
}

const tradeIds = (page) => page.eventsNamed("order.matched").map(({ data }) => data.trade_id);
const isAscending = (ids) => ids.every((id, index) => index === 0 || ids[index - 1] <= id);

describe("a cluster of two Sockudo nodes with Redis", () => {
  let server, cluster, alice, bob;
  before(async () => {
    const port = await freePort();
    server = new Server(await sqliteDatabase(), {
      PORT: String(port),
      MATCHCAST__HTTP__METRICS: "true",
    });
    cluster = new SockudoCluster(server.app, () => `http://127.0.0.1:${port}/api/pusher/webhook`);
    server.port = port;
    server.provider = cluster;
    await server.start();
    [alice, bob] = [await User.logIn(server, "alice"), await User.logIn(server, "bob")];
  });
  after(() => server?.remove());

  const nodeAt = (node) => ({ host: node.host, port: node.port, app: cluster.app });
  const webhooks = async (outcome) => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = text.split("\n").find((line) => {
      return line.startsWith(`matchcast_webhooks_total{outcome="${outcome}"}`);
    });
    return Number(line?.split(" ").at(-1) ?? 0);
  };

  test("pages on either node hear each event once, and both nodes post webhooks", async (t) => {
    const [first, second] = cluster.nodes.map(nodeAt);
    const before = await webhooks("accepted");
    const ofAlice = await open(t, alice, first);
    const ofBob = await open(t, bob, second);
    const trades = [];
    for (let count = 0; count < 10; count++) trades.push(await makeTrade(alice, bob));
    for (const page of [ofAlice, ofBob]) {
      await page.waitForEvents("order.matched", trades.length);
      assert.deepEqual(tradeIds(page), trades);
    }
    // Each of the two channels was occupied on another node.
    await waitUntil("the webhooks of both nodes", async () => {
      return (await webhooks("accepted")) >= before + 2;
    });
    assert.equal(await webhooks("rejected"), 0);
  });

  test("a node dies under load: pages reconnect, and a re-fetch misses nothing", async (t) => {
    const pages = [];
    for (let count = 0; count < PAGES; count++) {
      pages.push(await open(t, count % 2 ? alice : bob, cluster));
    }
    const trades = [];
    let isTrading = true;
    const trading = (async () => {
      while (isTrading) trades.push(await makeTrade(alice, bob));
    })();
    await waitUntil("some trades", () => trades.length >= 20);
    const connections = pages.map(({ pusher }) => pusher.connection.socket_id);
    await cluster.nodes[0].kill();
    const isMoved = (page, index) => {
      return page.state === "connected" && page.pusher.connection.socket_id !== connections[index];
    };
    await waitUntil("a page that was on the node and reconnects", () => pages.some(isMoved));
    const killedAt = trades.length;
    await waitUntil("more trades", () => trades.length >= killedAt + 20);
    isTrading = false;
    await trading;
    // What pages do after a reconnection: they read their trades again.
    const own = (await alice.get("/my-trades?limit=1000")).map(({ id }) => id);
    assert.ok(trades.every((id) => own.includes(id)));
    // From then on nothing is missing: a last trade reaches all of them.
    await waitUntil("all pages are subscribed", () => {
      return pages.every((page) => {
        return page.state === "connected" && page.pusher.allChannels().every((c) => c.subscribed);
      });
    });
    const last = await makeTrade(alice, bob);
    for (const page of pages) {
      await waitUntil("the last trade", () => tradeIds(page).includes(last));
      assert.ok(isAscending(tradeIds(page)), String(tradeIds(page)));
    }
    // Pages on the other node have missed nothing at all.
    const stayed = pages.filter((page, index) => {
      return page.pusher.connection.socket_id === connections[index];
    });
    assert.ok(stayed.length > 0 && stayed.length < PAGES, `${stayed.length} of ${PAGES} stayed`);
    for (const page of stayed) {
      assert.deepEqual([...new Set(tradeIds(page))].slice(-trades.length - 1), [...trades, last]);
    }
    await cluster.nodes[0].start();
    const again = await open(t, alice, nodeAt(cluster.nodes[0]));
    const after = await makeTrade(alice, bob);
    await waitUntil("a trade on the node that is back", () => tradeIds(again).includes(after));
  });
});
