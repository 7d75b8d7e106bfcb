//! Orders that wait for something else than an incoming order: stop orders for their prices, and
//! orders with a date for their end.

use std::collections::BTreeSet;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::SqliteConnection;

use crate::market::{MarketId, MarketState, MarketStatus, Order, Side, State};
use crate::store::clock::database_time;
use crate::store::rows::OrderRow;
use crate::store::schema::{BUY_STOPS, EXPIRING, SELL_STOPS, markets, orders};
use crate::store::statement::prepared;
use crate::store::{AnyConnection, StoreError, codes};

/// The stop orders that are read from each side: of those that trades have triggered, as many are
/// executed in a batch.
const STOPS: usize = 64;
pub const STOPS_LIMIT: i64 = 64;
/// The expired orders that a batch cancels.
const EXPIRED: i64 = 1000;

/// Loads the waiting stop orders that are triggered first, of each market with any, on SQLite.
pub fn load_stops(connection: &mut SqliteConnection, state: &mut State) -> Result<(), StoreError> {
    let has_stops = |(_, state): &(&MarketId, &MarketState)| state.waiting_stops > 0;
    let markets = state.market_states.iter().filter(has_stops).map(|(market, _)| *market);
    for market in markets.collect::<Vec<_>>() {
        for side in [Side::Buy, Side::Sell] {
            insert_stops(state, &nearest_stops(connection, market, side)?);
        }
    }
    Ok(())
}

/// Adds the first stop orders of one side of a market, in order.
pub fn insert_stops(state: &mut State, first: &[Order]) {
    for order in first {
        state.insert_order(*order);
    }
    if let Some(last) = first.last().filter(|_| first.len() >= STOPS) {
        state.stops.entry(last.market).or_default().set_known_to(last);
    }
}

/// The loaded stop orders that earlier trades have triggered are ready.
pub fn find_ready_stops(state: &mut State) {
    for (market, market_state) in &state.market_states {
        if market_state.is_triggering()
            && let (Some(range), Some(stops)) = (market_state.triggering, state.stops.get(market))
        {
            state.ready_stops.extend(stops.triggered(range).take(STOPS));
        }
    }
}

/// The query has no LIMIT, see [`crate::store::statement`].
fn nearest_stops(
    connection: &mut SqliteConnection,
    market: MarketId,
    side: Side,
) -> Result<Vec<Order>, StoreError> {
    let of_market = orders::table.filter(orders::market_id.eq(market.0));
    match side {
        Side::Buy => {
            let buys = of_market
                .filter(sql::<Bool>(BUY_STOPS))
                .order((orders::stop_price.asc(), orders::arrival.asc()))
                .select(OrderRow::as_select());
            orders_of(prepared!(buys).load_iter::<_, DefaultLoadingMode>(connection)?)
        }
        Side::Sell => {
            let sells = of_market
                .filter(sql::<Bool>(SELL_STOPS))
                .order((orders::stop_price.desc(), orders::arrival.asc()))
                .select(OrderRow::as_select());
            orders_of(prepared!(sells).load_iter::<_, DefaultLoadingMode>(connection)?)
        }
    }
}

fn orders_of(rows: impl Iterator<Item = QueryResult<OrderRow>>) -> Result<Vec<Order>, StoreError> {
    rows.take(STOPS).map(|row| Order::try_from(row?)).collect()
}

/// Open orders of these markets whose time in force has ended, by the clock of the database.
pub fn expired_orders(
    connection: &mut AnyConnection,
    of_markets: &BTreeSet<MarketId>,
) -> Result<Vec<Order>, StoreError> {
    if of_markets.is_empty() {
        return Ok(Vec::new());
    }
    let now = database_time(connection)?;
    let rows: Vec<OrderRow> = orders::table
        .filter(sql::<Bool>(EXPIRING))
        .filter(orders::expires_at.le(now))
        .filter(orders::market_id.eq_any(of_markets.iter().map(|id| id.0)))
        .order(orders::id)
        .limit(EXPIRED)
        .select(OrderRow::as_select())
        .load(connection)?;
    rows.into_iter().map(Order::try_from).collect()
}

/// The markets in which something is to be done without a request: orders have expired, or stop
/// orders are triggered and not executed yet.
pub fn markets_to_advance(
    connection: &mut AnyConnection,
) -> Result<BTreeSet<MarketId>, StoreError> {
    let now = database_time(connection)?;
    let mut found: Vec<i32> = orders::table
        .filter(sql::<Bool>(EXPIRING))
        .filter(orders::expires_at.le(now))
        .select(orders::market_id)
        .distinct()
        .load(connection)?;
    let triggering: Vec<i32> = markets::table
        .filter(markets::triggering_low.is_not_null())
        .filter(markets::status.eq(codes::market_status_code(MarketStatus::Open)))
        .select(markets::id)
        .load(connection)?;
    found.extend(triggering);
    Ok(found.into_iter().map(MarketId).collect())
}
