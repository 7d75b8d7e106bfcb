ALTER TABLE accounts DROP COLUMN open_orders;
ALTER TABLE orders DROP COLUMN cancel_reason;
