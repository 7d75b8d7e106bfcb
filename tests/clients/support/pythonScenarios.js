// The scenarios of python/ccxt_orders.py as tests, for the sync and for the async class.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runPython } from "./ccxt.js";
import { LossyProxy } from "./lossyProxy.js";

const SCENARIOS = {
  open_orders: "every type of order that stays open is placed, found and cancelled",
  ending_orders: "every type of order that ends at once reports what it has filled",
  market_data: "market data has the trades and the book",
  exact_values: "no digit is lost",
  pages: "lists are read to their end, over all pages",
  errors: "errors are those of ccxt",
};

const hostname = ({ host, port }) => `${host}:${port}`;

export function definePythonScenarios(kind, server) {
  for (const [scenario, title] of Object.entries(SCENARIOS)) {
    test(title, async () => {
      await runPython("ccxt_orders.py", [kind, scenario, hostname(server())]);
    });
  }

  test("an order whose response is lost is placed once", async (t) => {
    const proxy = new LossyProxy(server(), "POST", "/api/orders");
    await proxy.start();
    t.after(() => proxy.stop());
    proxy.lost = 2;
    await runPython("ccxt_orders.py", [kind, "lost_response", hostname(proxy)]);
    assert.equal(proxy.keys.length, 3);
    assert.equal(new Set(proxy.keys).size, 1);
  });
}
