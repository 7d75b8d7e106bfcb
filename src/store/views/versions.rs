//! The versions of what the API returns: rows that cost less than the answer, and that are others
//! whenever the answer is another one. Those of a user's lists are the versions of the user's
//! accounts, see [`holdings`](mod@super::holdings).
//!
//! Every writer of any process changes them in the transaction that changes the answer, while it
//! holds the lock of the same row, so a version is never used again. Trades are only ever added:
//! the newest one is the version of their list.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamp};
use diesel::sqlite::SqliteConnection;

use super::holdings::AccountVersions;
use crate::market::{MarketId, UserId};
use crate::store::schema::{accounts, markets, published_books, trades};
use crate::store::statement::{on_connection, statement};
use crate::store::{AnyConnection, StoreError};

/// The newest row of a list, by its id and its time. The id alone is used again after a restore of
/// the database.
pub type NewestRow = (i64, NaiveDateTime);

/// The versions of a market's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarketVersions {
    /// Of the book.
    pub book: i64,
    /// The sequence number of the last published book; 0 if there is none.
    pub published: i64,
    /// `None`: there was no trade.
    pub newest_trade: Option<NewestRow>,
}

/// A market's id with the columns of its versions.
type MarketColumns = (i32, i64, i64, Option<i64>, Option<NaiveDateTime>);

// The query builder has no LATERAL.
statement! {
    Markets { ids: Vec<i32> => Array<Integer> } ->
    (Integer, BigInt, BigInt, Nullable<BigInt>, Nullable<Timestamp>):
    "SELECT markets.id, markets.book_version, COALESCE(published_books.book_sequence, 0), \
     newest.id, newest.created_at FROM markets \
     LEFT JOIN published_books ON published_books.market_id = markets.id \
     LEFT JOIN LATERAL (SELECT id, created_at FROM trades WHERE market_id = markets.id \
     ORDER BY id DESC LIMIT 1) newest ON TRUE WHERE markets.id = ANY(" [ids] ")"
}

macro_rules! newest_of {
    ($market:expr) => {
        trades::table
            .filter(trades::market_id.eq($market.0))
            .order(trades::id.desc())
            .select((trades::id, trades::created_at))
    };
}

/// The versions of markets. On PostgreSQL by one statement.
pub fn market_versions(
    connection: &mut AnyConnection,
    ids: &[MarketId],
) -> Result<HashMap<MarketId, MarketVersions>, StoreError> {
    match connection {
        AnyConnection::Postgres(c) => {
            let ids = ids.iter().map(|id| id.0).collect();
            let rows: Vec<MarketColumns> = Markets { ids }.load(c)?;
            let versions = |(id, book, published, trade, at): MarketColumns| {
                let newest_trade = trade.zip(at);
                (MarketId(id), MarketVersions { book, published, newest_trade })
            };
            Ok(rows.into_iter().map(versions).collect())
        }
        AnyConnection::Sqlite(c) => {
            ids.iter().map(|id| Ok((*id, versions_of_market(c, *id)?))).collect()
        }
    }
}

fn versions_of_market(
    connection: &mut SqliteConnection,
    market: MarketId,
) -> Result<MarketVersions, StoreError> {
    let book = markets::table.find(market.0).select(markets::book_version);
    let published = published_books::table.find(market.0).select(published_books::book_sequence);
    Ok(MarketVersions {
        book: book.first(connection)?,
        published: published.first(connection).optional()?.unwrap_or(0),
        newest_trade: newest_of!(market).first(connection).optional()?,
    })
}

/// A market's newest trade. `None`: there was no trade.
pub fn newest_trade(
    connection: &mut AnyConnection,
    market: MarketId,
) -> Result<Option<NewestRow>, StoreError> {
    Ok(on_connection!(connection, |c| newest_of!(market).first(c).optional()?))
}

/// The versions of a user's accounts by asset.
pub(super) fn account_versions(
    connection: &mut AnyConnection,
    user: UserId,
) -> Result<AccountVersions, StoreError> {
    let versions = accounts::table
        .filter(accounts::user_id.eq(user.0))
        .order(accounts::asset_id)
        .select((accounts::asset_id, accounts::version));
    Ok(on_connection!(connection, |c| versions.load(c)?))
}
