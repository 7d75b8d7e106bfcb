// What is only possible when the provider is another process: it is away while matchcast is not.
// The embedded provider never runs these; scripts/clients.sh adds them to a run with an external
// one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { User } from "../support/api.js";
import { Page, authorizations, sdk, signedBy } from "../support/pages.js";
import { onEachDatabase } from "../support/server.js";

async function trade(buyer, seller) {
  await buyer.placeOrder("buy", 0.001, 30000);
  const { trade: matched } = await seller.placeOrder("sell", 0.001, 30000);
  return matched.id;
}

onEachDatabase("an outage of the provider", (server) => {
  test("trades go on while it lasts, and pages hear of those after it", async (t) => {
    const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];
    await server().provider.kill();
    const during = await trade(alice, bob);
    await server().provider.start();
    const way = authorizations.channelAuthorization(alice, "/api/broadcasting/auth");
    const page = new Page(t, server(), way);
    await page.subscribe(alice.channel);
    const after = await trade(alice, bob);
    // Pusher keeps nothing for pages that come later, so the first may have been told to nobody.
    // Order within a channel holds in any case.
    const [first] = await page.hears("order.matched");
    const expected = first.trade_id === during ? [during, after] : [after];
    const told = await page.hears("order.matched", expected.length);
    assert.deepEqual(
      told.map((data) => data.trade_id),
      expected,
    );
  });

  test("a trade during it is told once both are back, though matchcast died", async (t) => {
    const [alice, bob] = [await User.logIn(server(), "alice"), await User.logIn(server(), "bob")];
    await server().provider.kill();
    const during = await trade(alice, bob);
    await server().kill();
    await server().provider.start();
    // Nothing of matchcast is there yet: the page is let in by the library.
    const page = new Page(t, server(), signedBy(sdk(server())));
    await page.subscribe(alice.channel);
    await server().start();
    const [data] = await page.hears("order.matched");
    assert.equal(data.trade_id, during);
  });
});
