// The async exchange class of clients/ccxt in Python, with the real ccxt, and its live updates.
import { test } from "node:test";
import { runPython } from "./support/ccxt.js";
import { definePythonScenarios } from "./support/pythonScenarios.js";
import { onEachDatabase } from "./support/server.js";
import { LARAVEL } from "./support/shapes.js";

onEachDatabase("ccxt in async Python", (server) => {
  definePythonScenarios("async", server);

  test("live updates are complete, also after an interruption", async () => {
    await runPython("ccxt_live.py", [`${server().host}:${server().port}`]);
  });
});

onEachDatabase(
  "ccxt in async Python, with other names of channel and event",
  (server) => {
    test("live updates are complete, also after an interruption", async () => {
      await runPython("ccxt_live.py", [`${server().host}:${server().port}`]);
    });
  },
  LARAVEL,
);
