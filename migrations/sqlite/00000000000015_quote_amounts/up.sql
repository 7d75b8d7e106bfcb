-- What the fills of a market order to buy, and their commission, may cost together. NULL: its
-- amount limits it.

ALTER TABLE orders ADD COLUMN quote_amount BIGINT;
