-- Orders that wait for a price, that expire, and that can be amended.

-- The order's number among the arrivals of its market: of equal prices the smaller one fills first.
-- It only matters for open orders, so others from before have none.
ALTER TABLE orders ADD COLUMN arrival BIGINT NOT NULL DEFAULT 0;
UPDATE orders SET arrival = id WHERE status = 1;
ALTER TABLE orders ADD COLUMN expires_at TIMESTAMP; -- time in force 4: gtd
ALTER TABLE orders ADD COLUMN stop_price BIGINT CHECK (stop_price > 0);
-- It is open and not in the book, until a trade reaches its stop price.
ALTER TABLE orders ADD COLUMN is_waiting BOOLEAN NOT NULL DEFAULT FALSE;

-- The book, each side in its order of priority.
DROP INDEX orders_asks;
DROP INDEX orders_bids;
CREATE INDEX orders_asks ON orders (market_id, price, arrival)
WHERE status = 1 AND side = 2 AND NOT is_waiting;
CREATE INDEX orders_bids ON orders (market_id, price DESC, arrival)
WHERE status = 1 AND side = 1 AND NOT is_waiting;
-- Waiting stop orders, those first that are triggered first.
CREATE INDEX orders_buy_stops ON orders (market_id, stop_price, arrival)
WHERE is_waiting AND side = 1;
CREATE INDEX orders_sell_stops ON orders (market_id, stop_price DESC, arrival)
WHERE is_waiting AND side = 2;
CREATE INDEX orders_expiring ON orders (expires_at) WHERE status = 1 AND expires_at IS NOT NULL;

-- 1 buy, 2 sell. NULL: before this column, when the newer order was the taker's.
ALTER TABLE trades ADD COLUMN taker_side SMALLINT;

-- 1 open, 2 cancel_only, 3 halted
ALTER TABLE markets ADD COLUMN status SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE markets ADD COLUMN arrival_sequence BIGINT NOT NULL DEFAULT 0;
UPDATE markets SET arrival_sequence = coalesce((SELECT max(id) FROM orders), 0);
ALTER TABLE markets ADD COLUMN last_price BIGINT;
UPDATE markets SET last_price = (SELECT price FROM trades WHERE trades.market_id = markets.id
    ORDER BY trades.id DESC LIMIT 1);
ALTER TABLE markets ADD COLUMN waiting_stops INTEGER NOT NULL DEFAULT 0;
-- The prices of trades by which waiting stop orders may be triggered. Both or neither are NULL.
ALTER TABLE markets ADD COLUMN triggering_low BIGINT;
ALTER TABLE markets ADD COLUMN triggering_high BIGINT;
