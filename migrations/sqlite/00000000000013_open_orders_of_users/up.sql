-- A user's open orders, to be cancelled together: among all that the user has had, they are few.

CREATE INDEX orders_open_by_user ON orders (user_id) WHERE status = 1;
