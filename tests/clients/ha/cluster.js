// A PostgreSQL cluster under Patroni with etcd, HAProxy and PgBouncer, on ports of 127.0.0.1, with
// the files of ops/. Everything is in one folder, which scripts/ha.sh creates and removes.
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { Process, freePort, resources } from "../support/process.js";
import { waitUntil } from "../support/waitUntil.js";
import { execute, processTree, sendSignal } from "./system.js";

const HOST = "127.0.0.1";
const SCOPE = "matchcast";
const START_TIMEOUT_MS = 180_000;
const CONNECT_TIMEOUT_MS = 2_000;

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/ha.sh`);
  return value;
}

const folder = required("HA_FOLDER");
const postgresBin = required("HA_POSTGRES_BIN");
const patroniBin = required("HA_PATRONI_BIN");
const pgbouncer = required("PGBOUNCER");
const owner = statSync(folder);

const template = (name) =>
  readFileSync(fileURLToPath(new URL(`../../../ops/${name}`, import.meta.url)), "utf8");

// Replaces ${NAME}, as envsubst does, but fails if a value is missing.
export function fill(text, values) {
  return text.replace(/\$\{([A-Z0-9_]+)\}/g, (_, name) => {
    if (values[name] === undefined) throw new Error(`there is no value for ${name}`);
    return values[name];
  });
}

// A program that runs as the owner of the folder, because PostgreSQL refuses to run as root. Its
// output goes to a file: programs that outlive it would keep a pipe open.
class Member extends Process {
  constructor(name, readyPath) {
    super(name, readyPath);
    this.name = name;
    this.folder = join(folder, name);
    mkdirSync(this.folder, { recursive: true });
    chownSync(this.folder, owner.uid, owner.gid);
  }

  write(name, text) {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    chmodSync(file, 0o600);
    chownSync(file, owner.uid, owner.gid);
    return file;
  }

  // Ends with the tests, even if they are killed.
  asOwner(program, parameters) {
    const isRoot = process.getuid() === 0;
    const ids = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--init-groups"];
    const shell = ["sh", "-c", 'exec "$@" >>output.log 2>&1', "sh", program, ...parameters];
    const all = [...(isRoot ? ids : []), "--pdeathsig", "KILL", "--", ...shell];
    return { program: "setpriv", parameters: all, directory: this.folder, variables: {} };
  }
}

class Etcd extends Member {
  #peerPort;

  constructor() {
    super("etcd", "/health");
  }

  async start() {
    this.#peerPort ??= await freePort();
    await super.start();
  }

  command() {
    const peer = `http://${HOST}:${this.#peerPort}`;
    return this.asOwner("etcd", [
      "--name=etcd",
      `--data-dir=${join(this.folder, "data")}`,
      `--listen-client-urls=${this.url}`,
      `--advertise-client-urls=${this.url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=etcd=${peer}`,
    ]);
  }
}

// Patroni and its PostgreSQL server.
export class Node extends Member {
  #cluster;

  constructor(cluster, name) {
    super(name, "/liveness");
    this.#cluster = cluster;
    this.data = join(this.folder, "data");
  }

  async start() {
    this.port ??= await freePort();
    this.postgresPort ??= await freePort();
    await super.start();
  }

  command() {
    const { etcd, passwords } = this.#cluster;
    const config = fill(template("patroni.yml.template"), {
      NODE_NAME: this.name,
      NODE_HOST: HOST,
      NETWORK: `${HOST}/32`,
      REST_PORT: this.port,
      POSTGRES_PORT: this.postgresPort,
      POSTGRES_BIN: postgresBin,
      ETCD_HOSTS: `${HOST}:${etcd.port}`,
      DATA_DIR: this.data,
      SOCKET_DIR: this.folder,
      PGPASS_FILE: join(this.folder, "pgpass"),
      SUPERUSER_PASSWORD: passwords.superuser,
      REPLICATION_PASSWORD: passwords.replicator,
      REWIND_PASSWORD: passwords.rewinder,
      WATCHDOG_MODE: "off",
    });
    return this.asOwner(join(patroniBin, "patroni"), [this.write("patroni.yml", config)]);
  }

  // The process ids of the server, first the postmaster; none if it does not run.
  serverPids() {
    let postmaster;
    try {
      postmaster = Number(readFileSync(join(this.data, "postmaster.pid"), "utf8").split("\n")[0]);
    } catch {
      return [];
    }
    return processTree(postmaster, this.data);
  }

  // A crash of the server's machine, as far as one machine can simulate it.
  async crash() {
    const [postmaster] = this.serverPids();
    sendSignal([this.pid, postmaster], "SIGKILL");
    await this.kill();
  }

  // Stops all processes of the node without ending one. Their connections stay open.
  freeze() {
    const pids = [this.pid, ...this.serverPids()];
    sendSignal(pids, "SIGSTOP");
    // The server goes on before Patroni: it is the leader that it was until Patroni stops it.
    return () => sendSignal([...pids.slice(1), this.pid], "SIGCONT");
  }

  connect(database = "postgres", options = {}) {
    return new pg.Client({
      host: HOST,
      port: this.postgresPort,
      user: "postgres",
      password: this.#cluster.passwords.superuser,
      database,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      ...options,
    });
  }

  // Runs a query on a connection of its own, and returns its rows.
  async query(text, database = "postgres", values = []) {
    const client = this.connect(database);
    client.on("error", () => {});
    try {
      await client.connect();
      return (await client.query(text, values)).rows;
    } finally {
      client.end().catch(() => {});
    }
  }

  // Status of a path of Patroni's API, or undefined if it does not respond.
  async restStatus(path, timeoutMs = 1_000) {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(`${this.url}${path}`, { signal });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return undefined;
    }
  }

  endNow() {
    sendSignal(this.serverPids(), "SIGCONT");
    sendSignal([this.pid, ...this.serverPids()], "SIGKILL");
  }
}

class Haproxy extends Member {
  #nodes;

  constructor(nodes) {
    super("haproxy", "/health");
    this.#nodes = nodes;
  }

  async start() {
    this.postgresPort ??= await freePort();
    await super.start();
  }

  command() {
    const values = {
      STATUS_ADDRESS: `${HOST}:${this.port}`,
      LISTEN_ADDRESS: `${HOST}:${this.postgresPort}`,
    };
    this.#nodes.forEach((node, index) => {
      values[`NODE${index + 1}_ADDRESS`] = `${HOST}:${node.postgresPort}`;
      values[`NODE${index + 1}_REST_PORT`] = node.port;
    });
    const file = this.write("haproxy.cfg", fill(template("haproxy.cfg.template"), values));
    return this.asOwner("haproxy", ["-db", "-f", file]);
  }
}

// Between matchcast and HAProxy.
class Pgbouncer extends Member {
  #cluster;

  constructor(cluster) {
    super("pgbouncer");
    this.#cluster = cluster;
  }

  command() {
    const { haproxy, passwords } = this.#cluster;
    const users = this.write("users.txt", `"matchcast" "${passwords.matchcast}"\n`);
    const config = fill(template("pgbouncer.ini.template"), {
      LEADER_HOST: HOST,
      LEADER_PORT: haproxy.postgresPort,
      LISTEN_PORT: this.port,
      AUTH_FILE: users,
    });
    return this.asOwner(this.#program(), [this.write("pgbouncer.ini", config)]);
  }

  // The owner of the folder may have no access to the original.
  #program() {
    const copy = join(this.folder, "pgbouncer");
    copyFileSync(pgbouncer, copy);
    chmodSync(copy, 0o755);
    return copy;
  }

  isReady() {
    return new Promise((resolve) => {
      const socket = connect(this.port, HOST);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  }
}

// How matchcast reaches the leader.
export const DIRECT = "all nodes in DATABASE_URL";
export const HAPROXY = "HAProxy";
export const PGBOUNCER = "PgBouncer and HAProxy";

const NAMES = ["node1", "node2", "node3"];

export class Cluster {
  etcd = new Etcd();
  passwords = Object.fromEntries(
    ["superuser", "replicator", "rewinder", "matchcast"].map((name) => [
      name,
      randomBytes(12).toString("hex"),
    ]),
  );
  nodes = NAMES.map((name) => new Node(this, name));
  haproxy = new Haproxy(this.nodes);
  pgbouncer = new Pgbouncer(this);

  async start() {
    resources.add(this);
    process.on("exit", () => this.nodes.forEach((node) => node.endNow()));
    await this.etcd.start();
    const [first, ...others] = this.nodes;
    await first.start();
    await waitUntil("a leader", () => this.leader(), START_TIMEOUT_MS);
    await Promise.all(others.map((node) => node.start()));
    await this.healthy();
    await this.haproxy.start();
    await this.pgbouncer.start();
  }

  // The node that Patroni calls the leader now, if there is one.
  async leader() {
    const statuses = await Promise.all(this.nodes.map((node) => node.restStatus("/primary")));
    return this.nodes[statuses.indexOf(200)];
  }

  async standbys() {
    const leader = await this.leader();
    return this.nodes.filter((node) => node !== leader);
  }

  // The cluster as Patroni describes it: { name, role, state, … } of each member.
  async members(node) {
    const response = await fetch(`${node.url}/cluster`, { signal: AbortSignal.timeout(2_000) });
    return (await response.json()).members;
  }

  // The standby that may become the leader.
  async synchronousStandby() {
    const members = await this.members(await this.leader());
    const name = members.find(({ role }) => role === "sync_standby")?.name;
    return this.nodes.find((node) => node.name === name);
  }

  // Waits until both standbys follow the leader, and one of them may replace it.
  async healthy() {
    const isHealthy = async () => {
      const leader = await this.leader();
      if (!leader) return false;
      const streaming = `SELECT count(*)::int AS count FROM pg_stat_replication
        WHERE state = 'streaming' AND application_name LIKE 'node%'`;
      try {
        const [{ count }] = await leader.query(streaming);
        return count === NAMES.length - 1 && (await this.synchronousStandby()) && leader;
      } catch {
        return false;
      }
    };
    return waitUntil("the cluster is healthy", isHealthy, START_TIMEOUT_MS);
  }

  // The address for matchcast.
  url(database, through) {
    const ports = {
      [DIRECT]: this.nodes.map(({ postgresPort }) => postgresPort),
      [HAPROXY]: [this.haproxy.postgresPort],
      [PGBOUNCER]: [this.pgbouncer.port],
    }[through];
    const hosts = ports.map((port) => `${HOST}:${port}`).join(",");
    const suffix = through === DIRECT ? "?target_session_attrs=read-write" : "";
    return `postgres://matchcast:${this.passwords.matchcast}@${hosts}/${database}${suffix}`;
  }

  async createDatabase(name) {
    const leader = await this.leader();
    const roles = await leader.query("SELECT FROM pg_roles WHERE rolname = 'matchcast'");
    if (roles.length === 0) {
      await leader.query(`CREATE ROLE matchcast LOGIN PASSWORD '${this.passwords.matchcast}'`);
    }
    await leader.query(`CREATE DATABASE ${name} OWNER matchcast`);
  }

  // Runs patronictl, and returns its output.
  ctl(parameters) {
    const [node] = this.nodes;
    const file = join(node.folder, "patroni.yml");
    return execute(join(patroniBin, "patronictl"), ["-c", file, ...parameters]);
  }

  switchover(from, to) {
    const names = ["--leader", from.name, "--candidate", to.name];
    return this.ctl(["switchover", SCOPE, ...names, "--force"]);
  }

  async stop() {
    for (const member of [this.pgbouncer, this.haproxy, ...this.nodes, this.etcd]) {
      await member.kill();
    }
    this.nodes.forEach((node) => node.endNow());
    resources.delete(this);
  }

  drop() {
    this.nodes.forEach((node) => node.endNow());
  }
}
