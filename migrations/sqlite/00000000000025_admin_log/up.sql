-- What administrators have done. Rows are only ever added. Each has the hash of the one before and
-- of its own content, so that a row that is changed or missing is found.
CREATE TABLE admin_log (
    -- 1, 2, 3 and so on, without gaps.
    id INTEGER NOT NULL PRIMARY KEY,
    -- The token that was used. NULL: a command.
    token_id BIGINT,
    -- NULL: no request.
    request_id TEXT,
    action TEXT NOT NULL,
    -- JSON.
    state_before TEXT,
    state_after TEXT,
    created_at TIMESTAMP NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- One row: the end of the log, and the lock that writers take one after the other.
CREATE TABLE admin_log_head (
    id SMALLINT NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL,
    last_hash TEXT NOT NULL
);
INSERT INTO admin_log_head (id, last_id, last_hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
