-- Users, the bearer tokens of their programs, and the sessions of their browsers.
-- All times are UTC.

CREATE TABLE users (
    -- People have positive ids. A market's house account belongs to the user -(market id).
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    -- In lower case, so that one address belongs to one user.
    email TEXT NOT NULL UNIQUE,
    -- A PHC string of argon2, or a bcrypt hash ($2y$) migrated from Laravel, which is replaced at
    -- the next log-in. NULL: the user cannot log in.
    password TEXT,
    email_verified_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE tokens (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the secret half, in lower-case hex. The secret itself is not stored.
    secret_hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    -- NULL: until it is revoked.
    expires_at TIMESTAMP
);
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE sessions (
    -- SHA-256 of the cookie's key, in lower-case hex.
    id TEXT PRIMARY KEY,
    -- NULL until a user logs in.
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
