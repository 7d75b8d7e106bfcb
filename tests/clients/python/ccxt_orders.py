"""The exchange class of clients/ccxt in Python, with the real ccxt.

The parameters are the class (sync or async), the name of a scenario and the host name of the
server. A scenario is written once: `done` awaits what the async class returns.
"""

import asyncio
import inspect
import sys

import ccxt
import matchcast_ccxt
import matchcast_ccxt.pro

CLASSES = {'sync': matchcast_ccxt.matchcast, 'async': matchcast_ccxt.pro.matchcast}
SYMBOL = 'BTC/USD'
DATE = 2051222400000

# Orders that stay open: type, side, price, parameters, and what ccxt shows of them.
OPEN_ORDERS = [
    ('limit', 'buy', '100', {}, {'price': '100', 'timeInForce': 'GTC'}),
    ('limit', 'buy', '100', {'postOnly': True}, {'postOnly': True}),
    ('limit', 'buy', '100', {'timeInForce': 'PO'}, {'postOnly': True}),
    ('limit', 'buy', '100', {'goodTillDate': DATE}, {'timeInForce': 'GTD'}),
    ('limit', 'sell', '90000', {}, {'side': 'sell'}),
    ('limit', 'buy', '70000', {'triggerPrice': '65000'}, {'triggerPrice': '65000'}),
    ('market', 'sell', None, {'triggerPrice': '30000'}, {'type': 'market', 'price': None}),
    ('market', 'sell', None, {'stopLossPrice': '30000'}, {'triggerPrice': '30000'}),
]

# Orders that end at once, against an order to sell and one to buy 0.01 BTC.
ENDING_ORDERS = [
    ('market', 'buy', '0.001', None, {}, {'status': 'closed', 'cost': '50'}),
    ('market', 'sell', '0.001', None, {}, {'status': 'closed', 'average': '49000'}),
    ('market', 'buy', None, None, {'cost': '50.75'}, {'status': 'closed', 'filled': '0.001'}),
    ('limit', 'buy', '0.02', '50000', {'timeInForce': 'IOC'}, {'status': 'canceled'}),
    ('limit', 'buy', '0.02', '50000', {'timeInForce': 'FOK'}, {'filled': '0'}),
    ('limit', 'buy', '0.01', '50000', {'timeInForce': 'FOK'}, {'status': 'closed'}),
]


async def done(result):
    return await result if inspect.isawaitable(result) else result


def assert_includes(actual, expected):
    for key, value in expected.items():
        assert actual[key] == value, f'{key}: {actual[key]!r}, not {value!r}'


def without_info(order):
    """Rows of lists have other fields than single orders."""
    return {**order, 'info': None}


async def open_orders(connect):
    alice = connect('alice', number=str)
    before = (await done(alice.fetch_balance()))['USD']
    for index, (type, side, price, params, expected) in enumerate(OPEN_ORDERS):
        name = {'clientOrderId': f'{alice.test_class}/{index}'}
        params = {**params, **name}
        order = await done(alice.create_order(SYMBOL, type, side, '0.01', price, params))
        common = {'status': 'open', 'amount': '0.01', 'filled': '0', 'remaining': '0.01'}
        assert_includes(order, {**common, **name, 'symbol': SYMBOL, **expected})
        assert await done(alice.fetch_order(order['id'], SYMBOL)) == order
        assert await done(alice.fetch_order(None, None, name)) == order
        listed = await done(alice.fetch_open_orders(SYMBOL))
        assert [without_info(row) for row in listed] == [without_info(order)]
        await done(alice.cancel_order(*((order['id'],) if index % 2 else (None, SYMBOL, name))))
        assert (await done(alice.fetch_order(order['id'])))['status'] == 'canceled'
    assert (await done(alice.fetch_balance()))['USD'] == before


async def ending_orders(connect):
    bob, charlie = connect('bob'), connect('charlie', number=str)
    for type, side, amount, price, params, expected in ENDING_ORDERS:
        await done(bob.create_order(SYMBOL, 'limit', 'sell', '0.01', '50000'))
        await done(bob.create_order(SYMBOL, 'limit', 'buy', '0.01', '49000'))
        order = await done(charlie.create_order(SYMBOL, type, side, amount, price, params))
        assert_includes(order, expected)
        assert await done(charlie.fetch_order(order['id'])) == order
        await done(bob.cancel_all_orders(SYMBOL))
    ask = await done(bob.create_order(SYMBOL, 'limit', 'sell', '0.01', '50000'))
    bought = await done(charlie.create_market_buy_order_with_cost(SYMBOL, '101.5'))
    assert_includes(bought, {'filled': '0.002', 'cost': '100', 'status': 'closed'})
    trade = (await done(charlie.fetch_my_trades(SYMBOL, None, 1)))[0]
    assert_includes(trade, {'order': bought['id'], 'takerOrMaker': 'taker', 'cost': '100'})
    assert_includes(trade['fee'], {'cost': '1.5', 'currency': 'USD'})
    closed = await done(charlie.fetch_closed_orders(SYMBOL))
    assert bought['id'] in [order['id'] for order in closed]
    edited = await done(bob.edit_order(ask['id'], SYMBOL, 'limit', 'sell', '0.02', '50001'))
    assert_includes(edited, {'id': ask['id'], 'price': 50001, 'amount': 0.02, 'filled': 0.002})
    assert [order['id'] for order in await done(bob.cancel_all_orders())] == [ask['id']]


async def market_data(connect):
    nobody, alice, bob = connect(None, number=str), connect('alice'), connect('bob')
    await done(alice.create_order('ETH/USD', 'limit', 'buy', '0.5', '2000'))
    await done(bob.create_order('ETH/USD', 'limit', 'sell', '0.2', '2000'))
    book = await done(nobody.fetch_order_book('ETH/USD', 5))
    assert (book['bids'], book['asks']) == ([['2000', '0.3']], [])
    trade = (await done(nobody.fetch_trades('ETH/USD')))[-1]
    assert_includes(trade, {'price': '2000', 'amount': '0.2', 'cost': '400', 'side': 'sell'})
    assert_includes(await done(nobody.fetch_ticker('ETH/USD')), {'last': '2000', 'bid': '2000'})
    assert sorted(await done(nobody.fetch_tickers())) == [SYMBOL, 'ETH/USD']
    candle = (await done(nobody.fetch_ohlcv('ETH/USD', '1h', trade['timestamp'] - 3_600_000)))[-1]
    assert candle[1:5] == ['2000'] * 4
    assert abs(await done(nobody.fetch_time()) - nobody.milliseconds()) < 60_000
    await done(alice.cancel_all_orders())


async def exact_values(connect):
    alice = connect('alice', number=str)
    price, amount = '12345678901.12345679', '0.00000001'
    order = await done(alice.create_order(SYMBOL, 'limit', 'buy', amount, price))
    assert_includes(order, {'price': price, 'amount': amount})
    assert (await done(alice.fetch_order_book(SYMBOL)))['bids'][0] == [price, amount]
    await done(alice.cancel_order(order['id']))
    assert alice.amount_to_precision(SYMBOL, 0.1 + 0.2) == '0.3'
    exact = '92233720368.54775807'
    assert alice.amount_to_precision(SYMBOL, exact + '9') == exact
    assert alice.price_to_precision(SYMBOL, '92233720368.547758065') == exact


async def pages(connect):
    bob = connect('bob', options={'pageLimit': 2})
    since = await done(bob.fetch_time()) - 1000
    ids = []
    for count in range(5):
        order = await done(bob.create_order('ETH/USD', 'limit', 'sell', '0.1', 9000 + count))
        ids.append(order['id'])
    listed = await done(bob.fetch_open_orders('ETH/USD', since))
    assert [order['id'] for order in listed] == ids
    newest = await done(bob.fetch_orders('ETH/USD', None, 3))
    assert [order['id'] for order in newest] == ids[-3:]
    await done(bob.cancel_all_orders('ETH/USD'))


async def lost_response(connect):
    alice = connect('alice', options={'maxRetriesOnFailureDelay': 10})
    order = await done(alice.create_order('ETH/USD', 'limit', 'buy', '0.1', '100'))
    assert [row['id'] for row in await done(alice.fetch_open_orders())] == [order['id']]
    await done(alice.cancel_order(order['id']))


async def errors(connect):
    alice, bob = connect('alice'), connect('bob')
    await done(alice.load_markets())
    ask = await done(bob.create_order(SYMBOL, 'limit', 'sell', '0.01', '60000'))
    name = {'clientOrderId': alice.test_class + '/errors'}
    down = {'triggerPrice': '2', 'triggerDirection': 'descending'}

    def order(*parameters):
        return alice.create_order(SYMBOL, 'limit', 'buy', *parameters)

    named = await done(order('0.01', '100', name))
    cases = [
        (ccxt.InsufficientFunds, lambda: order(10, 50_000)),
        (ccxt.OrderImmediatelyFillable, lambda: order(0.01, 60_000, {'postOnly': True})),
        (ccxt.OrderNotFillable, lambda: bob.create_order('ETH/USD', 'market', 'buy', 0.01)),
        (ccxt.DuplicateOrderId, lambda: order(0.01, 100, name)),
        (ccxt.InvalidOrder, lambda: order('0.000000001', '100')),
        (ccxt.ArgumentsRequired, lambda: order('0.01')),
        (ccxt.NotSupported, lambda: order('0.01', '1', down)),
        (ccxt.OrderNotFound, lambda: alice.cancel_order(ask['id'])),
        (ccxt.BadSymbol, lambda: alice.public_get_trades({'symbol': 'NONE'})),
        (ccxt.BadRequest, lambda: alice.fetch_trades(SYMBOL, None, None, {'side': 'none'})),
        (ccxt.AuthenticationError, connect('alice', password='wrong').fetch_balance),
        (ccxt.AuthenticationError, connect(None, apiKey='1|expired').fetch_balance),
        (ccxt.AuthenticationError, connect(None).fetch_balance),
    ]
    for expected, action in cases:
        try:
            await done(action())
        except ccxt.BaseError as error:
            assert type(error) is expected, f'{error!r}, not {expected}'
        else:
            raise AssertionError(f'no {expected}')
    await done(alice.cancel_order(named['id']))
    await done(bob.cancel_all_orders())


SCENARIOS = {
    function.__name__: function
    for function in (
        open_orders, ending_orders, market_data, exact_values, pages, lost_response, errors)
}


async def main(name_of_class, scenario, hostname):
    opened = []

    def connect(name, **options):
        login = {'login': f'{name}@example.com', 'password': 'password'} if name else {}
        config = {'hostname': hostname, 'enableRateLimit': False, **login, **options}
        exchange = CLASSES[name_of_class](config)
        exchange.test_class = name_of_class
        opened.append(exchange)
        return exchange

    try:
        await SCENARIOS[scenario](connect)
    finally:
        for exchange in opened:
            await done(exchange.close())


asyncio.run(main(*sys.argv[1:]))
