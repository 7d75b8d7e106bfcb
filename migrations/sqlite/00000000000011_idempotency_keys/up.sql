-- Requests that were executed under a key of their clients, with their responses. They have no
-- foreign key: it would make an order wait for a log-in of its user.

CREATE TABLE idempotency_keys (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    -- The SHA-256 of the request.
    fingerprint BLOB NOT NULL,
    status SMALLINT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
