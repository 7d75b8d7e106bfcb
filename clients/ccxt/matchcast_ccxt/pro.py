"""The async exchange class matchcast, with the calls of ccxt.async_support and of ccxt.pro.

Events arrive at least once, and not while the connection is interrupted. Therefore each list is
compared with the server's after every subscription, and rows are recognized: nothing is reported
twice, and nothing that happened in between is missing.
"""

import asyncio

import ccxt
import ccxt.async_support

from .calls import Calls
from .channels import Channels
from .known_rows import KnownRows
from .mapping import Mapping
from .request import finish

ENCRYPTED = 'private-encrypted-'


class matchcast(Channels, Calls, Mapping, ccxt.async_support.Exchange):

    def __init__(self, config={}):
        # Updates that no watch_…() has returned yet, and what was reported already, by hash.
        self.pending = {}
        self.known = {}
        self.returned_versions = {}
        self.user_id = None
        # The name of order.matched, for which the operator may have chosen another one.
        self.matched = None
        self.signing_in = None
        super().__init__(config)

    async def run(self, steps):
        """Runs a call of `Calls`: each step is awaited."""
        result = None
        try:
            step = next(steps)
            while True:
                try:
                    result = await step
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            return end.value

    async def request(self, path, api='public', method='GET', params={}, headers=None, body=None,
                      config={}):
        if api == 'private':
            if not self.token and not self.apiKey:
                await self.sign_in_once()
            headers = finish(method, headers)
        return await super().request(path, api, method, params, headers, body, config)

    async def sign_in_once(self):
        """Concurrent calls share one log-in."""
        if self.signing_in is None:
            self.signing_in = asyncio.ensure_future(self.sign_in())
        try:
            await self.signing_in
        finally:
            self.signing_in = None

    async def watch_order_book(self, symbol, limit=None, params={}):
        channel = await self.market_channel(symbol)

        async def load(client):
            request = params if limit is None else {'depth': limit, **params}
            self.update_book(client, channel, await self.fetch_order_book(symbol, None, request))

        # A book that arrived since the last call is returned at once.
        book = self.orderbooks.get(symbol)
        returned = self.returned_versions.get(symbol)
        if book is None or returned is None or book['nonce'] <= returned:
            book = await self.watch_channel(channel, channel + ':book', nothing, load)
        self.returned_versions[symbol] = book['nonce']
        return {**book, 'bids': book['bids'][:limit], 'asks': book['asks'][:limit]}

    def update_book(self, client, channel, book):
        """Every event and every response is a complete book. Its version tells which is newer."""
        known = self.orderbooks.get(book['symbol'])
        if known is None or book['nonce'] > known['nonce']:
            self.orderbooks[book['symbol']] = book
        client.resolve(self.orderbooks[book['symbol']], channel + ':book')

    async def watch_trades(self, symbol, since=None, limit=None, params={}):
        channel = await self.market_channel(symbol)
        request = {'symbol': self.market_id(symbol), **params}
        rows = await self.watch_rows(channel, channel + ':trades', 'trades', 'public', request)
        return self.parse_trades(rows, self.market(symbol), since, limit)

    async def watch_orders(self, symbol=None, since=None, limit=None, params={}):
        rows = await self.watch_user('orders', 'my-orders', symbol, params, 'updated_at')
        return self.parse_orders(rows, None, since, limit)

    async def watch_my_trades(self, symbol=None, since=None, limit=None, params={}):
        rows = await self.watch_user('myTrades', 'my-trades', symbol, params)
        return self.parse_trades(rows, None, since, limit)

    async def market_channel(self, symbol):
        await self.load_markets()
        return 'market.' + self.market_id(symbol).replace('/', '-')

    async def watch_user(self, name, path, symbol, params, version=None):
        await self.load_markets()
        config = await self.configuration()
        patterns = [name for name in config['user_channels'] if not name.startswith(ENCRYPTED)]
        if not patterns:
            raise ccxt.NotSupported(self.id + " publishes the user's events encrypted only")
        if self.user_id is None:
            self.user_id = self.safe_string((await self.private_get_user())['data'], 'id')
        self.matched = config.get('event_names', {}).get('order.matched', 'order.matched')
        channel = patterns[0].replace('{id}', self.user_id)
        hash = f'{channel}:{name}'
        request = dict(params)
        if symbol is not None:
            request['symbol'] = self.market_id(symbol)
            hash += ':' + request['symbol']
        return await self.watch_rows(channel, hash, path, 'private', request, version)

    async def watch_rows(self, channel, hash, path, api, request, version=None):
        if self.pending.get(hash):
            return self.pending.pop(hash)
        if hash not in self.known:
            self.known[hash] = KnownRows(self, path, api, request, version)
        known = self.known[hash]

        async def after(client):
            self.report(client, hash, await known.fetch_new())

        return await self.watch_channel(channel, hash, known.begin, after)

    def report(self, client, hash, rows):
        limit = self.safe_integer(self.options, 'updatesLimit', 1000)
        self.pending[hash] = (self.pending.get(hash, []) + rows)[-limit:]
        # The connection may have been replaced since the rows were requested.
        client = self.clients.get(client.url)
        if self.pending[hash] and client and hash in client.futures:
            client.resolve(self.pending.pop(hash), hash)

    def handle_event(self, client, channel, event, data):
        if event == 'book.updated' and channel + ':book' in client.subscriptions:
            symbol = self.safe_symbol(self.safe_string(data, 'symbol'))
            self.update_book(client, channel, self.parse_book(data, symbol))
        elif event == 'trade.executed':
            self.handle_row(client, channel + ':trades', data)
        elif event in ('order.updated', self.matched):
            # These say that something has changed. The API has all of it: times, averages,
            # commissions.
            name = 'orders' if event == 'order.updated' else 'myTrades'
            for hash in (f'{channel}:{name}', f'{channel}:{name}:{data["symbol"]}'):
                if hash in client.subscriptions:
                    if 'order_id' in data:
                        self.spawn(self.fetch_order_of, client, hash, data['order_id'])
                    else:
                        self.spawn(self.fetch_rows_of, client, hash)

    def handle_row(self, client, hash, row):
        if hash not in client.subscriptions:
            return
        distance = self.known[hash].distance(row)
        if distance == 1:
            self.report(client, hash, self.known[hash].add([row]))
        elif distance > 1:
            self.spawn(self.fetch_rows_of, client, hash)

    async def fetch_order_of(self, client, hash, order_id):
        try:
            self.report(client, hash, await self.known[hash].fetch_order(order_id))
        except Exception as error:
            client.on_error(error)

    async def fetch_rows_of(self, client, hash):
        """Of several events during a request, one more request finds the rows of all."""
        known = self.known[hash]
        known.is_outdated = True
        if known.is_fetching:
            return
        known.is_fetching = True
        try:
            while known.is_outdated:
                known.is_outdated = False
                limit = self.safe_integer(self.options, 'eventLimit', 20)
                self.report(client, hash, await known.fetch_new(limit))
        except Exception as error:
            client.on_error(error)
        finally:
            known.is_fetching = False


async def nothing():
    """For a list of which nothing has to be known before the subscription."""
