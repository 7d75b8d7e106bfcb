// Two matchcast processes on the cluster, as in production, and commands beside them.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Process } from "../support/process.js";
import { execute } from "./system.js";

const COMMAND_TIMEOUT_MS = 120_000;
const DEPOSITS = { USD: "1000000000", BTC: "1000000", ETH: "1000000" };

class MatchcastProcess extends Process {
  program = process.env.MATCHCAST_BIN;
  #variables;

  constructor(name, directory, variables) {
    super(name, "/ready");
    this.name = name;
    this.directory = directory;
    this.#variables = variables;
  }

  command() {
    return {
      program: this.program,
      parameters: ["serve"],
      directory: this.directory,
      variables: { ...this.#variables, HOST: this.host, PORT: String(this.port) },
    };
  }
}

export class Matchcast {
  constructor(url, provider, settings = {}) {
    this.directory = join(process.env.HA_FOLDER, `matchcast-${randomBytes(4).toString("hex")}`);
    mkdirSync(this.directory);
    const { host, port, app } = provider;
    this.variables = {
      APP_ENV: "production",
      APP_KEY: randomBytes(48).toString("base64"),
      DATABASE_URL: url,
      BROADCAST_CONNECTION: "pusher",
      PUSHER_APP_ID: app.id,
      PUSHER_APP_KEY: app.key,
      PUSHER_APP_SECRET: app.secret,
      PUSHER_HOST: host,
      PUSHER_PORT: String(port),
      PUSHER_SCHEME: "http",
      MATCHCAST__EVENTS__ORDER_UPDATED: "true",
      MATCHCAST__EVENTS__BALANCE_UPDATED: "true",
      MATCHCAST__EVENTS__TRADE_EXECUTED: "true",
      MATCHCAST__EVENTS__BOOK_UPDATED: "true",
      ...(process.env.HA_LOG_LEVEL && { MATCHCAST__LOG__LEVEL: process.env.HA_LOG_LEVEL }),
      ...settings,
    };
    this.processes = ["A", "B"].map(
      (name) => new MatchcastProcess(`matchcast ${name}`, this.directory, this.variables),
    );
  }

  async start() {
    for (const each of this.processes) await each.start();
  }

  command(parameters, program = process.env.MATCHCAST_BIN) {
    const env = { PATH: process.env.PATH, ...this.variables };
    const options = { cwd: this.directory, env, timeout: COMMAND_TIMEOUT_MS };
    return execute(program, parameters, options);
  }

  // Registers a user with enough money for any load, and returns { id, token }.
  async createTrader(number, program) {
    const email = `trader-${number}@example.com`;
    const password = randomBytes(12).toString("hex");
    const body = { name: `Trader ${number}`, email, password, password_confirmation: password };
    const response = await fetch(`${this.processes[0].url}/api/register`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const { data, message } = await response.json();
    if (response.status !== 201) throw new Error(`a trader could not register: ${message}`);
    for (const [asset, amount] of Object.entries(DEPOSITS)) {
      const reference = `${asset}-${number}`;
      await this.command(["deposit", email, asset, amount, "--reference", reference], program);
    }
    return { id: data.user.id, token: data.token };
  }

  async stop() {
    try {
      for (const each of this.processes) await each.stop();
    } finally {
      for (const each of this.processes) await each.kill();
    }
  }
}
