// How the embedded provider ends connections, where Sockudo 5.2.0 does not keep to the protocol.
// scripts/clients.sh leaves these out of a run with an external provider.
import { test } from "node:test";
import { Page } from "../support/pages.js";
import { onEachDatabase } from "../support/server.js";
import { until } from "../support/waitUntil.js";

onEachDatabase("the embedded provider", (server) => {
  // Sockudo cuts the connection without a closing code, and the page tries again for ever.
  test("a page with another key is told not to come back", async (t) => {
    const { host, port, app } = server().provider;
    const page = new Page(t, { provider: { host, port, app: { ...app, key: "another-key" } } });
    await until("the page has given up", () => page.state === "disconnected");
  });
});
