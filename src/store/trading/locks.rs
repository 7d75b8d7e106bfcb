//! What is read by id once the markets of a batch are locked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::{postgres, sqlite};
use crate::market::{
    ClientOrderId, Command, MarketId, MarketState, Order, OrderId, Status, TradeId, UserId,
};
use crate::store::rows::{MarketStateRow, OrderRow};
use crate::store::schema::{markets, orders};
use crate::store::statement::on_connection;
use crate::store::{AnyConnection, StoreError, codes};

/// The state of a market that is not locked.
pub fn market_state(
    connection: &mut AnyConnection,
    market: MarketId,
) -> Result<MarketState, StoreError> {
    let row: MarketStateRow =
        markets::table.find(market.0).select(MarketStateRow::as_select()).first(connection)?;
    let (_, state) = row.try_into()?;
    Ok(state)
}

/// Ids for the trades of a plan, in their order.
pub fn next_trade_ids(
    connection: &mut AnyConnection,
    count: usize,
) -> Result<Vec<TradeId>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let ids = match connection {
        AnyConnection::Postgres(c) => postgres::next_trade_ids(c, count)?,
        AnyConnection::Sqlite(c) => sqlite::next_trade_ids(c, count)?,
    };
    Ok(ids.into_iter().map(TradeId).collect())
}

/// The user and the market of an order, which never change. `None` if there is no such order.
pub fn owner_and_market(
    connection: &mut AnyConnection,
    order: OrderId,
) -> Result<Option<(UserId, MarketId)>, StoreError> {
    let found = orders::table.find(order.0).select((orders::user_id, orders::market_id));
    let found: Option<(i64, i32)> = on_connection!(connection, |c| found.first(c).optional()?);
    Ok(found.map(|(user, market)| (UserId(user), MarketId(market))))
}

/// When these orders were placed.
pub fn placed_at(
    connection: &mut AnyConnection,
    ids: Vec<OrderId>,
) -> Result<BTreeMap<OrderId, NaiveDateTime>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, NaiveDateTime)> = orders::table
        .filter(orders::id.eq_any(ids.iter().map(|id| id.0)))
        .select((orders::id, orders::created_at))
        .load(connection)?;
    Ok(rows.into_iter().map(|(id, at)| (OrderId(id), at)).collect())
}

/// Those of these client order ids that their users have used.
pub fn used_client_order_ids(
    connection: &mut AnyConnection,
    ids: BTreeSet<(UserId, ClientOrderId)>,
) -> Result<BTreeSet<(UserId, ClientOrderId)>, StoreError> {
    if ids.is_empty() {
        return Ok(ids);
    }
    match connection {
        AnyConnection::Postgres(c) => postgres::used_client_order_ids(c, &ids),
        AnyConnection::Sqlite(c) => sqlite::used_client_order_ids(c, ids),
    }
}

/// The open orders that commands cancel together, on SQLite.
pub fn open_orders(
    connection: &mut SqliteConnection,
    commands: &[Command],
) -> Result<Vec<Order>, StoreError> {
    let mut found = Vec::new();
    for command in commands {
        let Command::CancelAll { user, market, side, .. } = command else { continue };
        let open = orders::table
            .filter(orders::user_id.eq(user.0))
            .filter(orders::market_id.eq(market.0))
            .filter(orders::status.eq(codes::status_code(Status::Open)))
            .select(OrderRow::as_select());
        let mut open = open.into_boxed();
        if let Some(side) = side {
            open = open.filter(orders::side.eq(codes::side_code(*side)));
        }
        let rows: Vec<OrderRow> = open.load(connection)?;
        for row in rows {
            found.push(Order::try_from(row)?);
        }
    }
    Ok(found)
}
