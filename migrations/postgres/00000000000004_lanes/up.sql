-- Lanes, the memory of what became of each attempt, market data and who listens.

-- Events of one channel are in one bucket, so that lanes can be read apart: the FNV-1a hash of the
-- channel modulo 64. -1: written by a version that knew no buckets; whoever publishes assigns one.
ALTER TABLE outbox ADD COLUMN bucket SMALLINT NOT NULL DEFAULT -1;
-- The connection that caused the event and shall not hear of it. NULL: everybody hears it.
ALTER TABLE outbox ADD COLUMN socket_id TEXT;
-- What has happened to it so far: how often it was tried in vain, not before when it is tried
-- again, and what the provider said.
ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN next_try_at TIMESTAMP;
ALTER TABLE outbox ADD COLUMN last_answer TEXT;
CREATE INDEX outbox_by_bucket ON outbox (bucket, id);

ALTER TABLE set_aside_events ADD COLUMN socket_id TEXT;
ALTER TABLE set_aside_events ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;

-- The other ways out of the outbox: nobody listened, or an operator said so.
ALTER TABLE delivered_events ADD COLUMN skipped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE delivered_events ADD COLUMN dropped BIGINT NOT NULL DEFAULT 0;

-- How many events order.matched were written for the trade, so that none can get lost unseen.
ALTER TABLE trades ADD COLUMN told SMALLINT NOT NULL DEFAULT 2;

-- Its number within its market: 1, 2, 3, without a hole.
ALTER TABLE trades ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
UPDATE trades SET sequence = numbered.number FROM
    (SELECT id, row_number() OVER (PARTITION BY market_id ORDER BY id) AS number FROM trades)
    AS numbered WHERE numbered.id = trades.id;

-- Counted under the market's lock: its trades, and the batches that may have changed its book.
ALTER TABLE markets ADD COLUMN trade_sequence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE markets ADD COLUMN book_version BIGINT NOT NULL DEFAULT 0;
UPDATE markets SET trade_sequence =
    (SELECT count(*) FROM trades WHERE trades.market_id = markets.id);

-- What was told of a market's book. Apart from the market, so that telling locks out no order.
CREATE TABLE market_feeds (
    market_id INTEGER PRIMARY KEY REFERENCES markets (id),
    -- Of the last book that was told: the market's version, its own number, and when.
    book_version BIGINT NOT NULL,
    book_sequence BIGINT NOT NULL,
    told_at TIMESTAMP NOT NULL
);

-- Which channels have subscribers, as the provider last said.
CREATE TABLE channel_occupancy (
    channel TEXT PRIMARY KEY,
    occupied BOOLEAN NOT NULL,
    -- When, by the provider's clock, in Unix milliseconds: an older webhook changes nothing.
    changed_ms BIGINT NOT NULL,
    -- When this was heard, by our clock.
    seen_at TIMESTAMP NOT NULL,
    -- When somebody was last authorised for the channel, by our clock.
    expected_at TIMESTAMP
);

-- Webhooks that were taken in, by the SHA-256 of their bodies: providers repeat them.
CREATE TABLE webhooks (
    digest TEXT PRIMARY KEY,
    received_at TIMESTAMP NOT NULL
);
CREATE INDEX webhooks_by_time ON webhooks (received_at);
