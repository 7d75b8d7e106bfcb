"""A grid bot, and a simulated trader who makes its orders fill.

The grid has one price level more than orders. An order to buy that is filled is replaced by one to
sell a level above it, and the reverse, so that a price that moves back and forth earns the distance
of two levels. The bot learns of its fills from watch_my_trades() and keeps books of its own, from
prices and amounts only. At the end they must be the server's to the last unit.
"""

import asyncio
import random
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

LEVELS = 21
MIDDLE = (LEVELS - 1) // 2
CENTER = 50_000
DISTANCE = 100
AMOUNT = '0.0003'
MAX_TAKEN_UNITS = 60_000
UNIT = Decimal('0.00000001')
REPLACE_EVERY = 25


class GridBot:

    def __init__(self, exchange, symbol):
        self.exchange = exchange
        self.symbol = symbol
        self.market = exchange.market(symbol)
        self.orders = {}
        self.values = {}
        self.traded = Decimal(0)
        self.trade_count = 0

    async def start(self):
        total = (await self.exchange.fetch_balance())['total']
        currencies = (self.market['base'], self.market['quote'])
        self.totals = {currency: Decimal(total[currency]) for currency in currencies}
        self.watch()
        for level in range(LEVELS):
            if level != MIDDLE:
                await self.place('buy' if level < MIDDLE else 'sell', level)

    def watch(self):
        """The first call subscribes, so it comes before the first order."""
        self.next_trades = asyncio.ensure_future(self.exchange.watch_my_trades(self.symbol))

    async def place(self, side, level):
        price = str(CENTER + (level - MIDDLE) * DISTANCE)
        order = await self.exchange.create_order(
            self.symbol, 'limit', side, AMOUNT, price, {'postOnly': True})
        self.orders[order['id']] = {'side': side, 'level': level, 'rest': Decimal(AMOUNT)}

    async def settle(self, amount):
        """Reads trades until `amount` more has been traded, and replaces filled orders."""
        target = self.traded + Decimal(amount)
        while self.traded < target:
            trades = await self.next_trades
            self.watch()
            for trade in trades:
                await self.book(trade)

    async def book(self, trade):
        is_buy = trade['side'] == 'buy'
        amount = Decimal(trade['amount'])
        value = (Decimal(trade['price']) * amount).quantize(UNIT, ROUND_FLOOR)
        # The commission of an order is that of the value of all its fills, rounded up.
        before = self.values.get(trade['order'], Decimal(0))
        self.values[trade['order']] = before + value
        rate = Decimal(self.market['info']['buyer_commission' if is_buy else 'seller_commission'])
        charged = ((before + value) * rate).quantize(UNIT, ROUND_CEILING)
        commission = charged - (before * rate).quantize(UNIT, ROUND_CEILING)
        sign = 1 if is_buy else -1
        self.totals[self.market['base']] += sign * amount
        self.totals[self.market['quote']] -= sign * value + commission
        self.traded += amount
        self.trade_count += 1
        order = self.orders[trade['order']]
        order['rest'] -= amount
        if order['rest'] == 0:
            del self.orders[trade['order']]
            await self.place('sell' if is_buy else 'buy', order['level'] + sign)

    async def replace(self):
        """Cancels the oldest order without a fill and places it again."""
        for id, order in self.orders.items():
            if order['rest'] == Decimal(AMOUNT):
                await self.exchange.cancel_order(id, self.symbol)
                del self.orders[id]
                return await self.place(order['side'], order['level'])

    async def finish(self):
        """Cancels all orders and compares the books. Returns both."""
        self.next_trades.cancel()
        await self.exchange.cancel_all_orders(self.symbol)
        balance = await self.exchange.fetch_balance()
        for currency, own in self.totals.items():
            there = {key: Decimal(value) for key, value in balance[currency].items()}
            if there != {'free': own, 'used': 0, 'total': own}:
                raise ValueError(f'{currency}: {own} in the books, {there} there')
        return {
            'books': {currency: f'{own:f}' for currency, own in self.totals.items()},
            'balances': {currency: balance[currency]['total'] for currency in self.totals},
        }


async def take_once(trader, symbol, numbers):
    """Places an order of random type, side and amount that ends at once. Returns what it filled."""
    book = await trader.fetch_order_book(symbol, 3)
    amount = f'{numbers.randint(1, MAX_TAKEN_UNITS) * UNIT:f}'
    # The side with more levels left becomes more likely, so that the price returns to the center.
    lowest = CENTER - MIDDLE * DISTANCE
    first = (book['bids'] or book['asks'])[0][0]
    position = (float(first) - lowest) / (LEVELS * DISTANCE)
    side = 'sell' if numbers.random() < position else 'buy'
    prices = book['asks' if side == 'buy' else 'bids']
    if not prices:
        return '0'
    if numbers.random() < 0.5:
        order = await trader.create_order(symbol, 'market', side, amount)
    else:
        params = {'timeInForce': 'IOC'}
        order = await trader.create_order(symbol, 'limit', side, amount, prices[-1][0], params)
    return order['filled']


async def run_grid(exchange, trader, steps, symbol='BTC/USD', seed=1):
    """Both exchanges must have `number: str`, so that every value is exact."""
    await exchange.load_markets()
    await trader.load_markets()
    numbers = random.Random(seed)
    bot = GridBot(exchange, symbol)
    await bot.start()
    for step in range(1, steps + 1):
        await bot.settle(await take_once(trader, symbol, numbers))
        if step % REPLACE_EVERY == 0:
            await bot.replace()
    return {'steps': steps, 'trades': bot.trade_count, **await bot.finish()}
