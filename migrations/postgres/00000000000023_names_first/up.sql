-- Clients name requests and orders by counters, times or UUIDs that begin with the time. Sorted by
-- name, and only then by user, new entries of an index are next to each other, and a batch changes
-- a few pages of it. Sorted by user, each of them is on another page.

-- The index of client order ids stays as it is: to build it again would take long in a large table,
-- and PostgreSQL writes changes of a page instead of the page.

-- No other process may add a key while they are copied.
LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE;
CREATE TABLE new_idempotency_keys (
    user_id BIGINT NOT NULL,
    -- Compared byte by byte, which is faster than by the rules of a language.
    key TEXT COLLATE "C" NOT NULL,
    -- The SHA-256 of the request.
    fingerprint BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (key, user_id)
);
INSERT INTO new_idempotency_keys
SELECT user_id, key, fingerprint, status, body, created_at FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE new_idempotency_keys RENAME TO idempotency_keys;
ALTER INDEX new_idempotency_keys_pkey RENAME TO idempotency_keys_pkey;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
