//! The state of each market's published book, and which books are outdated.
//!
//! The database decides for all processes when a book is published: by one conditional update of
//! the market's row in `published_books`. The row in `markets`, which is the lock of the book, is
//! read and never locked.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use diesel::prelude::*;

use super::schema::{markets, published_books};
use super::statement::update;
use super::{AnyConnection, StoreError};
use crate::market::MarketId;

/// A market whose book may have changed since it was last published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutdatedBook {
    pub market: MarketId,
    /// `None`: it was never published, and [`create`] has to be called first.
    pub published_at: Option<NaiveDateTime>,
}

/// The markets whose published books are outdated.
pub fn outdated(connection: &mut AnyConnection) -> Result<Vec<OutdatedBook>, StoreError> {
    let columns = (markets::id, published_books::published_at.nullable());
    let rows: Vec<(i32, Option<NaiveDateTime>)> = markets::table
        .left_join(published_books::table)
        .filter(markets::book_version.gt(0))
        .filter(
            published_books::book_version
                .nullable()
                .is_null()
                .or(published_books::book_version.nullable().lt(markets::book_version.nullable())),
        )
        .select(columns)
        .load(connection)?;
    let outdated = |(id, published_at)| OutdatedBook { market: MarketId(id), published_at };
    Ok(rows.into_iter().map(outdated).collect())
}

/// Creates a market's row. Needs a transaction of its own: the row refers to the market, and no
/// batch can lock the market before the commit.
///
/// # Errors
/// [`StoreError::Duplicate`] if another process was faster.
pub fn create(connection: &mut AnyConnection, market: MarketId) -> Result<(), StoreError> {
    let values = (
        published_books::market_id.eq(market.0),
        published_books::book_version.eq(0),
        published_books::book_sequence.eq(0),
        published_books::published_at.eq(DateTime::UNIX_EPOCH.naive_utc()),
    );
    diesel::insert_into(published_books::table).values(values).execute(connection)?;
    Ok(())
}

/// Claims the publication of a market's book, of which `version` was read; returns its sequence
/// number: 1, 2, 3, without gaps.
///
/// `None`: this version or a newer one was published, or some process published the book less than
/// `interval` ago. Runs in the write transaction that publishes the book. So a greater sequence
/// number is a newer version, and exactly the version that is recorded.
pub fn claim_update(
    connection: &mut AnyConnection,
    market: MarketId,
    version: i64,
    now: NaiveDateTime,
    interval: Duration,
) -> Result<Option<i64>, StoreError> {
    let this = published_books::market_id.eq(market.0);
    // A time far in the future was written by a clock that was wrong, and must not delay the book.
    let is_due = published_books::published_at
        .le(now - interval)
        .or(published_books::published_at.gt(now + interval));
    let is_outdated = published_books::book_version.lt(version);
    let values = (
        published_books::book_version.eq(version),
        published_books::book_sequence.eq(published_books::book_sequence + 1),
        published_books::published_at.eq(now),
    );
    let due = this.and(is_outdated).and(is_due);
    if update!(published_books::table, due, values).execute(connection)? == 0 {
        return Ok(None);
    }
    Ok(Some(last_sequence(connection, market)?))
}

/// The sequence number of the last published book of a market; 0 if there is none.
pub fn last_sequence(connection: &mut AnyConnection, market: MarketId) -> Result<i64, StoreError> {
    let sequence = published_books::table.find(market.0).select(published_books::book_sequence);
    Ok(sequence.first(connection).optional()?.unwrap_or(0))
}
