//! The database that an import writes to.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use crate::market::Market;
use crate::store::AnyConnection;

/// Inserts rows into a table of either database.
macro_rules! insert {
    ($connection:expr, $table:expr, $rows:expr) => {
        match $connection {
            AnyConnection::Postgres(c) => {
                diesel::insert_into($table).values($rows).execute(c)?;
            }
            AnyConnection::Sqlite(c) => {
                diesel::insert_into($table).values($rows).execute(c)?;
            }
        }
    };
}
pub(super) use insert;

/// The database that is written to, and the ids so far.
pub struct Target<'a> {
    pub connection: &'a mut AnyConnection,
    /// By their ids in the staging database.
    pub markets: BTreeMap<i64, Market>,
    pub assets: Vec<(i32, String)>,
    pub now: NaiveDateTime,
    pub last_account: i64,
    pub last_entry: i64,
}

impl Target<'_> {
    pub fn next_account(&mut self) -> i64 {
        self.last_account += 1;
        self.last_account
    }

    pub fn next_entry(&mut self) -> i64 {
        self.last_entry += 1;
        self.last_entry
    }
}
