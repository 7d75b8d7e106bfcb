-- Lanes, failed attempts, market data and channel occupancy.

-- The events of a channel are in one bucket, so that each lane can be read separately: a hash of
-- the channel, 0 to 63. -1: written by a version without buckets; the publisher assigns one.
ALTER TABLE outbox ADD COLUMN bucket SMALLINT NOT NULL DEFAULT -1;
-- The connection that caused the event and must not receive it. NULL: all subscribers receive it.
ALTER TABLE outbox ADD COLUMN socket_id TEXT;
-- The failed attempts so far: their number, the earliest time of the next attempt, and the last
-- response of the provider.
ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN next_try_at TIMESTAMP;
ALTER TABLE outbox ADD COLUMN last_answer TEXT;
CREATE INDEX outbox_by_bucket ON outbox (bucket, id);

ALTER TABLE set_aside_events ADD COLUMN socket_id TEXT;
ALTER TABLE set_aside_events ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;

-- The other ways out of the outbox: the channel had no subscribers, or an operator dropped the
-- event.
ALTER TABLE delivered_events ADD COLUMN skipped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE delivered_events ADD COLUMN dropped BIGINT NOT NULL DEFAULT 0;

-- The number of order.matched events that were written for the trade, so that the audit finds a
-- lost one.
ALTER TABLE trades ADD COLUMN told SMALLINT NOT NULL DEFAULT 2;

-- Its number within its market: 1, 2, 3, without gaps.
ALTER TABLE trades ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
UPDATE trades SET sequence = numbered.number FROM
    (SELECT id, row_number() OVER (PARTITION BY market_id ORDER BY id) AS number FROM trades)
    AS numbered WHERE numbered.id = trades.id;

-- Counted under the market's lock: the trades, and the batches that may have changed the book.
ALTER TABLE markets ADD COLUMN trade_sequence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE markets ADD COLUMN book_version BIGINT NOT NULL DEFAULT 0;
UPDATE markets SET trade_sequence =
    (SELECT count(*) FROM trades WHERE trades.market_id = markets.id);

-- The last published book of each market. Separate from markets, so that publishing does not delay
-- orders.
CREATE TABLE market_feeds (
    market_id INTEGER PRIMARY KEY REFERENCES markets (id),
    -- The market's version at that time, the sequence number of the book, and the time.
    book_version BIGINT NOT NULL,
    book_sequence BIGINT NOT NULL,
    told_at TIMESTAMP NOT NULL
);

-- Which channels have subscribers, according to the provider.
CREATE TABLE channel_occupancy (
    channel TEXT PRIMARY KEY,
    occupied BOOLEAN NOT NULL,
    -- The time of the change by the provider's clock, in Unix milliseconds: an older webhook is
    -- ignored.
    changed_ms BIGINT NOT NULL,
    -- The time of this observation by the clock of matchcast.
    seen_at TIMESTAMP NOT NULL,
    -- The time of the last authorization for the channel, by the clock of matchcast.
    expected_at TIMESTAMP
);

-- The SHA-256 of the bodies of recorded webhooks: providers repeat webhooks.
CREATE TABLE webhooks (
    digest TEXT PRIMARY KEY,
    received_at TIMESTAMP NOT NULL
);
CREATE INDEX webhooks_by_time ON webhooks (received_at);
