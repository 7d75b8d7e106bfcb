-- Orders of these types keep what they did; only the settings are lost.

ALTER TABLE orders DROP COLUMN prevented_amount;
ALTER TABLE orders DROP COLUMN self_trade_prevention;
ALTER TABLE orders DROP COLUMN post_only;
ALTER TABLE orders DROP COLUMN time_in_force;
ALTER TABLE orders DROP COLUMN order_type;
