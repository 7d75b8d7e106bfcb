//! Expired rows are deleted in batches, and no others.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use matchcast::store::now;
use matchcast::store::pruning::{Expiring, prune};
use matchcast::store::schema::{
    idempotency_keys, provider_webhooks, sessions, tokens, webhook_messages,
};

use crate::on_both;
use crate::support::database::Database;

/// Writes a token, a session and a webhook with each of these names and times, and an idempotency
/// key that is a day and a webhook's message that is seven days older.
pub fn write_rows(database: &Database, rows: &[(String, NaiveDateTime)]) {
    let mut c = database.connect();
    for (name, at) in rows {
        diesel::insert_into(tokens::table)
            .values((
                tokens::user_id.eq(-1),
                tokens::secret_hash.eq(name),
                tokens::created_at.eq(at),
                tokens::expires_at.eq(at),
            ))
            .execute(&mut c)
            .unwrap();
        diesel::insert_into(sessions::table)
            .values((
                sessions::id.eq(name),
                sessions::state.eq("{}"),
                sessions::created_at.eq(at),
                sessions::expires_at.eq(at),
            ))
            .execute(&mut c)
            .unwrap();
        diesel::insert_into(provider_webhooks::table)
            .values((provider_webhooks::digest.eq(name), provider_webhooks::received_at.eq(at)))
            .execute(&mut c)
            .unwrap();
        diesel::insert_into(idempotency_keys::table)
            .values((
                idempotency_keys::user_id.eq(1),
                idempotency_keys::key.eq(name),
                idempotency_keys::fingerprint.eq([0; 32].as_slice()),
                idempotency_keys::status.eq(200),
                idempotency_keys::body.eq("{}"),
                idempotency_keys::created_at.eq(*at - TimeDelta::days(1)),
            ))
            .execute(&mut c)
            .unwrap();
        diesel::insert_into(webhook_messages::table)
            .values((
                webhook_messages::endpoint_id.eq(1),
                webhook_messages::event.eq(name),
                webhook_messages::data.eq("{}"),
                webhook_messages::created_at.eq(*at - TimeDelta::days(7)),
                webhook_messages::next_attempt_at.eq(at),
            ))
            .execute(&mut c)
            .unwrap();
    }
}

/// The names of the rows of each table.
fn names(database: &Database) -> [Vec<String>; 5] {
    let mut c = database.connect();
    [
        tokens::table.select(tokens::secret_hash).order(tokens::secret_hash).load(&mut c).unwrap(),
        sessions::table.select(sessions::id).order(sessions::id).load(&mut c).unwrap(),
        provider_webhooks::table
            .select(provider_webhooks::digest)
            .order(provider_webhooks::digest)
            .load(&mut c)
            .unwrap(),
        idempotency_keys::table
            .select(idempotency_keys::key)
            .order(idempotency_keys::key)
            .load(&mut c)
            .unwrap(),
        webhook_messages::table
            .select(webhook_messages::event)
            .order(webhook_messages::event)
            .load(&mut c)
            .unwrap(),
    ]
}

on_both! {
    async fn expired_rows_are_deleted_oldest_first_in_batches(database: Database) {
        let (store, _) = database.open_store();
        let rows: Vec<_> = (1..=5)
            .map(|number| (format!("old {number}"), now() - TimeDelta::hours(10 - number)))
            .collect();
        write_rows(&database, &rows);
        let recent = [("valid".to_owned(), now() + TimeDelta::minutes(1))];
        write_rows(&database, &recent);
        database.execute(
            "INSERT INTO tokens (user_id, secret_hash, created_at) \
             VALUES (-1, 'without end', '2001-01-01 00:00:00')",
        );
        let mut c = store.connect().unwrap();
        for expiring in Expiring::ALL {
            let mut prune = || store.write(&mut c, |c| prune(c, expiring, 2)).unwrap();
            assert_eq!([prune(), prune()], [2, 2], "{expiring:?}");
        }
        let [tokens, sessions, webhooks, keys, messages] = names(&database);
        assert_eq!(tokens, ["old 5", "valid", "without end"]);
        assert_eq!(sessions, ["old 5", "valid"]);
        assert_eq!(webhooks, ["old 5", "valid"]);
        assert_eq!(keys, ["old 5", "valid"]);
        assert_eq!(messages, ["old 5", "valid"]);
        for expiring in Expiring::ALL {
            let mut prune = || store.write(&mut c, |c| prune(c, expiring, 2)).unwrap();
            assert_eq!([prune(), prune()], [1, 0], "{expiring:?}");
        }
    }

    /// The clock of this process may be ahead of that of another one.
    async fn what_has_expired_a_moment_ago_is_kept(database: Database) {
        let (store, _) = database.open_store();
        write_rows(&database, &[("moment".to_owned(), now() - TimeDelta::minutes(10))]);
        let mut c = store.connect().unwrap();
        for expiring in Expiring::ALL {
            assert_eq!(store.write(&mut c, |c| prune(c, expiring, 2)).unwrap(), 0);
        }
    }
}
