//! SQLite's half of the hot path: a round trip costs nothing, so each kind of row has its prepared
//! statements.
//!
//! The write transaction is the lock of everything.

use std::collections::BTreeSet;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use super::plan_rows::PlanRows;
use crate::market::{AccountKey, ClientOrderId, Status, UserId};
use crate::store::clock::BatchTime;
use crate::store::outbox::NewEventRow;
use crate::store::rows::{
    AccountRow, CandleRow, ClientOrderIdText, FillChange, MarketStateRow, NewAccountRow, OrderRow,
};
use crate::store::schema::{
    accounts, candles, ledger_entries, markets, orders, outbox, trades, users,
};
use crate::store::statement::{insert_all, update};
use crate::store::{StoreError, codes};

#[diesel::declare_sql_function]
extern "SQL" {
    #[sql_name = "max"]
    fn greater_of(a: BigInt, b: BigInt) -> BigInt;
    #[sql_name = "min"]
    fn smaller_of(a: BigInt, b: BigInt) -> BigInt;
}

/// The write transaction has locked them all.
pub fn market_states(
    connection: &mut SqliteConnection,
    ids: &[i32],
) -> Result<Vec<MarketStateRow>, StoreError> {
    let mut states = Vec::with_capacity(ids.len());
    for id in ids {
        let state = markets::table.find(id).select(MarketStateRow::as_select());
        states.extend(state.load(connection)?);
    }
    Ok(states)
}

pub fn next_order_ids(
    connection: &mut SqliteConnection,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    let last: Option<i64> = orders::table.select(max(orders::id)).get_result(connection)?;
    Ok((last.unwrap_or(0) + 1..).take(count).collect())
}

pub fn next_trade_ids(
    connection: &mut SqliteConnection,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    let last: Option<i64> = trades::table.select(max(trades::id)).get_result(connection)?;
    Ok((last.unwrap_or(0) + 1..).take(count).collect())
}

pub fn orders_by_id(
    connection: &mut SqliteConnection,
    ids: &[i64],
) -> Result<Vec<OrderRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let order = orders::table.find(id).select(OrderRow::as_select());
        rows.extend(order.load(connection)?);
    }
    Ok(rows)
}

pub fn used_client_order_ids(
    connection: &mut SqliteConnection,
    ids: BTreeSet<(UserId, ClientOrderId)>,
) -> Result<BTreeSet<(UserId, ClientOrderId)>, StoreError> {
    let mut used = BTreeSet::new();
    for (user, id) in ids {
        let order = orders::table
            .filter(orders::user_id.eq(user.0))
            .filter(orders::client_order_id.eq(ClientOrderIdText(id)))
            .select(orders::id);
        if order.get_result::<i64>(connection).optional()?.is_some() {
            used.insert((user, id));
        }
    }
    Ok(used)
}

/// The accounts; creates those that are missing.
pub fn accounts(
    connection: &mut SqliteConnection,
    keys: &[AccountKey],
) -> Result<Vec<AccountRow>, StoreError> {
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let account = accounts::table
            .filter(accounts::user_id.eq(key.user.0))
            .filter(accounts::asset_id.eq(key.asset.0))
            .select(AccountRow::as_select());
        let mut found: Vec<AccountRow> = account.load(connection)?;
        if found.is_empty() {
            let user = users::table.find(key.user.0).select(users::status);
            let status: i16 = user.get_result(connection)?;
            let new = (NewAccountRow::empty(*key), accounts::user_status.eq(status));
            diesel::insert_into(accounts::table).values(new).execute(connection)?;
            found = account.load(connection)?;
        }
        rows.extend(found);
    }
    Ok(rows)
}

pub fn write(connection: &mut SqliteConnection, rows: &PlanRows<'_>) -> Result<(), StoreError> {
    let now = BatchTime::from(rows.now);
    let cancelled = codes::status_code(Status::Cancelled);
    let cancelled_at = |status: i16| (status == cancelled).then(|| now.clone());
    for market in &rows.markets {
        let version = greater_of(markets::book_version + 1, rows.version);
        let changes = (market, markets::book_version.eq(version));
        update!(markets::table, markets::id.eq(market.id), changes).execute(connection)?;
    }
    // Binding a column takes as long as writing it, so defaults are left out where all are.
    let (mut plain, mut others) = (Vec::new(), Vec::new());
    for order in &rows.new_orders {
        match order.plain() {
            Some(row) => plain.push(row),
            None => others.push(*order),
        }
    }
    insert_all!(connection, orders::table, plain, |order| (
        order,
        orders::created_at.eq(now.clone()),
        orders::updated_at.eq(now.clone()),
    ));
    insert_all!(connection, orders::table, others, |order| (
        order,
        orders::created_at.eq(now.clone()),
        orders::updated_at.eq(now.clone()),
        orders::cancelled_at.eq(cancelled_at(order.status)),
    ));
    for order in &rows.changed_orders {
        let (cancelled_at, id) = (cancelled_at(order.status), order.id);
        let times = (orders::updated_at.eq(&now), orders::cancelled_at.eq(cancelled_at));
        if order.may_have_moved {
            update!(orders::table, orders::id.eq(id), (order, times)).execute(connection)?;
        } else {
            let changes = (FillChange::from(order), times);
            update!(orders::table, orders::id.eq(id), changes).execute(connection)?;
        }
    }
    for account in &rows.accounts {
        let version = greater_of(accounts::version + 1, rows.version);
        let changes = (account, accounts::version.eq(version));
        update!(accounts::table, accounts::id.eq(account.id), changes).execute(connection)?;
    }
    insert_all!(connection, trades::table, rows.trades, |trade| {
        (trade, trades::created_at.eq(now.clone()))
    });
    for candle in &rows.candles {
        add_to_candle(connection, candle)?;
    }
    insert_all!(connection, ledger_entries::table, rows.entries, |entry| {
        (entry, ledger_entries::created_at.eq(now.clone()))
    });
    // A type with a lifetime cannot identify a statement of several rows, so texts are copied.
    insert_all!(connection, outbox::table, rows.events, |event| {
        let NewEventRow { channel, name, data, shard, socket_id } = event;
        (
            outbox::channel.eq(channel.to_owned()),
            outbox::name.eq(name.to_owned()),
            outbox::data.eq(data.to_owned()),
            outbox::created_at.eq(now.clone()),
            outbox::shard.eq(shard),
            outbox::socket_id.eq(socket_id.map(str::to_owned)),
        )
    });
    Ok(())
}

/// Adds to the candle, or inserts it. Diesel does not keep a prepared upsert.
fn add_to_candle(connection: &mut SqliteConnection, added: &CandleRow) -> Result<(), StoreError> {
    let key = candles::market_id
        .eq(added.market_id)
        .and(candles::interval_s.eq(added.interval_s))
        .and(candles::opened_at.eq(added.opened_at));
    let sums = (
        candles::volume_whole.eq(candles::volume_whole + added.volume_whole),
        candles::volume_fraction.eq(candles::volume_fraction + added.volume_fraction),
        candles::quote_volume_whole.eq(candles::quote_volume_whole + added.quote_volume_whole),
        candles::quote_volume_fraction
            .eq(candles::quote_volume_fraction + added.quote_volume_fraction),
        candles::trade_count.eq(candles::trade_count + added.trade_count),
    );
    let changes = (
        candles::high.eq(greater_of(candles::high, added.high)),
        candles::low.eq(smaller_of(candles::low, added.low)),
        candles::close.eq(added.close),
        candles::last_sequence.eq(added.last_sequence),
        sums,
    );
    if update!(candles::table, key, changes).execute(connection)? == 0 {
        diesel::insert_into(candles::table).values(added).execute(connection)?;
    }
    Ok(())
}
