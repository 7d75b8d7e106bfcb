"""What a document cannot say about valid requests: what depends on the server, and rules between
fields, which the descriptions state.

A request that Schemathesis made to be valid is changed to follow them, so that the check
`positive_data_acceptance` may demand that it is accepted. Requests that it made to be invalid are
sent as they are, except for those that are valid after all.
"""

from copy import deepcopy
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from uuid import uuid4

import schemathesis

SYMBOLS = ("BTC", "ETH")
CURRENCIES = ("USD", "BTC", "ETH")
KEY = "Idempotency-Key"
# A webhook's receiver: nobody listens there.
NOBODY = "http://127.0.0.1:9/"
PASSWORDS = ("current_password", "password", "password_confirmation")
# The most that a price times an amount may be.
MOST = Decimal("92233720368")


def is_positive(case):
    return case.meta is None or case.meta.generation.mode.is_positive


def is_blank(value):
    return value is None or (isinstance(value, str) and not value.strip())


def decimal(value):
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(1)


def follow_order_rules(order):
    """The rules between the fields of an order, see the schema NewOrder."""
    if order.get("symbol") not in SYMBOLS:
        order["symbol"] = SYMBOLS[0]
    kind = order.get("type") or "limit"
    if "market" in kind:
        order.pop("price", None)
        if order.get("time_in_force") not in (None, "ioc", "fok"):
            order["time_in_force"] = "ioc"
    elif is_blank(order.get("price")):
        order["price"] = "50000"
    if "stop" not in kind:
        order.pop("stop_price", None)
    elif is_blank(order.get("stop_price")):
        order["stop_price"] = "50000"
    if kind != "market" or order.get("side") != "buy" or order.get("time_in_force") == "fok":
        order.pop("quote_amount", None)
    if is_blank(order.get("quote_amount")):
        if is_blank(order.get("amount")):
            order["amount"] = "0.01"
    else:
        order.pop("amount", None)
    if order.get("time_in_force") == "gtd":
        order["expires_at"] = "2100-01-31T12:00:00Z"
    else:
        order.pop("expires_at", None)
    if kind != "limit" or order.get("time_in_force") in ("ioc", "fok"):
        order.pop("post_only", None)
    for price in ("price", "stop_price"):
        product = decimal(order.get(price) or 1) * decimal(order.get("amount") or 1)
        if not Decimal("0.00000001") <= product <= MOST:
            order["amount"] = "0.01"
            order[price] = "50000" if price in order else None


def follow_body_rules(operation, body):
    if operation in ("placeOrder", "previewOrder"):
        follow_order_rules(body)
    elif operation == "placeOrders":
        for order in body["orders"]:
            follow_order_rules(order)
    elif operation == "amendOrder":
        for field in ("price", "amount"):
            # The product with what remains of the order must not be out of range.
            value = body.get(field)
            if not is_blank(value) and not Decimal("0.01") <= decimal(value) <= 100_000:
                body[field] = "1"
        if is_blank(body.get("price")) and is_blank(body.get("amount")):
            body["price"] = "49000"
    elif operation == "requestWithdrawal":
        if body.get("asset") not in CURRENCIES:
            body["asset"] = "USD"
    elif operation == "fundAccount":
        if body.get("currency") not in CURRENCIES:
            body["currency"] = "USD"
        body["amount"] = "0.5"
    elif operation in ("register", "changePassword"):
        if operation == "register":
            body["email"] = f"{uuid4()}@example.com"
        if operation == "changePassword":
            body["password"] = body["current_password"] = "password"
        body["password_confirmation"] = body["password"]
    elif operation == "createToken" and not is_blank(body.get("expires_at")):
        body["expires_at"] = "2100-01-31T12:00:00Z"
    elif operation == "createWebhook":
        body["url"] = NOBODY
    elif operation.startswith("authorizeChannel"):
        # One of them is the channel of the user who is signed in.
        body["channel_name"] = f"private-user.{1 + len(body['socket_id']) % 2}"


def changes_password(body):
    """Whether this would be accepted."""
    return isinstance(body, dict) and all(body.get(name) for name in PASSWORDS)


def follow_query_rules(operation, query):
    if "symbol" in query and query["symbol"] not in SYMBOLS:
        query["symbol"] = SYMBOLS[0]
    if "currency" in query and query["currency"] not in (*CURRENCIES, "all"):
        query["currency"] = "all"
    # Cursors come from links.
    query.pop("cursor", None)


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId", "")
    if operation == "createWebhook" and "example.com" in str(case.body):
        case.body = case.body | {"url": NOBODY}
    if operation == "changePassword" and changes_password(case.body):
        # The user who is signed in keeps the password.
        case.body = case.body | {name: "password" for name in PASSWORDS}
    if not is_positive(case):
        return
    # Copies, because other cases are made from the same values.
    if isinstance(case.body, dict):
        case.body = deepcopy(case.body)
        follow_body_rules(operation, case.body)
    if case.query:
        case.query = deepcopy(case.query)
        follow_query_rules(operation, case.query)
    if case.headers and KEY in case.headers:
        case.headers = deepcopy(case.headers)
        # Another request has another key, and the same request the same.
        request = repr((operation, case.path_parameters, case.query, case.body))
        case.headers[KEY] = sha256(request.encode()).hexdigest()


def is_call_of_nobody(case):
    """Whether it is a call of administrators without a token, which is 404 instead of 401."""
    phase = getattr(case.meta, "phase", None)
    parameter = getattr(getattr(phase, "data", None), "parameter", None)
    return case.operation.path.startswith("/api/admin/") and parameter == "Authorization"


@schemathesis.hook
def filter_case(context, case):
    """A blank field counts as missing, so a blank optional field makes no request invalid."""
    if is_call_of_nobody(case):
        return False
    body = case.body if isinstance(case.body, dict) else {}
    values = [*(case.query or {}).values(), *body.values()]
    # Of a parameter that is repeated, the last value counts.
    values = [v[-1] if isinstance(v, list) and v else v for v in values]
    return is_positive(case) or not any(isinstance(v, str) and is_blank(v) for v in values)
