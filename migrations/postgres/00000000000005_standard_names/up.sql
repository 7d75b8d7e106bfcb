-- Renames tables and columns to standard terms. All data is kept.

ALTER TABLE set_aside_events RENAME TO dead_letters;
ALTER INDEX set_aside_events_pkey RENAME TO dead_letters_pkey;
ALTER TABLE dead_letters RENAME COLUMN set_aside_at TO dead_lettered_at;
ALTER TABLE dead_letters RENAME COLUMN answer TO error;

ALTER TABLE delivered_events RENAME TO event_counters;
ALTER INDEX delivered_events_pkey RENAME TO event_counters_pkey;

ALTER TABLE outbox RENAME COLUMN bucket TO shard;
ALTER TABLE outbox RENAME COLUMN next_try_at TO next_attempt_at;
ALTER TABLE outbox RENAME COLUMN last_answer TO last_error;
ALTER INDEX outbox_by_bucket RENAME TO outbox_by_shard;

ALTER TABLE trades RENAME COLUMN told TO matched_events;

ALTER TABLE market_feeds RENAME TO published_books;
ALTER INDEX market_feeds_pkey RENAME TO published_books_pkey;
ALTER TABLE published_books
    RENAME CONSTRAINT market_feeds_market_id_fkey TO published_books_market_id_fkey;
ALTER TABLE published_books RENAME COLUMN told_at TO published_at;

ALTER TABLE channel_occupancy RENAME COLUMN expected_at TO authorized_at;
