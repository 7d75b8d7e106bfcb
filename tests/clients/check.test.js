// `matchcast check` with a real provider: it names the wrong variable and no other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachDatabase } from "./support/server.js";

// The changed variable, the names that the advice must contain, and those it must not.
const MISTAKES = [
  {
    changes: { PUSHER_APP_KEY: "another-key" },
    expected: ["PUSHER_APP_KEY", "another-key"],
    absent: ["PUSHER_APP_ID", "PUSHER_APP_SECRET", "clock"],
  },
  {
    changes: { PUSHER_APP_SECRET: "another-secret" },
    expected: ["PUSHER_APP_SECRET"],
    absent: ["PUSHER_APP_ID", "clock"],
  },
  {
    changes: { PUSHER_APP_ID: "another-app" },
    expected: ["PUSHER_APP_ID", "another-app"],
    absent: ["PUSHER_APP_KEY", "PUSHER_APP_SECRET", "clock"],
  },
];

onEachDatabase("matchcast check", (server) => {
  test("a correct configuration is accepted", async () => {
    const { code, output } = await server().check();
    assert.equal(code, 0, output);
    assert.match(output, /accepts/);
  });

  for (const { changes, expected, absent } of MISTAKES) {
    const [variable] = Object.keys(changes);
    test(`a wrong ${variable} is named`, async () => {
      const { code, output } = await server().check(changes);
      assert.equal(code, 1, output);
      assert.doesNotMatch(output, /auth_signature/);
      for (const secret of [server().app.secret, "another-secret"]) {
        assert.ok(!output.includes(secret), output);
      }
      // The advice precedes the message of the provider.
      const [advice] = output.split("The provider said");
      for (const name of expected) assert.ok(advice.includes(name), output);
      for (const name of absent) assert.ok(!advice.includes(name), output);
    });
  }
});
