// `matchcast check`, which an operator runs when no event arrives, against a provider that answers
// for real: it blames the variable that is wrong, and no other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachDatabase } from "./support/server.js";

// What the variable is changed to, what the advice names, and what it must not blame.
const MISTAKES = [
  {
    changes: { PUSHER_APP_KEY: "another-key" },
    named: ["PUSHER_APP_KEY", "another-key"],
    notBlamed: ["PUSHER_APP_ID", "PUSHER_APP_SECRET", "clock"],
  },
  {
    changes: { PUSHER_APP_SECRET: "another-secret" },
    named: ["PUSHER_APP_SECRET"],
    notBlamed: ["PUSHER_APP_ID", "clock"],
  },
  {
    changes: { PUSHER_APP_ID: "another-app" },
    named: ["PUSHER_APP_ID", "another-app"],
    notBlamed: ["PUSHER_APP_KEY", "PUSHER_APP_SECRET", "clock"],
  },
];

onEachDatabase("matchcast check", (server) => {
  test("what is set up rightly is accepted", async () => {
    const { code, said } = await server().check();
    assert.equal(code, 0, said);
    assert.match(said, /accepts/);
  });

  for (const { changes, named, notBlamed } of MISTAKES) {
    const [variable] = Object.keys(changes);
    test(`a wrong ${variable} is named`, async () => {
      const { code, said } = await server().check(changes);
      assert.equal(code, 1, said);
      assert.doesNotMatch(said, /auth_signature/);
      for (const secret of [server().app.secret, "another-secret"]) {
        assert.ok(!said.includes(secret), said);
      }
      // The advice stands before what the provider said.
      const [advice] = said.split("The provider said");
      for (const name of named) assert.ok(advice.includes(name), said);
      for (const name of notBlamed) assert.ok(!advice.includes(name), said);
    });
  }
});
