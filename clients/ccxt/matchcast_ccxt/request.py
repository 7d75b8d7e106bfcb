"""The requests for orders: their bodies and their idempotency keys."""

import time
import uuid

import ccxt

UNIFIED = [
    'clientOrderId',
    'cost',
    'goodTillDate',
    'idempotencyKey',
    'postOnly',
    'selfTradePrevention',
    'stopLossPrice',
    'stopPrice',
    'timeInForce',
    'triggerDirection',
    'triggerPrice',
]


def finish(method, headers):
    """Gives a write an idempotency key, so that it can be repeated after a failure."""
    if method == 'GET':
        return headers
    # Begins with the time: keys that grow cost the server less.
    key = f'{time.time_ns() // 1_000_000}-{uuid.uuid4()}'
    return {'Idempotency-Key': key, **(headers or {})}


def check_direction(exchange, side, params):
    """A stop order to buy waits for a rising price, one to sell for a falling price."""
    direction = exchange.safe_string(params, 'triggerDirection')
    own = ['ascending', 'above', 'up'] if side == 'buy' else ['descending', 'below', 'down']
    if exchange.safe_string(params, 'takeProfitPrice') is not None:
        raise ccxt.NotSupported(exchange.id + ' has no take-profit orders')
    if direction is not None and direction not in own:
        raise ccxt.NotSupported(f'{exchange.id} stop orders to {side} trigger {own[0]} only')


def time_in_force_fields(exchange, params):
    time_in_force = exchange.safe_string_upper(params, 'timeInForce')
    date = exchange.safe_value(params, 'goodTillDate')
    fields = {}
    if time_in_force is not None and time_in_force != 'PO':
        fields['time_in_force'] = time_in_force.lower()
    if date is not None:
        fields['time_in_force'] = 'gtd'
        fields['expires_at'] = exchange.iso8601(date) if isinstance(date, int) else date
    return fields


def order_request(exchange, symbol, type, side, amount, price, params):
    """The body of POST /orders. Parameters without a unified name are passed on as they are."""
    stop_price = exchange.safe_string_n(params, ['triggerPrice', 'stopPrice', 'stopLossPrice'])
    cost = exchange.safe_string(params, 'cost')
    check_direction(exchange, side, params)
    post_only, _ = exchange.handle_post_only(type == 'market', False, params)
    request = {
        'symbol': exchange.market_id(symbol),
        'type': type if stop_price is None else 'stop_' + type,
        'side': side,
        **time_in_force_fields(exchange, params),
    }
    if cost is None:
        request['amount'] = exchange.amount_to_precision(symbol, amount)
    elif type == 'market' and side == 'buy':
        request['quote_amount'] = exchange.number_to_string(cost)
    else:
        raise ccxt.NotSupported(exchange.id + ' cost is for market orders to buy')
    if type != 'market':
        if price is None:
            raise ccxt.ArgumentsRequired(exchange.id + ' price is required')
        request['price'] = exchange.price_to_precision(symbol, price)
    if stop_price is not None:
        request['stop_price'] = exchange.price_to_precision(symbol, stop_price)
    if post_only:
        request['post_only'] = True
    client_order_id = exchange.safe_string(params, 'clientOrderId')
    if client_order_id is not None:
        request['client_order_id'] = client_order_id
    prevention = exchange.safe_string(params, 'selfTradePrevention')
    if prevention is not None:
        request['self_trade_prevention'] = prevention
    return {**request, **exchange.omit(params, UNIFIED)}
