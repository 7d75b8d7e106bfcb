// The grid bot of clients/ccxt/examples in JavaScript: its books are the server's to the last unit.
// `scripts/clients.sh grid` sets GRID_STEPS for a long run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runGrid } from "../../clients/ccxt/examples/grid-bot.js";
import { open } from "./support/ccxt.js";
import { onEachDatabase } from "./support/server.js";

const steps = Number(process.env.GRID_STEPS ?? 300);

onEachDatabase("a grid bot", (server) => {
  test(`keeps exact books over ${steps} steps in JavaScript`, async (t) => {
    const [exchange, trader] = ["alice", "bob"].map((name) => {
      return open(t, server(), name, { number: String });
    });
    const result = await runGrid({ exchange, trader, steps });
    t.diagnostic(JSON.stringify(result));
    assert.ok(result.trades >= steps / 2);
    assert.deepEqual(result.books, result.balances);
  });
});
