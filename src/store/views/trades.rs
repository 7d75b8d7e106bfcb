//! A market's trades.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{MarketId, Trade};
use crate::store::rows::StoredTrade;
use crate::store::schema::trades as table;
use crate::store::{AnyConnection, StoreError};

/// A market's trades with their times, newest first.
pub fn trades(
    connection: &mut AnyConnection,
    market: MarketId,
    cap: i64,
) -> Result<Vec<(Trade, NaiveDateTime)>, StoreError> {
    let rows: Vec<StoredTrade> = table::table
        .filter(table::market_id.eq(market.0))
        .order(table::sequence.desc())
        .limit(cap)
        .select(StoredTrade::as_select())
        .load(connection)?;
    rows.into_iter().map(|row| Ok((row.trade.try_into()?, row.created_at))).collect()
}
