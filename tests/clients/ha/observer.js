// Observes the cluster from outside, several times a second: which node is the leader according to
// Patroni, and on which nodes a commit succeeds that has all guarantees.
import { setTimeout as sleep } from "node:timers/promises";

const INTERVAL_MS = 200;
// A node that commits is the leader at the same time, give or take the interval of observations.
const TOLERANCE_MS = 2_500;
// So many commits with pauses below this are steady.
const STEADY_COUNT = 5;
const STEADY_PAUSE_MS = 1_000;
// SQLSTATE read_only_sql_transaction.
const READ_ONLY = "25006";

// Inserts a row on one node again and again. A commit that waits for a standby is waited for.
class Probe {
  // Successful inserts: { number, begun, at }.
  commits = [];
  #node;
  #client;
  #isRunning = true;
  #loop;

  constructor(node, numbers) {
    this.#node = node;
    this.#loop = this.#run(numbers);
  }

  async #run(numbers) {
    while (this.#isRunning) {
      try {
        await this.#insert(numbers);
      } catch (error) {
        // A standby refuses the insert and keeps the connection; other errors end it.
        if (error.code !== READ_ONLY) this.#disconnect();
      }
      await sleep(INTERVAL_MS);
    }
    this.#disconnect();
  }

  async #insert(numbers) {
    if (!this.#client) {
      this.#client = this.#node.connect();
      this.#client.on("error", () => this.#disconnect());
      await this.#client.connect();
    }
    const number = numbers.next().value;
    const begun = Date.now();
    await this.#client.query("INSERT INTO probe (number) VALUES ($1)", [number]);
    this.commits.push({ number, begun, at: Date.now() });
  }

  #disconnect() {
    this.#client?.connection.stream.destroy();
    this.#client = undefined;
  }

  // A query that waits for a frozen server ends with its connection.
  async stop() {
    this.#isRunning = false;
    this.#disconnect();
    await this.#loop;
  }
}

function* count() {
  for (let number = 1; ; number++) yield number;
}

export class Observer {
  // Nodes that have become the leader, or are not the leader any more: { at, node, isLeader }.
  leaders = [];
  #cluster;
  #probes = new Map();
  #isRunning = true;
  #loops = [];

  constructor(cluster) {
    this.#cluster = cluster;
  }

  async start() {
    const leader = await this.#cluster.leader();
    await leader.query("CREATE TABLE IF NOT EXISTS probe (number bigint PRIMARY KEY)");
    await leader.query("TRUNCATE probe");
    const numbers = count();
    for (const node of this.#cluster.nodes) {
      this.#probes.set(node, new Probe(node, numbers));
      this.#loops.push(this.#watch(node));
    }
  }

  // Each node by itself, because one that is frozen responds late.
  async #watch(node) {
    let wasLeader = false;
    while (this.#isRunning) {
      const isLeader = (await node.restStatus("/primary")) === 200;
      if (isLeader !== wasLeader) this.leaders.push({ at: Date.now(), node, isLeader });
      wasLeader = isLeader;
      await sleep(INTERVAL_MS);
    }
  }

  // The first node other than `old` that has become the leader since then: { at, node }.
  newLeader(since, old) {
    return this.leaders.find(({ at, node, isLeader }) => at > since && isLeader && node !== old);
  }

  // When commits began to succeed on this node after `since`, one after the other. A new leader may
  // accept one before its standby finds that it has to be rewound, which takes several seconds.
  steadyCommits(node, since) {
    const times = this.#probes.get(node).commits.map(({ at }) => at);
    const later = times.filter((at) => at > since);
    const isSteady = (at, index) => {
      const next = later.slice(index, index + STEADY_COUNT);
      const pauses = next.slice(1).map((time, before) => time - next[before]);
      return next.length === STEADY_COUNT && pauses.every((pause) => pause < STEADY_PAUSE_MS);
    };
    return later.find(isSteady);
  }

  // Commits on a node that was not the leader while another one was, as sentences. A leader that
  // does not respond to an observation for a moment is no second one. Patroni calls a node the
  // leader before it promotes its server, which until then follows the old leader.
  secondLeaders() {
    const { nodes } = this.#cluster;
    const isSecond = (node, { begun, at }) =>
      !this.#wasLeader(node, begun - TOLERANCE_MS, at + TOLERANCE_MS) &&
      nodes.some((other) => other !== node && this.#wasLeader(other, begun - TOLERANCE_MS));
    return nodes.flatMap((node) => {
      const commits = this.#probes.get(node).commits.filter((commit) => isSecond(node, commit));
      if (commits.length === 0) return [];
      const [{ at }] = commits;
      const when = new Date(at).toJSON();
      return [
        `${node.name} committed ${commits.length} times as a second leader, first at ${when}`,
      ];
    });
  }

  // Whether this node was the leader at this time, or at any time between these.
  #wasLeader(node, from, to = from) {
    const own = this.leaders.filter((each) => each.node === node);
    const before = own.filter(({ at }) => at <= from).at(-1);
    return before?.isLeader || own.some(({ at, isLeader }) => isLeader && at > from && at <= to);
  }

  // Commits that the current leader does not have, as their numbers. There must be none.
  async lostCommits() {
    const leader = await this.#cluster.leader();
    const rows = await leader.query("SELECT number::int FROM probe");
    const present = new Set(rows.map(({ number }) => number));
    const all = [...this.#probes.values()].flatMap(({ commits }) => commits);
    return all.map(({ number }) => number).filter((number) => !present.has(number));
  }

  async stop() {
    this.#isRunning = false;
    await Promise.all([...this.#probes.values()].map((probe) => probe.stop()));
    await Promise.all(this.#loops);
  }
}
