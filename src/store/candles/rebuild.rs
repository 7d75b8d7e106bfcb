//! Makes the candles of a market from its trades anew.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::market::MarketId;
use crate::store::rows::STORED_INTERVALS_S;
use crate::store::schema::{candles, markets};
use crate::store::{AnyConnection, StoreError};

/// Replaces the candles of a market by those of its trades; returns their number. Runs in a write
/// transaction, which holds the lock of the market: its orders wait.
pub fn rebuild(connection: &mut AnyConnection, market: MarketId) -> Result<usize, StoreError> {
    if let AnyConnection::Postgres(c) = connection {
        // Reads all trades, in its own time.
        c.batch_execute("SET LOCAL statement_timeout = 0")?;
        let locked = markets::table.find(market.0).select(markets::id).for_update();
        locked.execute(c)?;
    }
    diesel::delete(candles::table.filter(candles::market_id.eq(market.0))).execute(connection)?;
    let mut rebuilt = 0;
    for interval_s in STORED_INTERVALS_S {
        let text = insertion(connection, interval_s);
        let insert = diesel::sql_query(text).bind::<Integer, _>(market.0);
        rebuilt += match connection {
            AnyConnection::Postgres(c) => insert.execute(c)?,
            AnyConnection::Sqlite(c) => insert.execute(c)?,
        };
    }
    Ok(rebuilt)
}

/// The query builder has no derived tables, and no function that both databases share cuts a time
/// off.
fn insertion(connection: &AnyConnection, interval_s: i32) -> String {
    let (opened_at, market) = match (connection, interval_s) {
        (AnyConnection::Postgres(_), 60) => ("date_trunc('minute', created_at)", "$1"),
        (AnyConnection::Postgres(_), _) => ("date_trunc('hour', created_at)", "$1"),
        (AnyConnection::Sqlite(_), 60) => ("substr(created_at, 1, 16) || ':00'", "?"),
        (AnyConnection::Sqlite(_), _) => ("substr(created_at, 1, 13) || ':00:00'", "?"),
    };
    format!(
        "INSERT INTO candles SELECT c.market_id, {interval_s}, c.opened_at, f.price, c.high, \
         c.low, l.price, c.volume_whole, c.volume_fraction, c.quote_volume_whole, \
         c.quote_volume_fraction, c.trade_count, c.first_sequence, c.last_sequence \
         FROM (SELECT market_id, {opened_at} AS opened_at, max(price) AS high, \
            min(price) AS low, CAST(sum(amount / 100000000) AS BIGINT) AS volume_whole, \
            CAST(sum(amount % 100000000) AS BIGINT) AS volume_fraction, \
            CAST(sum(value / 100000000) AS BIGINT) AS quote_volume_whole, \
            CAST(sum(value % 100000000) AS BIGINT) AS quote_volume_fraction, \
            count(*) AS trade_count, min(sequence) AS first_sequence, \
            max(sequence) AS last_sequence \
            FROM trades WHERE market_id = {market} GROUP BY 1, 2) c \
         JOIN trades f ON f.market_id = c.market_id AND f.sequence = c.first_sequence \
         JOIN trades l ON l.market_id = c.market_id AND l.sequence = c.last_sequence"
    )
}
