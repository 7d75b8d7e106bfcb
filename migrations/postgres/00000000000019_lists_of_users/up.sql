-- A user's own trades, and open orders, each the newest first.

CREATE INDEX trades_by_buyer ON trades (buyer_id, id);
CREATE INDEX trades_by_seller ON trades (seller_id, id);

DROP INDEX orders_open_by_user;
CREATE INDEX orders_open_by_user ON orders (user_id, id) WHERE status = 1;
