-- Clients name requests and orders by counters, times or UUIDs that begin with the time. Sorted by
-- name, and only then by user, new entries of an index are next to each other, and a batch changes
-- a few pages of it. Sorted by user, each of them is on another page.

DROP INDEX orders_client_order_id;
CREATE UNIQUE INDEX orders_client_order_id ON orders (client_order_id, user_id)
WHERE client_order_id IS NOT NULL;

-- SQLite changes a primary key only with its table.
CREATE TABLE new_idempotency_keys (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    -- The SHA-256 of the request.
    fingerprint BLOB NOT NULL,
    status SMALLINT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (key, user_id)
);
INSERT INTO new_idempotency_keys
SELECT user_id, key, fingerprint, status, body, created_at FROM idempotency_keys
ORDER BY rowid;
DROP TABLE idempotency_keys;
ALTER TABLE new_idempotency_keys RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
