//! Migration 5, which renames tables and columns: no value is lost, up or down.

use std::collections::BTreeMap;

use matchcast::market::Side;
use matchcast::store::outbox::{self, FailedAttempt};
use matchcast::store::{self, AnyConnection, now};

use super::migrations::names;
use super::views::Traded;
use crate::on_both;
use crate::support::database::Database;

on_both! {
    async fn migration_5_keeps_the_values_of_every_renamed_column(database: Database) {
        let url = database.parsed();
        for _ in 1..=4 {
            store::run_next_migration(&url).unwrap();
        }
        database.execute(ROWS_OF_VERSION_4);
        let read = |query: fn(&Renamed) -> &str| -> Vec<Vec<String>> {
            RENAMED.iter().map(|renamed| names(&database, query(renamed))).collect()
        };
        let expected: Vec<Vec<String>> =
            RENAMED.iter().map(|renamed| vec![renamed.values.to_owned()]).collect();
        assert_eq!(read(|renamed| renamed.old), expected);
        for round in ["the first time", "once more"] {
            store::run_next_migration(&url).unwrap();
            assert_eq!(read(|renamed| renamed.new), expected, "up {round}");
            assert_eq!(old_names(&database), Vec::<String>::new(), "up {round}");
            let mut c = database.connect();
            assert_eq!(outbox::counts(&mut c).unwrap(), (1, 1), "up {round}");
            assert_eq!(outbox::heads(&mut c, &[21], 10).unwrap()[0].attempts, 3, "up {round}");
            store::revert_last_migration(&url).unwrap();
            assert_eq!(read(|renamed| renamed.old), expected, "down {round}");
        }
        assert!(old_names(&database).len() > 10, "the check finds the old names");
        assert_eq!(store::migrate(&url).unwrap(), from_migration_5());
        assert_eq!(store::migrate(&url).unwrap(), 0);
    }

    async fn migration_5_keeps_the_data_of_the_engine(database: Database) {
        let url = database.parsed();
        let traded = Traded::start(&database).await;
        traded.place(Side::Sell, "100", "1").await;
        traded.place(Side::Buy, "100", "0.4").await;
        let cancelled = traded.place(Side::Sell, "120", "3").await;
        traded.cancel(cancelled).await;
        let mut c = database.connect();
        let shards: Vec<i16> = (0..outbox::SHARDS).collect();
        let events = outbox::heads(&mut c, &shards, 10).unwrap();
        let ids = BTreeMap::from([(1, events.iter().map(|event| event.id).collect())]);
        let failure = FailedAttempt { ids, next_attempt_at: now(), error: "503".to_owned() };
        let work = |c: &mut AnyConnection| {
            outbox::record_failure(c, &failure)?;
            outbox::record_delivered(c, &events[..1])?;
            outbox::move_to_dead_letters(c, &events[1], "413: too large")
        };
        traded.store.write(&mut c, work).unwrap();
        drop(c);
        database.audit();
        let counts = outbox::counts(&mut database.connect()).unwrap();
        for _ in 0..2 {
            for _ in 0..from_migration_5() {
                store::revert_last_migration(&url).unwrap();
            }
            assert_eq!(store::migrate(&url).unwrap(), from_migration_5());
            assert_eq!(outbox::counts(&mut database.connect()).unwrap(), counts);
            assert_eq!(database.dead_letters().len(), 1);
            database.audit();
        }
    }
}

/// The number of migrations, beginning with the fifth.
fn from_migration_5() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    std::fs::read_dir(folder).unwrap().count() - 4
}

/// A row in each table of which migration 5 renames something.
const ROWS_OF_VERSION_4: &str = "
    INSERT INTO assets (id, symbol) VALUES (1, 'USD'), (2, 'BTC');
    INSERT INTO markets (id, symbol, base_asset_id, quote_asset_id, trade_sequence, book_version)
        VALUES (1, 'BTC', 2, 1, 1, 9);
    INSERT INTO trades (id, market_id, buy_order_id, sell_order_id, buyer_id, seller_id, price,
            amount, value, buyer_commission, seller_commission, created_at, sequence, told)
        VALUES (5, 1, 2, 1, 1, 2, 100, 10, 1000, 15, 0, '2026-01-01 00:00:00', 1, 3);
    INSERT INTO outbox (id, channel, name, data, created_at, bucket, socket_id, attempts,
            next_try_at, last_answer)
        VALUES (7, 'private-user.1', 'order.matched', '{}', '2026-01-01 00:00:00', 21, '1.2', 3,
            '2026-01-02 03:04:05', '503: busy');
    INSERT INTO set_aside_events (id, channel, name, data, created_at, set_aside_at, answer,
            socket_id, attempts)
        VALUES (6, 'private-user.2', 'order.matched', '{}', '2026-01-01 00:00:00',
            '2026-01-03 00:00:00', '413: too large', '3.4', 2);
    INSERT INTO delivered_events (name, delivered, skipped, dropped)
        VALUES ('order.matched', 11, 12, 13);
    INSERT INTO market_feeds (market_id, book_version, book_sequence, told_at)
        VALUES (1, 8, 4, '2026-01-04 00:00:00');
    INSERT INTO channel_occupancy (channel, occupied, changed_ms, seen_at, expected_at)
        VALUES ('private-user.1', TRUE, 99, '2026-01-05 00:00:00', '2026-01-06 00:00:00');
";

/// The values of a row under the old and the new names.
struct Renamed {
    old: &'static str,
    new: &'static str,
    values: &'static str,
}

const RENAMED: [Renamed; 6] = [
    Renamed {
        old: "SELECT id || ' ' || bucket || ' ' || attempts || ' ' || CAST(next_try_at AS TEXT) \
            || ' ' || last_answer || ' ' || socket_id AS name FROM outbox",
        new: "SELECT id || ' ' || shard || ' ' || attempts || ' ' || CAST(next_attempt_at AS TEXT) \
            || ' ' || last_error || ' ' || socket_id AS name FROM outbox",
        values: "7 21 3 2026-01-02 03:04:05 503: busy 1.2",
    },
    Renamed {
        old: "SELECT id || ' ' || CAST(set_aside_at AS TEXT) || ' ' || answer || ' ' || socket_id \
            || ' ' || attempts AS name FROM set_aside_events",
        new: "SELECT id || ' ' || CAST(dead_lettered_at AS TEXT) || ' ' || error || ' ' || \
            socket_id || ' ' || attempts AS name FROM dead_letters",
        values: "6 2026-01-03 00:00:00 413: too large 3.4 2",
    },
    Renamed {
        old: "SELECT name || ' ' || delivered || ' ' || skipped || ' ' || dropped AS name \
            FROM delivered_events",
        new: "SELECT name || ' ' || delivered || ' ' || skipped || ' ' || dropped AS name \
            FROM event_counters",
        values: "order.matched 11 12 13",
    },
    Renamed {
        old: "SELECT id || ' ' || told || ' ' || sequence AS name FROM trades",
        new: "SELECT id || ' ' || matched_events || ' ' || sequence AS name FROM trades",
        values: "5 3 1",
    },
    Renamed {
        old: "SELECT market_id || ' ' || book_version || ' ' || book_sequence || ' ' || \
            CAST(told_at AS TEXT) AS name FROM market_feeds",
        new: "SELECT market_id || ' ' || book_version || ' ' || book_sequence || ' ' || \
            CAST(published_at AS TEXT) AS name FROM published_books",
        values: "1 8 4 2026-01-04 00:00:00",
    },
    Renamed {
        old: "SELECT channel || ' ' || CASE WHEN occupied THEN 'occupied' END || ' ' || changed_ms \
            || ' ' || CAST(seen_at AS TEXT) || ' ' || CAST(expected_at AS TEXT) AS name \
            FROM channel_occupancy",
        new: "SELECT channel || ' ' || CASE WHEN occupied THEN 'occupied' END || ' ' || changed_ms \
            || ' ' || CAST(seen_at AS TEXT) || ' ' || CAST(authorized_at AS TEXT) AS name \
            FROM channel_occupancy",
        values: "private-user.1 occupied 99 2026-01-05 00:00:00 2026-01-06 00:00:00",
    },
];

/// Tables, indexes, sequences, constraints and columns that have a name from before migration 5.
fn old_names(database: &Database) -> Vec<String> {
    const OLD: [&str; 10] = [
        "set_aside",
        "delivered_events",
        "market_feeds",
        "bucket",
        "told",
        "told_at",
        "next_try_at",
        "last_answer",
        "answer",
        "expected_at",
    ];
    let all = if database.is_postgres() {
        "SELECT CAST(relname AS TEXT) AS name FROM pg_class \
            WHERE relnamespace = CAST('public' AS regnamespace) \
         UNION SELECT CAST(conname AS TEXT) FROM pg_constraint \
            WHERE connamespace = CAST('public' AS regnamespace) \
         UNION SELECT CAST(attname AS TEXT) FROM pg_attribute \
            JOIN pg_class ON pg_class.oid = attrelid \
            WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'"
    } else {
        "SELECT name FROM sqlite_master \
         UNION SELECT p.name FROM sqlite_master m, pragma_table_info(m.name) p"
    };
    let is_old = |name: &String| {
        OLD[..4].iter().any(|old| name.contains(old)) || OLD.iter().any(|old| name == old)
    };
    names(database, all).into_iter().filter(is_old).collect()
}
