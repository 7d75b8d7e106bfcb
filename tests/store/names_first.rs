//! Migration 23, which sorts idempotency keys and client order ids by name: none is lost, each is
//! still unique, and a transaction changes few pages of the indexes.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use matchcast::market::UserId;
use matchcast::store::idempotency::{self, ExecutedRequest, IdempotencyKey};
use matchcast::store::{self, AnyConnection, Store, StoreError, now};

use crate::on_both;
use crate::support::database::Database;

const USERS: i64 = 1000;

on_both! {
    async fn migration_23_keeps_keys_and_names_and_their_uniqueness(database: Database) {
        let url = database.parsed();
        let (store, _) = database.open_store();
        let texts = [(1, "a", ""), (2, "a", ""), (1, "a", "part"), (1, "b", ""), (2, "~ ~", "")];
        let keys = texts.map(|(user, text, part)| key(user, text, part));
        insert(&store, &keys).unwrap();
        order_of_house(&database, "mine").unwrap();
        let expected: BTreeMap<_, _> = rows(&keys).into_iter().collect();
        let check = |when: &str| {
            let found = idempotency::find(&mut database.connect(), keys.to_vec()).unwrap();
            assert_eq!(found, expected, "{when}");
            for key in &keys {
                let outcome = insert(&store, std::slice::from_ref(key));
                assert!(matches!(outcome, Err(StoreError::Duplicate(_))), "{when}: {outcome:?}");
            }
            assert!(order_of_house(&database, "mine").is_err(), "{when}");
        };
        check("at first");
        for _ in 0..2 {
            for _ in 0..from_migration_23() {
                store::revert_last_migration(&url).unwrap();
            }
            check("down");
            assert_eq!(store::migrate(&url).unwrap(), from_migration_23());
            check("up");
        }
        insert(&store, &[key(2, "b", "")]).unwrap();
        order_of_house(&database, "yours").unwrap();
    }
}

/// SQLite writes each page that a transaction changes twice, so pages are the cost of a key.
#[test]
fn growing_keys_of_many_users_change_few_pages() {
    let database = Database::sqlite();
    let (store, _) = database.open_store();
    // Each user sends every thousandth of them, and neighbours are of different users.
    let key = |number: i64| key(number * 617 % USERS, &format!("{number:08}"), "");
    insert(&store, &(0..20_000).map(key).collect::<Vec<_>>()).unwrap();
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    insert(&store, &(20_000..20_100).map(key).collect::<Vec<_>>()).unwrap();
    let wal = format!("{}-wal", database.url.trim_start_matches("sqlite://"));
    let pages = std::fs::metadata(wal).unwrap().len() / 4096;
    // Their rows take five; were the keys sorted by user, nearly each would change another page.
    assert!((5..20).contains(&pages), "{pages}");
}

fn key(user: i64, text: &str, part: &str) -> IdempotencyKey {
    IdempotencyKey::parse(UserId(user), text, part).unwrap()
}

/// The keys with different requests.
fn rows(keys: &[IdempotencyKey]) -> Vec<(IdempotencyKey, ExecutedRequest)> {
    let row = |(position, key): (usize, &IdempotencyKey)| {
        let fingerprint = vec![position as u8; 32];
        let body = format!(r#"{{"position":{position}}}"#);
        (key.clone(), ExecutedRequest { fingerprint, status: 200, body })
    };
    keys.iter().enumerate().map(row).collect()
}

fn insert(store: &Store, keys: &[IdempotencyKey]) -> Result<(), StoreError> {
    let work = |c: &mut AnyConnection| idempotency::insert(c, &rows(keys), now());
    store.write(&mut store.connect()?, work)
}

/// Writes an order of the first market's house with this client order id.
fn order_of_house(database: &Database, client_order_id: &str) -> diesel::QueryResult<()> {
    let at = "'2026-01-01 00:00:00'";
    database.connect().batch_execute(&format!(
        "INSERT INTO orders (user_id, market_id, side, price, amount, filled_amount, filled_value, \
         commission, taker_rate, reserved, status, client_order_id, created_at, updated_at) \
         VALUES (-1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 3, '{client_order_id}', {at}, {at})"
    ))
}

/// The number of migrations, beginning with this one.
fn from_migration_23() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    std::fs::read_dir(folder).unwrap().count() - 22
}
