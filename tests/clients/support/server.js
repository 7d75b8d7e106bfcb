// Starts the real binary with its own port and database. The provider is the embedded one, or a
// Sockudo process if MATCHCAST_SOCKUDO is set.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import pg from "pg";
import { Process, logsFolder, resources } from "./process.js";
import { Sockudo, sockudoBinary } from "./sockudo.js";
import { TIMEOUT_MS } from "./waitUntil.js";

export const app = { id: "matchcast", key: "local", secret: "secret-of-the-client-tests" };
if (logsFolder) appendFileSync(join(logsFolder, "known-secrets"), `${app.secret}\n`);

function binary() {
  const path = process.env.MATCHCAST_BIN;
  if (!path) throw new Error("MATCHCAST_BIN must name the matchcast binary to test");
  return path;
}

export async function sqliteDatabase() {
  const directory = await mkdtemp(join(tmpdir(), "matchcast-clients-"));
  const database = {
    url: `sqlite://${join(directory, "matchcast.sqlite")}`,
    directory,
    drop: async () => {
      await rm(directory, { recursive: true, force: true });
      resources.delete(database);
    },
  };
  resources.add(database);
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

export async function postgresDatabase() {
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
      resources.delete(database);
    },
  };
  resources.add(database);
  created = asAdmin(`CREATE DATABASE ${name}`);
  await created;
  return database;
}

const databases = { SQLite: sqliteDatabase };
if (process.env.TEST_DATABASE_URL) databases.PostgreSQL = postgresDatabase;

// The environment that connects matchcast to an external provider.
const providerVariables = ({ host, port, app }) => ({
  BROADCAST_CONNECTION: "pusher",
  PUSHER_APP_ID: app.id,
  PUSHER_APP_KEY: app.key,
  PUSHER_APP_SECRET: app.secret,
  PUSHER_HOST: host,
  PUSHER_PORT: String(port),
  PUSHER_SCHEME: "http",
});

export class Server extends Process {
  #database;
  #settings;

  // `provider` is where pages and libraries connect: { host, port, app }. It can be started and
  // stopped like the server, and is the server itself if the embedded provider is tested.
  constructor(database, settings) {
    super("matchcast", "/health");
    this.#database = database;
    this.#settings = settings;
    this.app = { ...app, id: settings.PUSHER_APP_ID ?? app.id };
    this.provider = sockudoBinary ? new Sockudo(this.app, database.directory) : this;
  }

  command() {
    return {
      program: binary(),
      parameters: ["serve"],
      directory: this.#database.directory,
      variables: {
        APP_ENV: "local",
        HOST: this.host,
        // A command may come before the first start.
        ...(this.port && { PORT: String(this.port) }),
        DATABASE_URL: this.#database.url,
        MATCHCAST__DEMO__TRADERS: "false",
        ...(logsFolder && { MATCHCAST__LOG__LEVEL: "debug" }),
        ...(this.provider === this
          ? { PUSHER_APP_SECRET: app.secret }
          : providerVariables(this.provider)),
        ...this.#settings,
      },
    };
  }

  async start() {
    if (this.provider !== this) await this.provider.start();
    await super.start();
  }

  // Runs `matchcast check` for this provider, with `changes` to the variables.
  async check(changes = {}) {
    const options = {
      cwd: this.#database.directory,
      env: { PATH: process.env.PATH, ...providerVariables(this.provider), ...changes },
      timeout: TIMEOUT_MS,
    };
    return new Promise((resolve) => {
      execFile(binary(), ["check"], options, (error, stdout, stderr) => {
        resolve({ code: error ? error.code : 0, output: stdout + stderr });
      });
    });
  }

  // Runs another command of matchcast beside this server.
  async execute(parameters) {
    const { program, directory, variables } = this.command();
    const env = { PATH: process.env.PATH, ...variables };
    const options = { cwd: directory, env, timeout: TIMEOUT_MS };
    return new Promise((resolve, reject) => {
      execFile(program, parameters, options, (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
        else resolve({ stdout, stderr });
      });
    });
  }

  async remove() {
    const processes = new Set([this, this.provider]);
    try {
      for (const each of processes) await each.stop();
    } finally {
      for (const each of processes) await each.kill();
      await this.#database.drop();
    }
  }
}

// Runs the same tests on each database, each time with a new server. `define` receives a function
// that returns the server while the tests run.
export function onEachDatabase(title, define, settings = {}) {
  for (const [name, create] of Object.entries(databases)) {
    describe(`${title}, on ${name}${sockudoBinary ? " with Sockudo" : ""}`, () => {
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
