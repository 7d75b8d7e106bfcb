ALTER TABLE channel_occupancy RENAME COLUMN authorized_at TO expected_at;

ALTER TABLE published_books RENAME COLUMN published_at TO told_at;
ALTER TABLE published_books RENAME TO market_feeds;

ALTER TABLE trades RENAME COLUMN matched_events TO told;

DROP INDEX outbox_by_shard;
CREATE INDEX outbox_by_bucket ON outbox (shard, id);
ALTER TABLE outbox RENAME COLUMN last_error TO last_answer;
ALTER TABLE outbox RENAME COLUMN next_attempt_at TO next_try_at;
ALTER TABLE outbox RENAME COLUMN shard TO bucket;

ALTER TABLE event_counters RENAME TO delivered_events;

ALTER TABLE dead_letters RENAME COLUMN error TO answer;
ALTER TABLE dead_letters RENAME COLUMN dead_lettered_at TO set_aside_at;
ALTER TABLE dead_letters RENAME TO set_aside_events;
