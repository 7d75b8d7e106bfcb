DROP INDEX trades_by_buyer;
DROP INDEX trades_by_seller;

DROP INDEX orders_open_by_user;
CREATE INDEX orders_open_by_user ON orders (user_id) WHERE status = 1;
