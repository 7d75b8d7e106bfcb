// A program under test: started on a free port of 127.0.0.1, used once it is ready, and stopped by
// its process id. It does not inherit the environment of the tests: a stray PUSHER_APP_KEY would
// connect them to a real account.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { appendFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { waitUntil } from "./waitUntil.js";

// Below the ports that the system gives to outgoing connections: one of them could take the port
// while the program restarts.
const PORTS = { first: 20_000, count: 12_000 };
const START_ATTEMPTS = 3;
const MAX_LOG_LINES = 200;

// A failed or interrupted run leaves no processes, files or databases behind: each of them is
// registered here first. Entries of `resources` have a function `drop`.
const running = new Set();
export const resources = new Set();
process.on("exit", () => running.forEach(kill));
let cleanup;
for (const signal of ["SIGINT", "SIGTERM"]) {
  // The test runner sends the signal to its test files again, which must not interrupt the cleanup.
  process.on(signal, () => {
    cleanup ??= (async () => {
      running.forEach(kill);
      await Promise.allSettled([...resources].map((resource) => resource.drop()));
      process.exit(1);
    })();
  });
}

// Programs that run further processes, which would outlive them.
const groups = new WeakSet();

function kill(child) {
  if (!groups.has(child) || child.pid === undefined) return child.kill("SIGKILL");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

async function isFree(port) {
  const probe = createServer();
  const isListening = await new Promise((resolve) => {
    probe.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => probe.close(resolve));
  return isListening;
}

export async function freePort() {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.first + PORTS.count);
    if (await isFree(port)) return port;
  }
}

// Collects the logs of all tests, which scripts/check-logs.sh searches for secrets.
export const logsFolder = process.env.MATCHCAST_TEST_LOGS;

function saveLog({ pid, stderr }) {
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

  // `readyPath` returns status 200 once the program is ready, unless `isReady` is another one.
  constructor(name, readyPath) {
    this.#name = name;
    this.#readyPath = readyPath;
  }

  // Returns { program, parameters, directory, variables }. The program must listen on `this.port`.
  // With `isGroup`, its own processes are killed with it.
  command() {
    throw new Error(`${this.#name} does not define its command`);
  }

  get url() {
    return `http://${this.host}:${this.port}`;
  }

  get log() {
    return this.#log.join("");
  }

  get pid() {
    return this.#child?.pid;
  }

  get isRunning() {
    return running.has(this.#child);
  }

  // Has no effect while the program is running. Another program may take the free port before this
  // one does, so a first start is repeated with another port; a restart uses the same one.
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
    const { program, parameters, directory, variables, isGroup = false } = this.command();
    const child = spawn(program, parameters, {
      detached: isGroup,
      // A separate directory, so that the .env file of the checkout is not read.
      cwd: directory,
      env: { PATH: process.env.PATH, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    if (isGroup) groups.add(child);
    running.add(child);
    child.once("close", () => running.delete(child));
    child.once("error", (error) => this.#log.push(String(error)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#log.push(text);
        this.#log.splice(0, this.#log.length - MAX_LOG_LINES);
      });
    }
    saveLog(child);
    const ready = async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new Error(`${this.#name} exited during its start`);
      }
      return this.isReady();
    };
    try {
      await waitUntil(`${this.#name} is ready`, ready);
    } catch (error) {
      throw new Error(`${error.message}\n${this.log}`, { cause: error });
    }
  }

  async isReady() {
    const response = await fetch(`${this.url}${this.#readyPath}`).catch(() => undefined);
    await response?.arrayBuffer();
    return response?.status === 200;
  }

  // Stops the program gracefully. A program that ignores the signal, or crashes, fails the test.
  async stop() {
    const child = this.#child;
    await this.#end("SIGTERM");
    const { exitCode, signalCode } = child ?? {};
    if (exitCode > 0 || ![undefined, null, "SIGTERM", "SIGKILL"].includes(signalCode)) {
      throw new Error(`${this.#name} ended with ${exitCode ?? signalCode}\n${this.log}`);
    }
  }

  // Simulates a crash.
  async kill() {
    await this.#end("SIGKILL");
  }

  async #end(signal) {
    const child = this.#child;
    if (!running.has(child)) return;
    if (signal === "SIGKILL") kill(child);
    else child.kill(signal);
    const hasExited = () => !running.has(child);
    await waitUntil(`${this.#name} exits after ${signal}`, hasExited);
  }
}
