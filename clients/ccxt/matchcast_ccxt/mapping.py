"""How matchcast's REST API maps to ccxt's unified structures: requests, responses and errors.

No function here sends anything. js/mapping.js is the same in JavaScript, and describe.json belongs
to both.
"""

import json
import pathlib
import re
import urllib.parse

import ccxt
from ccxt.base.precise import Precise

from .request import order_request

FILE = pathlib.Path(__file__).with_name('describe.json')
DESCRIPTION = json.loads(FILE.read_text('utf-8'))

CURSOR = re.compile(r'[?&]cursor=([^&>]+)[^>]*>;\s*rel="?next')
STATUSES = {'1': 'open', '2': 'closed', '3': 'canceled'}


class Mapping:

    def describe(self):
        names = DESCRIPTION['exceptions']['exact']
        exact = {code: getattr(ccxt, name) for code, name in names.items()}
        own = {**DESCRIPTION, 'exceptions': {'exact': exact}}
        return self.deep_extend(super().describe(), own)

    def on_json_response(self, response_body):
        # ccxt parses numbers as floats, which lose digits from the 16th on. Here every number of a
        # response is the string that the server has written.
        return json.loads(response_body, parse_float=str, parse_int=str)

    def sign(self, path, api='public', method='GET', params={}, headers=None, body=None):
        query = self.omit(params, self.extract_params(path))
        base = self.implode_hostname(self.urls['api'])
        url = f'{base}/api/{self.implode_params(path, params)}'
        headers = {'Accept': 'application/json', **(headers or {})}
        if api == 'private':
            headers['Authorization'] = f'Bearer {self.token or self.apiKey}'
        if method in ('GET', 'DELETE'):
            if query:
                url += '?' + self.urlencode(query)
        else:
            body = json.dumps(query)
            headers['Content-Type'] = 'application/json'
        return {'url': url, 'method': method, 'body': body, 'headers': headers}

    def handle_errors(self, status, reason, url, method, headers, body, response, request_headers,
                      request_body):
        code = self.safe_string(response, 'code')
        if code is None:
            return None
        feedback = f'{self.id} {body}'
        if code == 'validation_failed':
            fields = self.safe_dict(response, 'errors', {})
            if 'symbol' in fields:
                raise ccxt.BadSymbol(feedback)
            if url.endswith('/api/login'):
                raise ccxt.AuthenticationError(feedback)
            is_order = method != 'GET' and re.search(r'/api/orders(/|$)', url)
            raise (ccxt.InvalidOrder if is_order else ccxt.BadRequest)(feedback)
        self.throw_exactly_matched_exception(self.exceptions['exact'], code, feedback)
        return None

    def next_cursor(self, response):
        match = CURSOR.search(response['responseHeaders'].get('Link', ''))
        return urllib.parse.unquote(match[1]) if match else None

    # ccxt computes with floats here. The rounding is the same: amounts are cut off, prices rounded.

    def amount_to_precision(self, symbol, amount):
        step = self.number_to_string(self.market(symbol)['precision']['amount'])
        count = Precise.string_div(self.number_to_string(amount), step, 0)
        if count == '0':
            raise ccxt.InvalidOrder(f'{self.id} amount is less than {step}')
        return Precise.string_mul(count, step)

    def price_to_precision(self, symbol, price):
        step = self.number_to_string(self.market(symbol)['precision']['price'])
        half = Precise.string_div(step, '2', 9)
        raised = Precise.string_add(self.number_to_string(price), half)
        return Precise.string_mul(Precise.string_div(raised, step, 0), step)

    def order_request(self, *parameters):
        return order_request(self, *parameters)

    def parse_market(self, market):
        id, base, quote = (self.safe_string(market, key) for key in ('symbol', 'base', 'quote'))
        tick, lot = (self.safe_number(market, key) for key in ('tick_size', 'lot_size'))
        commission = self.safe_number(market, 'buyer_commission')
        return self.safe_market_structure({
            'id': id,
            'symbol': f'{base}/{quote}',
            'base': base,
            'quote': quote,
            'baseId': base,
            'quoteId': quote,
            'type': 'spot',
            'spot': True,
            'margin': False,
            'swap': False,
            'future': False,
            'option': False,
            'contract': False,
            'active': self.safe_string(market, 'status') == 'open',
            # ccxt has one rate for both sides. calculate_fee() uses that of the side.
            'taker': commission,
            'maker': commission,
            'percentage': True,
            'tierBased': False,
            'feeSide': 'quote',
            'precision': {'amount': lot, 'price': tick},
            'limits': {
                'amount': {'min': lot, 'max': None},
                'price': {'min': tick, 'max': None},
                'cost': {'min': self.safe_number(market, 'min_value'), 'max': None},
            },
            'info': market,
        })

    def calculate_fee(self, symbol, type, side, amount, price, takerOrMaker='taker', params={}):
        key = 'buyer_commission' if side == 'buy' else 'seller_commission'
        rate = self.safe_string(self.market(symbol)['info'], key)
        return self.calculate_fee_with_rate(
            symbol, type, side, amount, price, takerOrMaker, rate, params)

    def parse_book(self, book, symbol):
        """The server sends the best price first. Sorting would compare strings if `number` is str.
        """
        def side(name):
            rows = self.safe_list(book, name, [])
            return [[self.parse_number(value) for value in row] for row in rows]
        return {
            'symbol': symbol,
            'bids': side('bids'),
            'asks': side('asks'),
            'timestamp': None,
            'datetime': None,
            'nonce': self.safe_integer(book, 'version'),
        }

    def parse_ticker(self, ticker, market=None):
        market = self.safe_market(self.safe_string(ticker, 'symbol'), market)
        return self.safe_ticker({
            'symbol': market['symbol'],
            'timestamp': None,
            'datetime': None,
            'high': self.safe_string(ticker, 'high'),
            'low': self.safe_string(ticker, 'low'),
            'bid': self.safe_string(ticker, 'best_bid'),
            'ask': self.safe_string(ticker, 'best_ask'),
            'open': self.safe_string(ticker, 'open'),
            'last': self.safe_string(ticker, 'last'),
            'change': self.safe_string(ticker, 'change'),
            'percentage': self.safe_string(ticker, 'change_percent'),
            'baseVolume': self.safe_string(ticker, 'volume'),
            'quoteVolume': self.safe_string(ticker, 'quote_volume'),
            'info': ticker,
        }, market)

    def parse_ohlcv(self, ohlcv, market=None):
        opened_at = self.parse8601(self.safe_string(ohlcv, 'opened_at'))
        names = ('open', 'high', 'low', 'close', 'volume')
        return [opened_at, *(self.safe_number(ohlcv, name) for name in names)]

    def parse_trade(self, trade, market=None):
        """Rows of /trades and /my-trades, and the payload of the event trade.executed."""
        market = self.safe_market(self.safe_string(trade, 'symbol'), market)
        timestamp = self.parse8601(self.safe_string_2(trade, 'created_at', 'executed_at'))
        commission = self.safe_string(trade, 'commission')
        currency = self.safe_string(trade, 'commission_currency')
        return self.safe_trade({
            'id': self.safe_string_2(trade, 'id', 'trade_id'),
            'order': self.safe_string(trade, 'order_id'),
            'timestamp': timestamp,
            'datetime': self.iso8601(timestamp),
            'symbol': market['symbol'],
            'type': None,
            'side': self.safe_string(trade, 'side'),
            'takerOrMaker': self.safe_string(trade, 'role'),
            'price': self.safe_string(trade, 'price'),
            'amount': self.safe_string(trade, 'amount'),
            'cost': self.safe_string(trade, 'value'),
            'fee': commission and {'cost': commission, 'currency': currency},
            'info': trade,
        }, market)

    def parse_order_status(self, order):
        if self.safe_string(order, 'cancel_reason') == 'expired':
            return 'expired'
        return STATUSES.get(self.safe_string(order, 'status'))

    def parse_order(self, order, market=None):
        market = self.safe_market(self.safe_string(order, 'symbol'), market)
        type = self.safe_string(order, 'type', 'limit').replace('stop_', '')
        timestamp = self.parse8601(self.safe_string(order, 'created_at'))
        amount = self.safe_string(order, 'amount')
        filled = self.safe_string(order, 'filled_amount')
        rest = Precise.string_sub(amount, filled)
        prevented = self.safe_string(order, 'prevented_amount', '0')
        return self.safe_order({
            'id': self.safe_string(order, 'id'),
            'clientOrderId': self.safe_string(order, 'client_order_id'),
            'timestamp': timestamp,
            'datetime': self.iso8601(timestamp),
            'lastUpdateTimestamp': self.parse8601(self.safe_string(order, 'updated_at')),
            'symbol': market['symbol'],
            'type': type,
            'side': self.safe_string(order, 'side'),
            # `price` of a market order is the worst price that it accepts.
            'price': None if type == 'market' else self.safe_string(order, 'price'),
            'triggerPrice': self.safe_string(order, 'stop_price'),
            'amount': amount,
            'filled': filled,
            'remaining': Precise.string_sub(rest, prevented),
            'average': self.safe_string(order, 'average_price'),
            'status': self.parse_order_status(order),
            'timeInForce': self.safe_string_upper(order, 'time_in_force'),
            'postOnly': self.safe_bool(order, 'post_only'),
            'fee': {'cost': self.safe_number(order, 'commission'), 'currency': market['quote']},
            'info': order,
        }, market)

    def parse_balance(self, rows):
        result = {'info': rows}
        for row in rows:
            result[self.safe_string(row, 'currency')] = {
                'free': self.safe_string(row, 'available'),
                'used': self.safe_string(row, 'locked'),
                'total': self.safe_string(row, 'total'),
            }
        return self.safe_balance(result)
