// Schemathesis tests the running server by its OpenAPI document: examples, limits of each value,
// random values, and sequences of calls that follow the document's links. See openapi/hooks.py for
// what it is told besides the document.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { onEachDatabase } from "./support/server.js";

const SETTINGS = {
  // Every case of `POST /api/login` is a failed attempt, and every token that was revoked is
  // followed by a log-in.
  MATCHCAST__LIMITS__LOG_INS_PER_MINUTE: "0",
  MATCHCAST__LIMITS__LOG_INS_PER_MINUTE_PER_ADDRESS: "0",
  MATCHCAST__DEMO__FAUCET_CALLS_PER_DAY: "1000000",
  MATCHCAST__HTTP__METRICS: "true",
};
// Few and always the same ones, unless `scripts/clients.sh openapi` sets these variables.
const EXAMPLES = process.env.OPENAPI_EXAMPLES ?? "15";
const SEED = process.env.OPENAPI_SEED ?? "1";
const TIMEOUT_MS = 40_000 * Number(EXAMPLES);
const folder = new URL("openapi/", import.meta.url).pathname;

// Users by whom requests are sent, in the format of Web Fuzzing Commons. Two of them, so that one
// asks for what the other has created.
function users() {
  const logIn = (name) => ({
    endpoint: "/api/login",
    verb: "POST",
    contentType: "application/json",
    payloadRaw: JSON.stringify({ email: `${name}@example.com`, password: "password" }),
    token: {
      extractFrom: "body",
      extractSelector: "/token",
      sendIn: "header",
      sendName: "Authorization",
      sendTemplate: "Bearer {token}",
    },
  });
  return { auth: ["alice", "bob"].map((name) => ({ name, loginEndpointAuth: logIn(name) })) };
}

function schemathesis(parameters, directory) {
  const python = process.env.MATCHCAST_OPENAPI_PYTHON;
  if (!python) throw new Error("MATCHCAST_OPENAPI_PYTHON must name a Python that has Schemathesis");
  const options = {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: directory, PYTHONDONTWRITEBYTECODE: "1" },
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve, reject) => {
    const all = ["-m", "schemathesis.cli", ...parameters];
    execFile(python, all, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

onEachDatabase(
  "the OpenAPI document",
  (server) => {
    test("describes the server, by all checks of Schemathesis", async (t) => {
      const directory = await mkdtemp(join(tmpdir(), "matchcast-openapi-"));
      t.after(() => rm(directory, { recursive: true, force: true }));
      const file = join(directory, "users.json");
      await writeFile(file, JSON.stringify(users()));
      const { host, port } = server();
      const parameters = [
        ...["--config-file", "schemathesis.toml", "run"],
        `http://${host}:${port}/api/openapi.json`,
        ...["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"],
        ...["--max-examples", EXAMPLES, "--auth-wfc", file, "--no-color"],
        ...(SEED === "random" ? [] : ["--seed", SEED]),
      ];
      const output = await schemathesis(parameters, directory);
      const summary = output.slice(output.indexOf("= SUMMARY ="));
      if (!/Selected: (\d+)\/\1\n\s+Tested: \1\n/.test(summary)) throw new Error(output);
      t.diagnostic(summary.match(/^\s*\d+ generated.*$/m)?.[0].trim() ?? "");
    });
  },
  SETTINGS,
);
