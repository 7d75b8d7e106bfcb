-- A user's own names for orders, each of them for one order.

ALTER TABLE orders ADD COLUMN client_order_id TEXT;
CREATE UNIQUE INDEX orders_client_order_id ON orders (user_id, client_order_id)
WHERE client_order_id IS NOT NULL;
