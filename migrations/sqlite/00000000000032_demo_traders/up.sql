-- The users who are the demo's traders. No row refers to them: without the demo there are none.
CREATE TABLE demo_traders (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id),
    -- 1: quotes both sides of the market, 2: trades against quotes.
    role SMALLINT NOT NULL,
    -- Whether it trades, the same for all of them.
    is_running BOOLEAN NOT NULL DEFAULT TRUE
);
