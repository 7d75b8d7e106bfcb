ALTER TABLE orders ADD CONSTRAINT orders_user_id_fkey
FOREIGN KEY (user_id) REFERENCES users (id);
ALTER TABLE orders ADD CONSTRAINT orders_market_id_fkey
FOREIGN KEY (market_id) REFERENCES markets (id);
