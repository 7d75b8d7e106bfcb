"""Live updates of clients/ccxt in Python. The parameter is the host name of the server."""

import asyncio
import sys

import ccxt
from matchcast_ccxt.pro import matchcast

SYMBOL = 'ETH/USD'
TIMEOUT_S = 60


async def collect(watch, is_last):
    """Calls watch() until `is_last` is true for all that it returned."""
    rows = []
    while not rows or not is_last(rows):
        rows.extend(await watch())
    return rows


async def begun(exchange, count):
    """Waits until this many lists are followed: what happens before is not reported."""
    while sum(known.has_begun for known in exchange.known.values()) < count:
        await asyncio.sleep(0.01)


async def everything_is_followed(alice, bob):
    watched = [
        collect(lambda: alice.watch_orders(SYMBOL), lambda rows: rows[-1]['status'] == 'canceled'),
        collect(alice.watch_my_trades, lambda rows: len(rows) == 2),
        collect(lambda: alice.watch_trades(SYMBOL), lambda rows: len(rows) == 2),
    ]
    watched = [asyncio.ensure_future(each) for each in watched]
    await begun(alice, 3)
    order = await alice.create_order(SYMBOL, 'limit', 'buy', '0.01', '2000')
    for amount in ('0.001', '0.002'):
        await bob.create_order(SYMBOL, 'limit', 'sell', amount, '2000')
    while (await bob.watch_order_book(SYMBOL))['bids'] != [[2000, 0.007]]:
        pass
    await alice.cancel_order(order['id'])
    while (await bob.watch_order_book(SYMBOL))['bids']:
        pass
    orders, mine, trades = await asyncio.gather(*watched)
    last = orders[-1]
    assert (last['id'], last['filled'], last['remaining']) == (order['id'], 0.003, 0.007)
    assert last['fee']['cost'] == 0.09, last['fee']
    assert [(trade['order'], trade['amount']) for trade in mine] == [
        (order['id'], 0.001), (order['id'], 0.002)]
    assert [trade['id'] for trade in trades] == [trade['id'] for trade in mine]


async def nothing_is_missing_after_an_interruption(alice, bob):
    order = await alice.create_order(SYMBOL, 'limit', 'buy', '0.01', '2100')

    def watch():
        calls = (alice.watch_trades(SYMBOL), alice.watch_my_trades(SYMBOL), alice.watch_orders())
        return [asyncio.ensure_future(each) for each in calls]

    waiting = watch()
    await begun(alice, 5)
    await bob.create_order(SYMBOL, 'limit', 'sell', '0.001', '2100')
    first = await asyncio.gather(*waiting)
    interrupted = watch()
    await asyncio.sleep(0)
    for client in list(alice.clients.values()):
        await client.connection.close()
    # The last one may have returned an update of the order before.
    for each in interrupted[:2]:
        try:
            await each
            raise AssertionError('the call did not fail')
        except ccxt.NetworkError:
            pass
    await asyncio.gather(*interrupted, return_exceptions=True)
    for _ in range(2):
        await bob.create_order(SYMBOL, 'limit', 'sell', '0.001', '2100')
    trades, mine, orders = await asyncio.gather(
        collect(lambda: alice.watch_trades(SYMBOL), lambda rows: len(rows) >= 2),
        collect(lambda: alice.watch_my_trades(SYMBOL), lambda rows: len(rows) >= 2),
        collect(alice.watch_orders, lambda rows: rows[-1]['filled'] >= 0.003),
    )
    start = int(first[0][-1]['info']['sequence'])
    for rows in (trades, mine):
        assert [int(row['info']['sequence']) - start for row in rows] == [1, 2], rows
    assert (orders[-1]['id'], orders[-1]['filled']) == (order['id'], 0.003), orders
    await alice.cancel_all_orders()


async def main(hostname):
    alice, bob = (
        matchcast({
            'hostname': hostname,
            'login': f'{name}@example.com',
            'password': 'password',
            'enableRateLimit': False,
        })
        for name in ('alice', 'bob')
    )
    try:
        for scenario in (everything_is_followed, nothing_is_missing_after_an_interruption):
            await asyncio.wait_for(scenario(alice, bob), TIMEOUT_S)
    finally:
        await alice.close()
        await bob.close()


asyncio.run(main(*sys.argv[1:]))
