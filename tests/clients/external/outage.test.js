// An outage of an external provider. scripts/clients.sh runs these tests only with an external one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User, makeTrade } from "../support/api.js";
import { Page, authorizations, authorizedBy, sdk } from "../support/pages.js";
import { onEachDatabase } from "../support/server.js";

onEachDatabase("an outage of the provider", (server) => {
  test("trading continues, and pages receive the trades after the outage", async (t) => {
    const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];
    await server().provider.kill();
    const during = await makeTrade(alice, bob);
    await server().provider.start();
    const options = authorizations.channelAuthorization(alice, "/api/broadcasting/auth");
    const page = new Page(t, server(), options);
    await page.subscribe(alice.channel);
    const after = await makeTrade(alice, bob);
    // Events are not stored for later subscribers, so the page may have missed the first trade.
    // Events of a channel are always in order.
    const [first] = await page.waitForEvents("order.matched");
    const expected = first.trade_id === during ? [during, after] : [after];
    const received = await page.waitForEvents("order.matched", expected.length);
    assert.deepEqual(
      received.map((data) => data.trade_id),
      expected,
    );
  });

  test("a trade during the outage is published after both processes restart", async (t) => {
    const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];
    await server().provider.kill();
    const during = await makeTrade(alice, bob);
    await server().kill();
    await server().provider.start();
    // matchcast is not running yet, so the library authorizes the page.
    const page = new Page(t, server(), authorizedBy(sdk(server())));
    await page.subscribe(alice.channel);
    await server().start();
    const [data] = await page.waitForEvents("order.matched");
    assert.equal(data.trade_id, during);
  });
});
