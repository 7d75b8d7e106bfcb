ALTER TABLE channel_occupancy RENAME COLUMN authorized_at TO expected_at;

ALTER TABLE published_books RENAME COLUMN published_at TO told_at;
ALTER TABLE published_books RENAME TO market_feeds;
ALTER TABLE market_feeds
    RENAME CONSTRAINT published_books_market_id_fkey TO market_feeds_market_id_fkey;
ALTER INDEX published_books_pkey RENAME TO market_feeds_pkey;

ALTER TABLE trades RENAME COLUMN matched_events TO told;

ALTER INDEX outbox_by_shard RENAME TO outbox_by_bucket;
ALTER TABLE outbox RENAME COLUMN last_error TO last_answer;
ALTER TABLE outbox RENAME COLUMN next_attempt_at TO next_try_at;
ALTER TABLE outbox RENAME COLUMN shard TO bucket;

ALTER TABLE event_counters RENAME TO delivered_events;
ALTER INDEX event_counters_pkey RENAME TO delivered_events_pkey;

ALTER TABLE dead_letters RENAME COLUMN error TO answer;
ALTER TABLE dead_letters RENAME COLUMN dead_lettered_at TO set_aside_at;
ALTER TABLE dead_letters RENAME TO set_aside_events;
ALTER INDEX dead_letters_pkey RENAME TO set_aside_events_pkey;
