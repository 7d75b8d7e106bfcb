ALTER TABLE orders DROP COLUMN quote_amount;
