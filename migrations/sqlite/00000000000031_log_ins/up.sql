-- Where users are signed in: the client that has last used the token or the session of a log-in.
-- Tokens that users create for their programs have no client.

-- The IP address.
ALTER TABLE tokens ADD COLUMN address TEXT;
-- The header `User-Agent`: printable ASCII, at most 255 characters.
ALTER TABLE tokens ADD COLUMN user_agent TEXT;
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
-- To the minute, as in `tokens`, which has it for log-ins as well from now on.
ALTER TABLE sessions ADD COLUMN last_used_at TIMESTAMP;
-- The token of the same log-in. Generated, so that the sessions of processes of the previous
-- version have it as well.
ALTER TABLE sessions ADD COLUMN token_id BIGINT
    GENERATED ALWAYS AS (
        CASE WHEN json_valid(state) THEN CAST(json_extract(state, '$.token') AS BIGINT) END
    ) VIRTUAL;
