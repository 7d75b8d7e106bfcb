// The cluster, two matchcast processes, a provider and a load, and what must hold after each fault.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../support/waitUntil.js";
import * as checks from "./checks.js";
import { report } from "./figures.js";
import { Load, TRADERS } from "./load.js";
import { Matchcast } from "./matchcast.js";
import { Observer } from "./observer.js";
import { Provider } from "./provider.js";

const RECOVERY_TIMEOUT_MS = 150_000;
// How long the load runs before and after a fault.
const QUIET_MS = 3_000;

export class Lab {
  provider = new Provider();
  #observer;

  constructor(cluster, database, through) {
    this.cluster = cluster;
    this.database = database;
    this.through = through;
  }

  async start(seed) {
    await this.provider.start();
    await this.cluster.createDatabase(this.database);
    const url = this.cluster.url(this.database, this.through);
    this.matchcast = new Matchcast(url, this.provider);
    await this.matchcast.start();
    const numbers = Array.from({ length: TRADERS }, (_, index) => index + 1);
    const traders = await Promise.all(numbers.map((n) => this.matchcast.createTrader(n)));
    this.load = new Load(this.matchcast.processes, traders, seed);
    this.#observer = new Observer(this.cluster);
    await this.#observer.start();
  }

  async stop() {
    await this.load?.stop().catch(() => {});
    await this.#observer?.stop();
    await this.matchcast?.stop();
    await this.provider.drop();
  }

  // Waits until each running process has accepted an order that was sent from now on. Returns
  // whether they have in time.
  async accepts(timeoutMs = RECOVERY_TIMEOUT_MS) {
    const since = Date.now();
    const hasAccepted = ({ name }) => this.load.lastAccepted.get(name) > since;
    const running = () => this.matchcast.processes.filter(({ isRunning }) => isRunning);
    const all = () => running().every(hasAccepted);
    return waitUntil("orders are accepted", all, timeoutMs).then(
      () => true,
      () => false,
    );
  }

  // Runs the load during a fault, and prints what became of it. `fault.run` returns once everything
  // is repaired.
  async endure(fault, print) {
    if (!fault.followsAnother) await this.cluster.healthy();
    this.load.start();
    assert.ok(await this.accepts(), "orders are accepted before the fault");
    await sleep(fault.followsAnother ? 0 : QUIET_MS);
    const old = await this.cluster.leader();
    const since = Date.now();
    const changedAt = await fault.run(this, old);
    assert.ok(await this.accepts(), "orders are accepted after the fault");
    await sleep(QUIET_MS);
    const until = Date.now();
    await this.load.stop();
    const times = { since, until, ...this.#timesOfCluster(fault, old, since, changedAt) };
    const { load, provider } = this;
    const { lines, isMet } = report({ ...fault, ...times, load, events: provider.events });
    print(lines);
    return isMet;
  }

  // When the cluster took orders again. `repairedAt` is when a fault was repaired that stops it
  // without a new leader.
  #timesOfCluster({ changesLeader }, old, since, repairedAt) {
    const observer = this.#observer;
    if (!changesLeader) {
      return { repairedAt: repairedAt && observer.steadyCommits(old, repairedAt) };
    }
    const leader = observer.newLeader(since, old);
    assert.ok(leader, "there is a new leader");
    const writableAt = observer.steadyCommits(leader.node, leader.at);
    return { leaderAt: leader.at, writableAt };
  }

  // Waits for a new leader that has accepted orders for a while, at most for a time.
  async failedOver(old, timeoutMs = RECOVERY_TIMEOUT_MS) {
    const since = Date.now();
    const isNew = () => this.#observer.newLeader(since - QUIET_MS, old);
    await waitUntil("a new leader", isNew, RECOVERY_TIMEOUT_MS);
    const accepted = await this.accepts(timeoutMs);
    await sleep(QUIET_MS);
    return accepted;
  }

  // Everything that must hold whatever has happened.
  async check(print) {
    const leader = await this.cluster.healthy();
    const query = (text) => leader.query(text, this.database);
    const isDelivered = async () => (await query(checks.PENDING))[0].outbox === 0;
    await waitUntil("all events are delivered", isDelivered, RECOVERY_TIMEOUT_MS);
    const [rows, counters, trades] = await Promise.all(
      [checks.ORDERS, checks.COUNTERS, checks.TRADES].map(query),
    );
    const [{ dead_letters }] = await query(checks.PENDING);
    const events = checks.compareEvents(this.provider.events, { counters, trades });
    const findings = [
      ...checks.compareOrders(this.load, rows),
      ...events.findings,
      ...this.provider.rejected.map((problem) => `a request to the provider: ${problem}`),
      ...this.#observer.secondLeaders(),
    ];
    const lost = await this.#observer.lostCommits();
    if (lost.length > 0) findings.push(`the cluster itself lost ${lost.length} commits`);
    if (dead_letters > 0) findings.push(`${dead_letters} dead letters`);
    assert.deepEqual(findings, []);
    const audit = JSON.parse(await this.matchcast.command(["audit", "--json"]));
    assert.deepEqual(audit.findings, []);
    print([
      `  checked: ${this.load.orders.length} orders asked for, ${rows.length} in the database, ` +
        `${trades.length} trades, ${events.distinct} events, ${events.duplicates} of them again`,
    ]);
  }
}
