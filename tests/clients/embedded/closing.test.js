// How the embedded provider closes connections. Sockudo 5.2.0 deviates from the protocol here, so
// scripts/clients.sh skips these tests with an external provider.
import { test } from "node:test";
import { Page } from "../support/pages.js";
import { onEachDatabase } from "../support/server.js";
import { waitUntil } from "../support/waitUntil.js";

onEachDatabase("the embedded provider", (server) => {
  // Sockudo closes the connection without a code, so that the page reconnects forever.
  test("a page with a wrong key is disconnected permanently", async (t) => {
    const { host, port, app } = server().provider;
    const page = new Page(t, { provider: { host, port, app: { ...app, key: "another-key" } } });
    await waitUntil("the page has stopped reconnecting", () => page.state === "disconnected");
  });
});
