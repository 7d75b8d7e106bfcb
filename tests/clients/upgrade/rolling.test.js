// Two processes of an older version are replaced one after the other by this version, under load,
// and then by the older one again. Nothing acknowledged is missing, nothing is executed twice, and
// each event is heard in the order of its channel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import * as checks from "../ha/checks.js";
import { Load, TRADERS } from "../ha/load.js";
import { Matchcast } from "../ha/matchcast.js";
import { Provider } from "../ha/provider.js";
import { postgresDatabase } from "../support/server.js";
import { waitUntil } from "../support/waitUntil.js";

const { MATCHCAST_BIN: newBinary, MATCHCAST_OLD_BIN: oldBinary } = process.env;
// How long the load runs between two steps.
const QUIET_MS = 3_000;
const SETTINGS = { MATCHCAST__PUBLISHER__LEASE_MS: "2000" };

test("a rolling upgrade and the way back", async (t) => {
  assert.ok(oldBinary, "MATCHCAST_OLD_BIN must name the older binary");
  const database = await postgresDatabase();
  const provider = new Provider();
  await provider.start();
  const matchcast = new Matchcast(database.url, provider, SETTINGS);
  let load, client;
  t.after(async () => {
    await load?.stop().catch(() => {});
    await client?.end();
    await matchcast.stop();
    await provider.drop();
    await database.drop();
  });
  const [first, second] = matchcast.processes;
  matchcast.processes.forEach((each) => (each.program = oldBinary));
  await matchcast.start();
  const numbers = Array.from({ length: TRADERS }, (_, index) => index + 1);
  const traders = [];
  for (const number of numbers) traders.push(await matchcast.createTrader(number, oldBinary));
  load = new Load(matchcast.processes, traders, 1);

  const accepts = async (each) => {
    const since = Date.now();
    await waitUntil("orders are accepted", () => load.lastAccepted.get(each.name) > since);
  };
  const replace = async (each, program) => {
    await each.stop();
    each.program = program;
    await each.start();
    for (const running of matchcast.processes) await accepts(running);
    await sleep(QUIET_MS);
  };
  load.start();
  await sleep(QUIET_MS);
  for (const program of [newBinary, oldBinary]) {
    for (const each of [first, second]) await replace(each, program);
  }
  await load.stop();

  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const query = async (text) => (await client.query(text)).rows;
  await waitUntil("all events are delivered", async () => {
    return (await query(checks.PENDING))[0].outbox === 0;
  });
  const [rows, counters, trades] = [
    await query(checks.ORDERS),
    await query(checks.COUNTERS),
    await query(checks.TRADES),
  ];
  const events = checks.compareEvents(provider.events, { counters, trades });
  const findings = [...checks.compareOrders(load, rows), ...events.findings, ...provider.rejected];
  assert.deepEqual(findings, []);
  assert.ok(trades.length > 50, `${trades.length} trades`);
  const kinds = new Map();
  for (const { kind } of load.attempts) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  t.diagnostic(
    `${rows.length} orders, ${trades.length} trades, ${provider.events.length} events, ` +
      `${events.duplicates} sent again; ` +
      [...kinds].map(([kind, count]) => `${kind} ${count}`).join(", "),
  );
  // The audit of either version agrees.
  for (const program of [oldBinary, newBinary]) {
    assert.match(await matchcast.command(["audit"], program), /everything adds up/);
  }
});
