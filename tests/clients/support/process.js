// A program under test: started on a free port of 127.0.0.1, waited for until it answers, ended by
// its own pid. It inherits nothing from the caller's environment: a stray PUSHER_APP_KEY would
// point the tests at somebody's account.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { until } from "./waitUntil.js";

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;
const START_ATTEMPTS = 3;
const LOG_LINES_KEPT = 200;

// Neither a failing nor an interrupted run leaves programs, files or databases behind: whatever is
// made is noted here first. What is in `made` has a function `drop`.
const running = new Set();
export const made = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
let leaving;
for (const signal of ["SIGINT", "SIGTERM"]) {
  // The runner repeats the signal to its test files; the second one must not cut the first short.
  process.on(signal, () => {
    leaving ??= (async () => {
      running.forEach((child) => child.kill("SIGKILL"));
      await Promise.allSettled([...made].map((one) => one.drop()));
      process.exit(1);
    })();
  });
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

// Where the logs of all tests are gathered, to be searched for secrets (scripts/check-logs.sh).
export const logsFolder = process.env.MATCHCAST_TEST_LOGS;

function keepLog({ pid, stderr }) {
  if (!logsFolder) return;
  const file = join(logsFolder, `client-${pid}-${Date.now()}.log`);
  stderr.on("data", (text) => appendFileSync(file, text));
}

export class Process {
  host = "127.0.0.1";
  port;
  #name;
  #readyPath;
  #child;
  #log = [];

  // `readyPath` answers 200 once the program can be used.
  constructor(name, readyPath) {
    this.#name = name;
    this.#readyPath = readyPath;
  }

  // What to run: { program, parameters, directory, variables }. It must listen on `this.port`.
  command() {
    throw new Error(`nobody has said how to start ${this.#name}`);
  }

  get url() {
    return `http://${this.host}:${this.port}`;
  }

  get log() {
    return this.#log.join("");
  }

  // What runs stays as it is. A port can be taken between the look and the start; a restart
  // insists on its old one.
  async start() {
    if (running.has(this.#child)) return;
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
    const { program, parameters, directory, variables } = this.command();
    const child = spawn(program, parameters, {
      // No .env of the checkout is in reach from a directory of the test's own.
      cwd: directory,
      env: { PATH: process.env.PATH, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    child.once("close", () => running.delete(child));
    child.once("error", (error) => this.#log.push(String(error)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#log.push(text);
        this.#log.splice(0, this.#log.length - LOG_LINES_KEPT);
      });
    }
    keepLog(child);
    const ready = async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new Error(`${this.#name} ended at its start`);
      }
      const answer = await fetch(`${this.url}${this.#readyPath}`).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    };
    try {
      await until(`${this.#name} answers ${this.#readyPath} with 200`, ready, START_DEADLINE_MS);
    } catch (error) {
      throw new Error(`${error.message}\n${this.log}`, { cause: error });
    }
  }

  // As an operator stops it. A program that ignores the signal fails the test.
  async stop() {
    await this.#end("SIGTERM");
  }

  // As a crash stops it.
  async kill() {
    await this.#end("SIGKILL");
  }

  async #end(signal) {
    const child = this.#child;
    if (!running.has(child)) return;
    child.kill(signal);
    const ended = () => !running.has(child);
    await until(`${this.#name} ends after ${signal}`, ended, STOP_DEADLINE_MS);
  }
}
