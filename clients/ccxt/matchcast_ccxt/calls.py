"""The calls of the REST API under ccxt's unified names, for the sync and the async class.

Each call is a generator. It yields what a request returned and gets the response back. `run` of the
sync class passes the value on, and that of the async class awaits it first.
"""

import functools
import math
import urllib.parse

import ccxt
from ccxt.base.types import Entry

from .mapping import DESCRIPTION


def call(function):
    @functools.wraps(function)
    def runner(self, *args, **kwargs):
        return self.run(function(self, *args, **kwargs))
    return runner


class ImplicitAPI:
    """ccxt's methods such as `private_get_balance_history`, one for each path of describe.json."""


def define_endpoints():
    for api, methods in DESCRIPTION['api'].items():
        for method, paths in methods.items():
            for path, cost in paths.items():
                words = path.replace('{', '').replace('}', '').replace('-', '/').split('/')
                entry = Entry(path, api, method.upper(), {'cost': cost})
                setattr(ImplicitAPI, '_'.join([api, method, *words]), entry)


define_endpoints()


class Calls(ImplicitAPI):

    @call
    def sign_in(self, params={}):
        if not self.login or not self.password:
            message = f'{self.id} requires apiKey, or login and password'
            raise ccxt.AuthenticationError(message)
        request = {'email': self.login, 'password': self.password, **params}
        response = yield self.public_post_login(request)
        self.token = self.safe_string(response['data'], 'token')
        return response['data']

    def fetch_rows(self, path, api, request, since=None, limit=None, params={}):
        """The newest `limit` rows or, with `since`, all rows from then on. Follows the pages."""
        page = self.safe_integer(self.options, 'pageLimit', 1000)
        until = self.safe_integer(params, 'until')
        wanted = (limit or page) if since is None else math.inf
        request = {**request, **self.omit(params, 'until'), 'limit': min(wanted, page)}
        if since is not None:
            request['from'] = self.iso8601(since)
        if until is not None:
            request['to'] = self.iso8601(until)
        rows = []
        while True:
            response = yield self.request(path, api, 'GET', request)
            rows.extend(response['data'])
            cursor = self.next_cursor(response)
            if cursor is None or len(rows) >= wanted:
                return rows if wanted == math.inf else rows[:wanted]
            request['cursor'] = cursor

    def optional_market(self, symbol):
        yield self.load_markets()
        return None if symbol is None else self.market(symbol)

    @call
    def fetch_time(self, params={}):
        response = yield self.public_get_time(params)
        return self.safe_integer(response['data'], 'unix_ms')

    @call
    def fetch_markets(self, params={}):
        response = yield self.public_get_markets(params)
        return [self.parse_market(market) for market in response['data']]

    @call
    def fetch_order_book(self, symbol, limit=None, params={}):
        market = yield from self.optional_market(symbol)
        request = {'symbol': urllib.parse.quote(market['id'], safe=''), **params}
        if limit is not None:
            request['depth'] = limit
        response = yield self.public_get_orderbook_symbol(request)
        return self.parse_book(response['data'], symbol)

    @call
    def fetch_ticker(self, symbol, params={}):
        market = yield from self.optional_market(symbol)
        response = yield self.public_get_ticker({'symbol': market['id'], **params})
        return self.parse_ticker(response['data'], market)

    @call
    def fetch_tickers(self, symbols=None, params={}):
        yield self.load_markets()
        response = yield self.public_get_ticker(params)
        return self.parse_tickers(response['data'], self.market_symbols(symbols))

    @call
    def fetch_trades(self, symbol, since=None, limit=None, params={}):
        market = yield from self.optional_market(symbol)
        request = {'symbol': market['id']}
        rows = yield from self.fetch_rows('trades', 'public', request, since, limit, params)
        return self.parse_trades(rows, market, since, limit)

    @call
    def fetch_ohlcv(self, symbol, timeframe='1m', since=None, limit=None, params={}):
        market = yield from self.optional_market(symbol)
        interval = self.safe_string(self.timeframes, timeframe)
        request = {'symbol': market['id'], 'interval': interval}
        rows = yield from self.fetch_rows('candles', 'public', request, since, limit, params)
        return self.parse_ohlcvs(rows, market, timeframe, since, limit)

    @call
    def fetch_balance(self, params={}):
        response = yield self.private_get_balances(params)
        return self.parse_balance(response['data'])

    @call
    def create_order(self, symbol, type, side, amount, price=None, params={}):
        market = yield from self.optional_market(symbol)
        key = self.safe_string(params, 'idempotencyKey')
        headers = {} if key is None else {'Idempotency-Key': key}
        request = self.order_request(symbol, type, side, amount, price, params)
        response = yield self.request('orders', 'private', 'POST', request, headers)
        return self.parse_order(response['data']['order'], market)

    @call
    def create_market_buy_order_with_cost(self, symbol, cost, params={}):
        params = {**params, 'cost': cost}
        order = yield self.create_order(symbol, 'market', 'buy', None, None, params)
        return order

    @call
    def edit_order(self, id, symbol, type, side, amount=None, price=None, params={}):
        market = yield from self.optional_market(symbol)
        request = {'id': id, **params}
        if amount is not None:
            request['amount'] = self.amount_to_precision(symbol, amount)
        if price is not None:
            request['price'] = self.price_to_precision(symbol, price)
        response = yield self.private_patch_orders_id(request)
        return self.parse_order(response['data']['order'], market)

    def order_path(self, id, params):
        """The name of an order in a path: its id, or the client order id in `params`."""
        client_order_id = self.safe_string(params, 'clientOrderId')
        rest = self.omit(params, 'clientOrderId')
        if client_order_id is None:
            return 'orders/{id}', {'id': id, **rest}
        name = urllib.parse.quote(client_order_id, safe='')
        return 'orders/by-client-id/{id}', {'id': name, **rest}

    @call
    def cancel_order(self, id, symbol=None, params={}):
        path, request = self.order_path(id, params)
        response = yield self.request(path + '/cancel', 'private', 'POST', request)
        return self.safe_order({
            'id': id,
            'clientOrderId': self.safe_string(params, 'clientOrderId'),
            'symbol': symbol,
            'status': 'canceled',
            'info': response,
        })

    @call
    def cancel_all_orders(self, symbol=None, params={}):
        market = yield from self.optional_market(symbol)
        request = {**({'symbol': market['id']} if market else {}), **params}
        data = (yield self.private_delete_orders(request))['data']
        return [
            self.safe_order({'id': id, 'symbol': symbol, 'status': 'canceled', 'info': data})
            for id in self.safe_list(data, 'order_ids', [])
        ]

    @call
    def fetch_order(self, id, symbol=None, params={}):
        market = yield from self.optional_market(symbol)
        path, request = self.order_path(id, params)
        response = yield self.request(path, 'private', 'GET', request)
        return self.parse_order(response['data']['order'], market)

    @call
    def fetch_orders(self, symbol=None, since=None, limit=None, params={}):
        market = yield from self.optional_market(symbol)
        request = {'symbol': market['id']} if market else {}
        rows = yield from self.fetch_rows('my-orders', 'private', request, since, limit, params)
        return self.parse_orders(rows, market, since, limit)

    def fetch_open_orders(self, symbol=None, since=None, limit=None, params={}):
        return self.fetch_orders(symbol, since, limit, {**params, 'status': 1})

    def fetch_closed_orders(self, symbol=None, since=None, limit=None, params={}):
        """Orders that were filled: with ccxt, cancelled orders are not "closed"."""
        return self.fetch_orders(symbol, since, limit, {**params, 'status': 2})

    @call
    def fetch_my_trades(self, symbol=None, since=None, limit=None, params={}):
        market = yield from self.optional_market(symbol)
        request = {'symbol': market['id']} if market else {}
        rows = yield from self.fetch_rows('my-trades', 'private', request, since, limit, params)
        return self.parse_trades(rows, market, since, limit)
