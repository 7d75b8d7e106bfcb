// Starts the real binary on a port and a database of its own, and ends it again by its own pid.
// The server inherits nothing from the caller's environment: a stray PUSHER_APP_KEY would point
// the tests at somebody's account.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import pg from "pg";
import { until } from "./until.js";

export const app = { id: "matchcast", key: "local", secret: "secret-of-the-client-tests" };

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;
const START_ATTEMPTS = 3;
const LOG_LINES_KEPT = 200;

// Neither a failing nor an interrupted run leaves servers, files or databases behind: whatever is
// made is noted here first.
const running = new Set();
const made = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
let leaving;
for (const signal of ["SIGINT", "SIGTERM"]) {
  // The runner repeats the signal to its test files; the second one must not cut the first short.
  process.on(signal, () => {
    leaving ??= (async () => {
      running.forEach((child) => child.kill("SIGKILL"));
      await Promise.allSettled([...made].map((database) => database.drop()));
      process.exit(1);
    })();
  });
}

function binary() {
  const path = process.env.MATCHCAST_BIN;
  if (!path) throw new Error("MATCHCAST_BIN must name the matchcast binary to test");
  return path;
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve, reject) => {
    probe.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export async function sqliteDatabase() {
  const directory = await mkdtemp(join(tmpdir(), "matchcast-clients-"));
  const database = {
    url: `sqlite://${join(directory, "matchcast.sqlite")}`,
    directory,
    drop: async () => {
      await rm(directory, { recursive: true, force: true });
      made.delete(database);
    },
  };
  made.add(database);
  return database;
}

async function asAdmin(statement) {
  const client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function postgresDatabase() {
  const name = `matchcast_test_${randomBytes(6).toString("hex")}`;
  const url = new URL(process.env.TEST_DATABASE_URL);
  url.pathname = `/${name}`;
  const directory = await mkdtemp(join(tmpdir(), "matchcast-clients-"));
  let created;
  const database = {
    url: url.href,
    directory,
    drop: async () => {
      await rm(directory, { recursive: true, force: true });
      await created;
      await asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      made.delete(database);
    },
  };
  made.add(database);
  created = asAdmin(`CREATE DATABASE ${name}`);
  await created;
  return database;
}

const databases = { SQLite: sqliteDatabase };
if (process.env.TEST_DATABASE_URL) databases.PostgreSQL = postgresDatabase;

export class Server {
  #database;
  #settings;
  #child;
  #log = [];

  constructor(database, settings) {
    this.#database = database;
    this.#settings = settings;
    this.app = { ...app, id: settings.PUSHER_APP_ID ?? app.id };
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  // A port can be taken between the look and the start; a restart insists on its old one.
  async start() {
    const attempts = this.port ? 1 : START_ATTEMPTS;
    for (let attempt = 1; ; attempt++) {
      this.port ??= await freePort();
      try {
        return await this.#startOnce();
      } catch (error) {
        await this.kill();
        if (attempt === attempts) throw error;
        this.port = undefined;
      }
    }
  }

  async #startOnce() {
    const child = spawn(binary(), ["serve"], {
      // No .env of the checkout is in reach from here.
      cwd: this.#database.directory,
      env: {
        PATH: process.env.PATH,
        APP_ENV: "local",
        HOST: "127.0.0.1",
        PORT: String(this.port),
        DATABASE_URL: this.#database.url,
        PUSHER_APP_SECRET: app.secret,
        ...this.#settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    const exited = new Promise((resolve) => child.once("close", resolve));
    child.exited = exited.then(() => running.delete(child));
    child.once("error", (error) => this.#log.push(String(error)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#log.push(text);
        this.#log.splice(0, this.#log.length - LOG_LINES_KEPT);
      });
    }
    const ready = async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new Error(`matchcast ended at its start:\n${this.log}`);
      }
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    };
    try {
      await until("GET /health answers 200", ready, START_DEADLINE_MS);
    } catch (error) {
      throw new Error(`${error.message}\n${this.log}`, { cause: error });
    }
  }

  get log() {
    return this.#log.join("");
  }

  // As an operator stops it. A server that ignores the signal fails the test.
  async stop() {
    await this.#end("SIGTERM");
  }

  // As a crash stops it.
  async kill() {
    await this.#end("SIGKILL");
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || !running.has(child)) return;
    child.kill(signal);
    await until(`matchcast ends after ${signal}`, () => !running.has(child), STOP_DEADLINE_MS);
  }

  async remove() {
    try {
      await this.stop();
    } finally {
      await this.kill();
      await this.#database.drop();
    }
  }
}

// Runs the same tests against a server of their own on every database there is. `define` gets a
// function that gives the server once the tests run.
export function onEachDatabase(title, define, settings = {}) {
  for (const [name, create] of Object.entries(databases)) {
    describe(`${title}, on ${name}`, () => {
      let server;
      before(async () => {
        server = new Server(await create(), settings);
        await server.start();
      });
      after(() => server?.remove());
      define(() => server);
    });
  }
}
