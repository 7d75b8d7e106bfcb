-- Gives a prepared database users, a history of trades and open orders, as they would be after a
-- long time, so that the audit stays clean. {users} is even; {rounds} is the number of trades of
-- each user, one an hour; {resting} is the number of open orders of each user.
--
-- In a round, each odd user buys from the next one: 0.001 BTC at 50,000 USD with 0.75 USD
-- commission. So balances after a round are a formula of its number, and rows are inserted in the
-- order of time. Open orders are far from this price: half are asks above 60,000, half are bids
-- below 40,000.
SET LOCAL synchronous_commit = off;
CREATE TEMP TABLE constants AS SELECT id AS market, base_asset_id AS base, quote_asset_id AS quote,
    100000::bigint AS amount, 5000000000000::bigint AS price, 5000000000::bigint AS value,
    75000000::bigint AS fee, 10000000000000::bigint AS deposit,
    date_trunc('hour', now() AT TIME ZONE 'UTC') - make_interval(hours => {rounds} + 1) AS start
    FROM markets WHERE symbol = 'BTC';

INSERT INTO users (id, name, email, created_at, updated_at)
SELECT 100000 + n, 'user', n || '@growth.example', start, start
FROM constants, generate_series(1, {users}) AS n;

-- The account of user u has the id 10,000,000 + 2 u for the base asset, and one more for the quote.
INSERT INTO accounts (id, user_id, asset_id, available, locked)
SELECT 10000000 + 2 * (100000 + n) + a, 100000 + n, CASE a WHEN 0 THEN base ELSE quote END,
    deposit, 0
FROM constants, generate_series(1, {users}) AS n, generate_series(0, 1) AS a;
INSERT INTO ledger_entries
    (id, account_id, action, available_change, locked_change, available_after, created_at)
SELECT 1000000 + id, id, 1, deposit, 0, deposit, start
FROM constants, accounts WHERE user_id > 100000;

-- One row for each trade of the history, in the order of time.
CREATE TEMP TABLE history AS SELECT row_number() OVER (ORDER BY round, pair) AS n, round,
    100000 + 2 * pair - 1 AS buyer, 100000 + 2 * pair AS seller,
    start + make_interval(hours => round, secs => pair / 1000) AS at
    FROM constants, generate_series(0, {rounds} - 1) AS round,
        generate_series(1, {users} / 2) AS pair;

INSERT INTO orders (id, user_id, market_id, side, price, amount, filled_amount, filled_value,
    commission, taker_rate, reserved, status, created_at, updated_at, arrival)
SELECT 1000000 + 2 * n + side, CASE side WHEN 1 THEN buyer ELSE seller END, market, side, price,
    amount, amount, value, CASE side WHEN 1 THEN fee ELSE 0 END,
    CASE side WHEN 1 THEN 1500000 ELSE 0 END, 0, 2, at, at, 2 * n + side - 2
FROM constants, history, generate_series(1, 2) AS side ORDER BY n, side;

INSERT INTO trades (id, market_id, buy_order_id, sell_order_id, buyer_id, seller_id, price, amount,
    value, buyer_commission, seller_commission, created_at, matched_events, sequence, taker_side)
SELECT n, market, 1000001 + 2 * n, 1000002 + 2 * n, buyer, seller, price, amount, value, fee, 0, at,
    0, n, 2
FROM constants, history ORDER BY n;

INSERT INTO ledger_entries (id, account_id, action, available_change, locked_change,
    available_after, reference_type, reference_id, created_at)
SELECT 20000000 + 6 * n + e.position, 10000000 + e.account, e.action, e.available, e.locked,
    e.after, e.type, e.reference, at
FROM constants, history, LATERAL (VALUES
    (0, 2 * buyer + 1, 2, - value - fee, value + fee, deposit - (round + 1) * (value + fee), 1,
        1000001 + 2 * n),
    (1, 2 * seller, 2, - amount, amount, deposit - (round + 1) * amount, 1, 1000002 + 2 * n),
    (2, 2 * buyer + 1, 5, 0, - value - fee, deposit - (round + 1) * (value + fee), 2, n),
    (3, 2 * buyer, 5, amount, 0, deposit + (round + 1) * amount, 2, n),
    (4, 2 * seller, 5, 0, - amount, deposit - (round + 1) * amount, 2, n),
    (5, 2 * seller + 1, 5, value, 0, deposit + (round + 1) * value, 2, n))
    AS e (position, account, action, available, locked, after, type, reference)
ORDER BY n, e.position;

INSERT INTO candles (market_id, interval_s, opened_at, open, high, low, close, volume_whole,
    volume_fraction, quote_volume_whole, quote_volume_fraction, trade_count, first_sequence,
    last_sequence)
SELECT market_id, seconds, date_trunc(unit, created_at), min(price), max(price), min(price),
    max(price), sum(amount / 100000000), sum(amount % 100000000), sum(value / 100000000),
    sum(value % 100000000), count(*), min(sequence), max(sequence)
FROM trades, (VALUES (60, 'minute'), (3600, 'hour')) AS interval (seconds, unit) GROUP BY 1, 2, 3;

-- The house has received the commission of all trades, in one entry.
INSERT INTO accounts (user_id, asset_id, available, locked)
SELECT - market, quote, 0, 0 FROM constants ON CONFLICT DO NOTHING;
INSERT INTO ledger_entries (id, account_id, action, available_change, locked_change,
    available_after, reference_type, reference_id, created_at)
SELECT 19000000, a.id, 6, fee * h.trades, 0, fee * h.trades, 3, market, start
FROM constants JOIN accounts a ON a.user_id = - market AND a.asset_id = quote,
    (SELECT count(*) AS trades FROM history) AS h
WHERE {rounds} > 0;

-- A bid at p reserves p × amount and the commission on it, an ask its amount.
CREATE TEMP TABLE resting AS SELECT number, owner, side, order_price,
    CASE side WHEN 2 THEN amount ELSE order_price / 100000000 * amount
        + ceil(order_price / 100000000 * amount * 0.015)::bigint END AS reserved
FROM constants, (SELECT number, 100000 + n AS owner, 1 + number % 2 AS side,
    (CASE number % 2 WHEN 1 THEN 60000 ELSE 20000 END + floor(random() * 20000))::bigint * 100000000
        AS order_price
    FROM generate_series(1, {resting}) AS number, generate_series(1, {users}) AS n) AS r;
INSERT INTO orders (id, user_id, market_id, side, price, amount, filled_amount, filled_value,
    commission, taker_rate, reserved, status, created_at, updated_at, arrival)
SELECT 40000000 + o, owner, market, side, order_price, amount, 0, 0, 0,
    CASE side WHEN 1 THEN 1500000 ELSE 0 END, reserved, 1, start, start, 40000000 + o
FROM constants, (SELECT row_number() OVER (ORDER BY number, owner) AS o, * FROM resting) AS r
ORDER BY o;
INSERT INTO ledger_entries (id, account_id, action, available_change, locked_change,
    available_after, reference_type, reference_id, created_at)
SELECT 900000000 + row_number() OVER (ORDER BY r.id), a.id, 2, - r.reserved, r.reserved,
    l.available_after - sum(r.reserved) OVER (PARTITION BY a.id ORDER BY r.id), 1, r.id,
    r.created_at
FROM constants JOIN orders r ON r.status = 1 AND r.user_id > 100000
JOIN accounts a ON a.user_id = r.user_id
    AND a.asset_id = CASE r.side WHEN 2 THEN base ELSE quote END
CROSS JOIN LATERAL (SELECT available_after FROM ledger_entries e
    WHERE e.account_id = a.id AND e.id < 900000000 ORDER BY e.id DESC LIMIT 1) AS l;

UPDATE accounts a SET available = e.available, locked = e.locked,
    open_orders = CASE a.asset_id WHEN (SELECT base FROM constants) THEN {resting} ELSE 0 END
FROM (SELECT account_id, sum(available_change) AS available, sum(locked_change) AS locked
    FROM ledger_entries GROUP BY 1) AS e
WHERE e.account_id = a.id AND a.user_id > 100000;
UPDATE accounts a SET available = e.available
FROM (SELECT account_id, sum(available_change) AS available FROM ledger_entries GROUP BY 1) AS e
WHERE e.account_id = a.id AND a.user_id < 0;
UPDATE markets SET trade_sequence = (SELECT count(*) FROM history),
    arrival_sequence = 1000000000, last_price = price FROM constants WHERE id = market;

SELECT setval(pg_get_serial_sequence('users', 'id'), 10000000),
    setval(pg_get_serial_sequence('accounts', 'id'), 100000000),
    setval(pg_get_serial_sequence('orders', 'id'), 1000000000),
    setval(pg_get_serial_sequence('trades', 'id'), 1000000000),
    setval(pg_get_serial_sequence('ledger_entries', 'id'), 2000000000);
DROP TABLE constants, history, resting;
