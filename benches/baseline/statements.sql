-- Places one order the way a typical application does: several statements in one transaction, under
-- the row lock of the market. All orders have the same price and amount and a random side, so half
-- of them match a resting order. 0.1 BTC at 50,000 USD with a commission of 75 USD.
\set user random(1, 1000)
\set side random(0, 1)
\set reserve_asset :side
\set reserve case when :side = 0 then 507500000000 else 10000000 end
BEGIN;
SELECT id FROM markets WHERE id = 1 FOR UPDATE;
UPDATE accounts SET available = available - :reserve, locked = locked + :reserve WHERE user_id =
    :user AND asset = :reserve_asset AND available >= :reserve RETURNING available \gset
INSERT INTO orders (user_id, market_id, side, price, amount) VALUES (:user, 1, :side,
    5000000000000, 10000000) RETURNING id AS taker \gset
INSERT INTO ledger (user_id, asset, balance, change, reason, reference_id) VALUES (:user,
    :reserve_asset, :available, - :reserve::bigint, 1, :taker);
SELECT coalesce(max(id), 0) AS maker, coalesce(max(user_id), 0) AS maker_user FROM (SELECT id,
    user_id FROM orders WHERE market_id = 1 AND side = 1 - :side AND status = 1 AND price =
    5000000000000 AND user_id <> :user ORDER BY price, id LIMIT 1) AS best \gset
\if :maker > 0
\set buyer case when :side = 0 then :user else :maker_user end
\set seller case when :side = 0 then :maker_user else :user end
\set buy_order case when :side = 0 then :taker else :maker end
\set sell_order case when :side = 0 then :maker else :taker end
UPDATE orders SET filled = amount, status = 2 WHERE id IN (:maker, :taker);
INSERT INTO trades (market_id, buy_order_id, sell_order_id, price, amount, fee) VALUES (1,
    :buy_order, :sell_order, 5000000000000, 10000000, 7500000000) RETURNING id AS trade \gset
UPDATE accounts SET locked = locked - 507500000000 WHERE user_id = :buyer AND asset = 0;
UPDATE accounts SET available = available + 10000000 WHERE user_id = :buyer AND asset = 1
    RETURNING available AS buyer_base \gset
UPDATE accounts SET available = available + 500000000000 WHERE user_id = :seller AND asset = 0
    RETURNING available AS seller_quote \gset
UPDATE accounts SET locked = locked - 10000000 WHERE user_id = :seller AND asset = 1;
UPDATE accounts SET available = available + 7500000000 WHERE user_id = 0 AND asset = 0 RETURNING
    available AS house_quote \gset
INSERT INTO ledger (user_id, asset, balance, change, reason, reference_id) VALUES (:buyer, 1,
    :buyer_base, 10000000, 2, :trade), (:seller, 0, :seller_quote, 500000000000, 2, :trade), (0,
    0, :house_quote, 7500000000, 2, :trade);
INSERT INTO outbox (channel, event, data) SELECT 'private-user.' || u, 'order.matched',
    format('{"buyer_id":%s,"seller_id":%s,"symbol":"BTC",'
        '"price":50000,"amount":0.1,"buy_order_id":%s,"sell_order_id":%s,"trade_id":%s}',
    :buyer::bigint, :seller::bigint, :buy_order::bigint, :sell_order::bigint, :trade::bigint) FROM
    (VALUES (:buyer::bigint), (:seller::bigint)) AS recipients (u);
\endif
UPDATE markets SET last_sequence = last_sequence + 1 WHERE id = 1;
COMMIT;
