// The grid bot of clients/ccxt/examples in Python: its books are the server's to the last unit.
// `scripts/clients.sh grid` sets GRID_STEPS for a long run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runPython } from "./support/ccxt.js";
import { onEachDatabase } from "./support/server.js";

const steps = Number(process.env.GRID_STEPS ?? 300);
const timeout = 150_000 + steps * 300;

onEachDatabase("a grid bot", (server) => {
  test(`keeps exact books over ${steps} steps in Python`, async (t) => {
    const hostname = `${server().host}:${server().port}`;
    const output = await runPython("ccxt_grid.py", [hostname, String(steps)], timeout);
    t.diagnostic(output.trim());
    const result = JSON.parse(output);
    assert.ok(result.trades >= steps / 2);
    assert.deepEqual(result.books, result.balances);
  });
});
