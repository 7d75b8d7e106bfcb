-- An order has two commission rates: it is the taker of the orders that it matches when it comes
-- in, and the maker once it rests.
ALTER TABLE orders RENAME COLUMN commission_rate TO taker_rate;
-- NULL: the same as taker_rate.
ALTER TABLE orders ADD COLUMN maker_rate BIGINT;
-- The part of filled_value that it filled as taker. 0 in orders that were placed before there was
-- this column; both of their rates are the same.
ALTER TABLE orders ADD COLUMN taker_value BIGINT NOT NULL DEFAULT 0;
