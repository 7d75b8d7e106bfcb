-- Tokens of administrators, which are created on the command line. They are never deleted: the log
-- of what was done with them names them.
CREATE TABLE admin_tokens (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    -- The sum of what the token may do: 1 read, 2 funds, 4 users, 8 markets.
    abilities SMALLINT NOT NULL,
    -- Ranges of addresses that it may be used from, separated by commas. Empty: from everywhere.
    addresses TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP,
    revoked_at TIMESTAMP,
    -- To the minute.
    last_used_at TIMESTAMP
);
