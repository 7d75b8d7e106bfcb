// Runs the programs of the guides in a folder of their own, in which they also write files. There
// is one test file per language, so that they run in parallel.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { guides } from "./guides.js";
import { resources } from "./process.js";
import { onEachDatabase } from "./server.js";

const TIMEOUT_MS = 120_000;
export const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

// The ending of a program's file, and the command that runs the file.
export const LANGUAGES = {
  bash: { ending: "sh", command: ["bash"] },
  python: { ending: "py", command: [process.env.MATCHCAST_PYTHON] },
  typescript: { ending: "mts", command: [process.execPath, "--import", "tsx"] },
};
if (!process.env.MATCHCAST_PYTHON) {
  throw new Error("MATCHCAST_PYTHON must name a Python with the packages of requirements.txt");
}

// An interrupted run leaves no programs behind.
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

class Folder {
  async create() {
    this.path = await mkdtemp(join(tmpdir(), "matchcast-guides-"));
    resources.add(this);
    // TypeScript programs import packages.
    await symlink(modules, join(this.path, "node_modules"));
  }

  async write(guide, language) {
    const file = join(this.path, guide.name.replace(/md$/, LANGUAGES[language].ending));
    await writeFile(file, guide.program(language));
    return file;
  }

  // Returns { code, stdout, stderr }; `code` is the name of a signal if one has ended the program.
  run([program, ...parameters], variables = {}) {
    const child = spawn(program, parameters, {
      cwd: this.path,
      // tsx caches what it compiles in the folder for temporary files.
      env: { PATH: process.env.PATH, TMPDIR: this.path, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    running.add(child);
    child.once("close", () => running.delete(child));
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => (output[name] += text));
    }
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code: code ?? signal, ...output }));
    });
  }

  // Runs the program of a guide with the API at this address, and checks its output.
  async check(guide, language, api) {
    const file = await this.write(guide, language);
    const command = [...LANGUAGES[language].command, file];
    const { code, stdout, stderr } = await this.run(command, { MATCHCAST_API: api });
    const difference = guide.firstDifference(stdout);
    if (difference) {
      const { title, expected, printed } = difference;
      assert.equal(printed, expected, `${title}: exit code ${code}\n${stderr}`);
    }
    assert.equal(code, 0, stderr);
  }

  async drop() {
    await rm(this.path, { recursive: true, force: true });
    resources.delete(this);
  }
}

// A folder for the tests of a file.
export function useFolder() {
  const folder = new Folder();
  before(() => folder.create());
  after(() => folder.drop());
  return folder;
}

// Defines a test per guide, each with a new server and database.
export function testGuides(language) {
  const folder = useFolder();
  for (const guide of guides) {
    onEachDatabase(`docs/guides/${guide.name} in ${language}`, (server) => {
      test("each block prints what the guide says", () =>
        folder.check(guide, language, `${server().url}/api`));
    });
  }
}
