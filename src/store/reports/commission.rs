//! Commission by market and day.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamp};

use super::whole_sum;
use crate::market::MarketId;
use crate::store::schema::trades;
use crate::store::views::ids_between;
use crate::store::{AnyConnection, StoreError};

/// The trades of a market on one day, in UTC. Sums are counts of 10⁻⁸ units of the quote asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyCommission {
    pub day: NaiveDate,
    pub market: MarketId,
    pub trades: i64,
    pub value: i128,
    pub commission: i128,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    day: String,
    #[diesel(sql_type = Integer)]
    market_id: i32,
    #[diesel(sql_type = BigInt)]
    trades: i64,
    #[diesel(sql_type = BigInt)]
    value_whole: i64,
    #[diesel(sql_type = BigInt)]
    value_fraction: i64,
    #[diesel(sql_type = BigInt)]
    commission_whole: i64,
    #[diesel(sql_type = BigInt)]
    commission_fraction: i64,
}

/// Both databases write a time as text that begins with its date, which the query builder cannot
/// express.
const QUERY: &str = "SELECT day, market_id, count(*) AS trades, \
    CAST(sum(value / 100000000) AS BIGINT) AS value_whole, \
    CAST(sum(value % 100000000) AS BIGINT) AS value_fraction, \
    CAST(sum(commission / 100000000) AS BIGINT) AS commission_whole, \
    CAST(sum(commission % 100000000) AS BIGINT) AS commission_fraction FROM ( \
        SELECT substr(CAST(created_at AS TEXT), 1, 10) AS day, market_id, value, \
            buyer_commission + seller_commission AS commission FROM trades \
        WHERE id >= $1 AND id < $2 AND coalesce(created_at >= $3, TRUE) \
            AND coalesce(created_at < $4, TRUE)) daily \
    GROUP BY day, market_id ORDER BY day DESC, market_id";

/// The commission on the trades from `from` on and before `to`, the newest day first. A report.
pub fn commission(
    connection: &mut AnyConnection,
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
) -> Result<Vec<DailyCommission>, StoreError> {
    let ids = ids_between(connection, from, to, |c, id| {
        let next = trades::table.filter(trades::id.ge(id)).order(trades::id.asc());
        Ok(next.select((trades::id, trades::created_at)).first(c).optional()?)
    })?;
    let rows: Vec<Row> = diesel::sql_query(QUERY)
        .bind::<BigInt, _>(ids.start)
        .bind::<BigInt, _>(ids.end)
        .bind::<Nullable<Timestamp>, _>(from)
        .bind::<Nullable<Timestamp>, _>(to)
        .load(connection)?;
    rows.into_iter().map(DailyCommission::try_from).collect()
}

impl TryFrom<Row> for DailyCommission {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let day = row.day.parse();
        let day = day.map_err(|_| StoreError::Other(format!("{} is no day", row.day)))?;
        Ok(Self {
            day,
            market: MarketId(row.market_id),
            trades: row.trades,
            value: whole_sum(row.value_whole, row.value_fraction),
            commission: whole_sum(row.commission_whole, row.commission_fraction),
        })
    }
}
