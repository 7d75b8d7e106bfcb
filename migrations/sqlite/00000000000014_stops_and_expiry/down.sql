-- Waiting orders would be in the book: cancel them before.

ALTER TABLE markets DROP COLUMN triggering_high;
ALTER TABLE markets DROP COLUMN triggering_low;
ALTER TABLE markets DROP COLUMN waiting_stops;
ALTER TABLE markets DROP COLUMN last_price;
ALTER TABLE markets DROP COLUMN arrival_sequence;
ALTER TABLE markets DROP COLUMN status;
ALTER TABLE trades DROP COLUMN taker_side;
DROP INDEX orders_expiring;
DROP INDEX orders_sell_stops;
DROP INDEX orders_buy_stops;
DROP INDEX orders_bids;
DROP INDEX orders_asks;
ALTER TABLE orders DROP COLUMN is_waiting;
ALTER TABLE orders DROP COLUMN stop_price;
ALTER TABLE orders DROP COLUMN expires_at;
ALTER TABLE orders DROP COLUMN arrival;
CREATE INDEX orders_asks ON orders (market_id, price, id) WHERE status = 1 AND side = 2;
CREATE INDEX orders_bids ON orders (market_id, price DESC, id) WHERE status = 1 AND side = 1;
