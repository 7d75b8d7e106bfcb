ALTER TABLE orders DROP COLUMN taker_value;
ALTER TABLE orders DROP COLUMN maker_rate;
ALTER TABLE orders RENAME COLUMN taker_rate TO commission_rate;
