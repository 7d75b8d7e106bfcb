CREATE TABLE new_idempotency_keys (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    -- The SHA-256 of the request.
    fingerprint BLOB NOT NULL,
    status SMALLINT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, key)
);
INSERT INTO new_idempotency_keys
SELECT user_id, key, fingerprint, status, body, created_at FROM idempotency_keys
ORDER BY rowid;
DROP TABLE idempotency_keys;
ALTER TABLE new_idempotency_keys RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

DROP INDEX orders_client_order_id;
CREATE UNIQUE INDEX orders_client_order_id ON orders (user_id, client_order_id)
WHERE client_order_id IS NOT NULL;
