LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE;
CREATE TABLE new_idempotency_keys (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    -- The SHA-256 of the request.
    fingerprint BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, key)
);
INSERT INTO new_idempotency_keys
SELECT user_id, key, fingerprint, status, body, created_at FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE new_idempotency_keys RENAME TO idempotency_keys;
ALTER INDEX new_idempotency_keys_pkey RENAME TO idempotency_keys_pkey;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
