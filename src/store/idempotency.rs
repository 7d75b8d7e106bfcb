//! Requests that were executed under a key of their clients, with their responses.

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, SmallInt, Text, Timestamp};
use diesel::sqlite::SqliteConnection;

use super::clock::BatchTime;
use super::schema::idempotency_keys;
use super::statement::{insert_all, statement};
use super::{AnyConnection, StoreError};
use crate::market::UserId;

/// A client's name for one request of a user: 1 to [`Self::MAX_LEN`] printable ASCII
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    user: UserId,
    text: String,
}

/// The user of keys that belong to no user.
const NOBODY: UserId = UserId(0);

impl IdempotencyKey {
    pub const MAX_LEN: usize = 255;

    /// The key of a part of a request, or of all of it if `part` is empty. `None` if the text is
    /// empty or too long, or has another character.
    pub fn parse(user: UserId, text: &str, part: &str) -> Option<Self> {
        let is_valid = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        // The separator is no character of a client's key.
        let separator = if part.is_empty() { "" } else { "\n" };
        is_valid.then(|| Self { user, text: format!("{text}{separator}{part}") })
    }

    /// The key of a request of an administrator's token. Keys of users are others.
    pub fn of_administrator(token: i64, text: &str) -> Option<Self> {
        Self::parse(NOBODY, text, &format!("admin-{token}"))
    }
}

/// A request that was executed, and its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedRequest {
    /// The SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// The HTTP status of the response.
    pub status: u16,
    /// The body of the response.
    pub body: String,
}

type Row = (i64, String, Vec<u8>, i16, String);

statement! {
    FindKeys { users: Vec<i64> => Array<BigInt>, keys: Vec<String> => Array<Text> }
    -> (BigInt, Text, Binary, SmallInt, Text):
    "SELECT i.user_id, i.key, i.fingerprint, i.status, i.body FROM unnest(" [users] ", " [keys]
    ") AS k (user_id, key) JOIN idempotency_keys i ON i.user_id = k.user_id AND i.key = k.key"
}

statement! {
    InsertKeys {
        users: Vec<i64> => Array<BigInt>,
        keys: Vec<String> => Array<Text>,
        fingerprints: Vec<Vec<u8>> => Array<Binary>,
        statuses: Vec<i16> => Array<SmallInt>,
        bodies: Vec<String> => Array<Text>,
        now: chrono::NaiveDateTime => Timestamp,
    }
    -> (BigInt,):
    "INSERT INTO idempotency_keys (user_id, key, fingerprint, status, body, created_at) \
     SELECT r.user_id, r.key, r.fingerprint, r.status, r.body, " [now] " FROM unnest(" [users] ", "
    [keys] ", " [fingerprints] ", " [statuses] ", " [bodies]
    ") AS r (user_id, key, fingerprint, status, body)"
}

/// Those of these keys under which requests were executed.
///
/// Of two transactions with the same key, the second sees it once both have locked the same row. If
/// they have none in common, [`insert`] fails with [`StoreError::Duplicate`] in the second.
pub fn find(
    connection: &mut AnyConnection,
    keys: Vec<IdempotencyKey>,
) -> Result<BTreeMap<IdempotencyKey, ExecutedRequest>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = match connection {
        AnyConnection::Postgres(c) => {
            let (users, keys) = keys.into_iter().map(|key| (key.user.0, key.text)).unzip();
            FindKeys { users, keys }.load::<Row>(c)?
        }
        AnyConnection::Sqlite(c) => find_on_sqlite(c, keys)?,
    };
    rows.into_iter().map(executed).collect()
}

fn executed(row: Row) -> Result<(IdempotencyKey, ExecutedRequest), StoreError> {
    let (user, text, fingerprint, status, body) = row;
    let status = u16::try_from(status)
        .map_err(|_| StoreError::Other(format!("a stored response has the status {status}")))?;
    let key = IdempotencyKey { user: UserId(user), text };
    Ok((key, ExecutedRequest { fingerprint, status, body }))
}

fn find_on_sqlite(
    connection: &mut SqliteConnection,
    keys: Vec<IdempotencyKey>,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for IdempotencyKey { user, text } in keys {
        let key = idempotency_keys::table
            .filter(idempotency_keys::user_id.eq(user.0))
            .filter(idempotency_keys::key.eq(text))
            .select((
                idempotency_keys::user_id,
                idempotency_keys::key,
                idempotency_keys::fingerprint,
                idempotency_keys::status,
                idempotency_keys::body,
            ));
        rows.extend(key.load::<Row>(connection)?);
    }
    Ok(rows)
}

/// A request and its response as a row, without its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyRow<'a> {
    pub user_id: i64,
    pub key: &'a str,
    pub fingerprint: &'a [u8],
    pub status: i16,
    pub body: &'a str,
}

impl<'a> KeyRow<'a> {
    pub fn new((key, request): &'a (IdempotencyKey, ExecutedRequest)) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: key.user.0,
            key: &key.text,
            fingerprint: &request.fingerprint,
            status: status_code(request.status)?,
            body: &request.body,
        })
    }
}

/// Records requests that the transaction executes, and that change nothing. On SQLite also others:
/// on PostgreSQL these are written with the plan.
pub fn insert(
    connection: &mut AnyConnection,
    requests: &[(IdempotencyKey, ExecutedRequest)],
    now: chrono::NaiveDateTime,
) -> Result<(), StoreError> {
    if requests.is_empty() {
        return Ok(());
    }
    let rows = requests.iter().map(KeyRow::new).collect::<Result<Vec<_>, _>>()?;
    match connection {
        AnyConnection::Postgres(c) => insert_on_postgres(c, &rows, now),
        AnyConnection::Sqlite(c) => insert_on_sqlite(c, &rows, now),
    }
}

fn insert_on_postgres(
    connection: &mut PgConnection,
    rows: &[KeyRow<'_>],
    now: chrono::NaiveDateTime,
) -> Result<(), StoreError> {
    let insert = InsertKeys {
        users: rows.iter().map(|row| row.user_id).collect(),
        keys: rows.iter().map(|row| row.key.to_owned()).collect(),
        fingerprints: rows.iter().map(|row| row.fingerprint.to_vec()).collect(),
        statuses: rows.iter().map(|row| row.status).collect(),
        bodies: rows.iter().map(|row| row.body.to_owned()).collect(),
        now,
    };
    insert.execute(connection)?;
    Ok(())
}

fn insert_on_sqlite(
    connection: &mut SqliteConnection,
    rows: &[KeyRow<'_>],
    now: chrono::NaiveDateTime,
) -> Result<(), StoreError> {
    let now = BatchTime::from(now);
    // A type with a lifetime cannot identify a statement of several rows, so texts are copied.
    insert_all!(connection, idempotency_keys::table, rows, |row| {
        (
            idempotency_keys::user_id.eq(row.user_id),
            idempotency_keys::key.eq(row.key.to_owned()),
            idempotency_keys::fingerprint.eq(row.fingerprint.to_vec()),
            idempotency_keys::status.eq(row.status),
            idempotency_keys::body.eq(row.body.to_owned()),
            idempotency_keys::created_at.eq(now.clone()),
        )
    });
    Ok(())
}

fn status_code(status: u16) -> Result<i16, StoreError> {
    i16::try_from(status).map_err(|_| StoreError::Other(format!("a response has status {status}")))
}

#[cfg(test)]
mod tests {
    use super::{IdempotencyKey, UserId};

    #[test]
    fn a_key_has_one_to_255_printable_characters() {
        for text in ["a", " ", "!~", "a b", &"x".repeat(255)] {
            assert!(IdempotencyKey::parse(UserId(1), text, "").is_some(), "{text}");
        }
        for text in ["", "a\t", "\u{7f}", "é", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(UserId(1), text, ""), None, "{text:?}");
        }
    }
}
