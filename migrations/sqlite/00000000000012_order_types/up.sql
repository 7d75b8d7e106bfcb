-- What an order may do besides resting at its price.

ALTER TABLE orders ADD COLUMN order_type SMALLINT NOT NULL DEFAULT 1; -- 1 limit, 2 market
ALTER TABLE orders ADD COLUMN time_in_force SMALLINT NOT NULL DEFAULT 1; -- 1 gtc, 2 ioc, 3 fok
ALTER TABLE orders ADD COLUMN post_only BOOLEAN NOT NULL DEFAULT FALSE;
-- 1 cancel_newest, 2 cancel_oldest, 3 cancel_both, 4 decrement
ALTER TABLE orders ADD COLUMN self_trade_prevention SMALLINT NOT NULL DEFAULT 1;
-- The part of the amount that "decrement" took away.
ALTER TABLE orders ADD COLUMN prevented_amount BIGINT NOT NULL DEFAULT 0
CHECK (prevented_amount >= 0);
