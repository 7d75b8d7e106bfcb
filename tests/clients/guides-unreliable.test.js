// The guide about safe retries over a connection that fails: nothing is executed twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { guides } from "./support/guides.js";
import { LANGUAGES, useFolder } from "./support/programs.js";
import { onEachDatabase } from "./support/server.js";
import { UnreliableProxy } from "./support/unreliable.js";

const folder = useFolder();
const guide = guides.find(({ name }) => name === "retries.md");

for (const language of Object.keys(LANGUAGES)) {
  onEachDatabase(`docs/guides/${guide.name} in ${language}`, (server) => {
    test("lost responses and refusals do not change the output", async () => {
      const proxy = new UnreliableProxy(server().url);
      await proxy.start();
      try {
        await folder.check(guide, language, `${proxy.url}/api`);
      } finally {
        await proxy.drop();
      }
      // One key for the example, and one for each of the three orders of the recovery.
      assert.equal(proxy.attempts.length, 4);
      assert.ok(
        proxy.attempts.every((count) => count >= 3),
        proxy.attempts.join(),
      );
    });
  });
}
