-- Gives a prepared database a book with {book} orders on each side, and user {reader} a history of
-- {orders} orders and {deposits} deposits, so that the audit stays clean.
CREATE TEMP TABLE constants AS SELECT id AS market, base_asset_id AS base, quote_asset_id AS quote,
    100000::bigint AS amount, 1000000000::bigint AS deposit,
    now() AT TIME ZONE 'UTC' AS at FROM markets WHERE symbol = 'BTC';

-- Bids below 40,000 USD and asks above 60,000 USD, each of 0.001 BTC at a price of its own.
INSERT INTO orders (user_id, market_id, side, price, amount, filled_amount, filled_value,
    commission, taker_rate, reserved, status, created_at, updated_at, arrival)
SELECT 2 + n % 900, market, side, price, amount, 0, 0, 0, CASE side WHEN 1 THEN 1500000 ELSE 0 END,
    CASE side WHEN 2 THEN amount
        ELSE price / 100000000 * amount + ceil(price / 100000000 * amount * 0.015)::bigint END,
    1, at, at, 2 * n + side
FROM constants, generate_series(1, {book}) AS n, LATERAL (VALUES
    (1, (40000 - n)::bigint * 100000000), (2, (60000 + n)::bigint * 100000000)) AS s (side, price);

-- The reader's orders were cancelled, each after it was placed.
INSERT INTO orders (user_id, market_id, side, price, amount, filled_amount, filled_value,
    commission, taker_rate, reserved, status, created_at, updated_at, cancelled_at, cancel_reason,
    arrival)
SELECT {reader}, market, 1, 100000000, 100000000, 0, 0, 0, 1500000, 0, 3, at, at, at, 1, 1000000 + n
FROM constants, generate_series(1, {orders}) AS n;

-- An entry for each reservation, two for each order that was cancelled, one for each deposit.
CREATE TEMP TABLE changes AS
SELECT o.id AS n, o.user_id, CASE o.side WHEN 2 THEN base ELSE quote END AS asset, 2 AS action,
    - o.reserved AS available, o.reserved AS locked, 1 AS type, o.id AS reference
FROM constants, orders o WHERE o.status = 1
UNION ALL SELECT o.id, o.user_id, quote, action, sign * 101500000, - sign * 101500000, 1, o.id
FROM constants, orders o, (VALUES (2, -1), (4, 1)) AS a (action, sign) WHERE o.status = 3
UNION ALL SELECT 10000000 + n, {reader}, quote, 1, deposit, 0, NULL, NULL
FROM constants, generate_series(1, {deposits}) AS n;
INSERT INTO ledger_entries (account_id, action, available_change, locked_change, available_after,
    reference_type, reference_id, created_at)
SELECT a.id, c.action, c.available, c.locked,
    a.available + sum(c.available) OVER (PARTITION BY a.id ORDER BY c.n, c.action), c.type,
    c.reference, at
FROM constants, changes c JOIN accounts a ON a.user_id = c.user_id AND a.asset_id = c.asset
ORDER BY c.n, c.action;

UPDATE accounts a SET available = e.available, locked = e.locked
FROM (SELECT account_id, sum(available_change) AS available, sum(locked_change) AS locked
    FROM ledger_entries GROUP BY 1) AS e WHERE e.account_id = a.id;
UPDATE accounts a SET open_orders = o.total
FROM constants, (SELECT user_id, count(*) AS total FROM orders WHERE status = 1 GROUP BY 1) AS o
WHERE o.user_id = a.user_id AND a.asset_id = base;
UPDATE markets SET arrival_sequence = 10000000 FROM constants WHERE id = market;
DROP TABLE constants, changes;
