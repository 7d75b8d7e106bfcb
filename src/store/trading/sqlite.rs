//! SQLite's half of the hot path: no round trips to save, so one prepared statement per kind of
//! row.
//!
//! The write transaction is the lock of everything.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, SmallInt, Text, Timestamp};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::NewEvents;
use super::resting::resting_statements;
use super::rows::{self, OrderRow, OrderSql, order_columns};
use crate::market::{Account, AccountKey, Fixed, Order, Plan, Side, State, Status};
use crate::store::StoreError;
use crate::store::outbox::shard_of;
use crate::store::statement::{ConnectionOf, statement};

statement! {
    MarketOfOrder<Sqlite> { id: i64 => BigInt } -> (Integer,):
    "SELECT market_id FROM orders WHERE id = " [id]
}

statement! {
    TradeCount<Sqlite> { id: i32 => Integer } -> (Integer, BigInt):
    "SELECT id, trade_sequence FROM markets WHERE id = " [id]
}

statement! {
    UpdateMarket<Sqlite> { trades: i64 => BigInt, id: i32 => Integer } -> (BigInt,):
    "UPDATE markets SET trade_sequence = " [trades] ", book_version = book_version + 1 WHERE id = "
    [id]
}

statement! {
    LastOrderId<Sqlite> {} -> (BigInt,):
    "SELECT coalesce(max(id), 0) FROM orders"
}

statement! {
    LastTradeId<Sqlite> {} -> (BigInt,):
    "SELECT coalesce(max(id), 0) FROM trades"
}

statement! {
    OrderById<Sqlite> { id: i64 => BigInt } -> OrderSql:
    "SELECT " (order_columns!()) " FROM orders WHERE id = " [id]
}

resting_statements!(Sqlite);

statement! {
    AccountByKey<Sqlite> { user: i64 => BigInt, asset: i32 => Integer } -> (BigInt, BigInt, BigInt):
    "SELECT id, available, locked FROM accounts WHERE user_id = " [user] " AND asset_id = " [asset]
}

statement! {
    MakeAccount<Sqlite> { user: i64 => BigInt, asset: i32 => Integer } -> (BigInt,):
    "INSERT INTO accounts (user_id, asset_id, available, locked) VALUES (" [user] ", " [asset]
    ", 0, 0)"
}

statement! {
    InsertOrder<Sqlite> {
        id: i64 => BigInt, user: i64 => BigInt, market: i32 => Integer, side: i16 => SmallInt,
        price: i64 => BigInt, amount: i64 => BigInt, filled: i64 => BigInt, value: i64 => BigInt,
        commission: i64 => BigInt, rate: i64 => BigInt, reserved: i64 => BigInt,
        status: i16 => SmallInt, created: NaiveDateTime => Timestamp,
        updated: NaiveDateTime => Timestamp,
        cancelled: Option<NaiveDateTime> => Nullable<Timestamp>,
    } -> (BigInt,):
    "INSERT INTO orders (" (order_columns!()) ", created_at, updated_at, cancelled_at) VALUES ("
    [id] ", " [user] ", " [market] ", " [side] ", " [price] ", " [amount] ", " [filled] ", "
    [value] ", " [commission] ", " [rate] ", " [reserved] ", " [status] ", " [created] ", "
    [updated] ", " [cancelled] ")"
}

statement! {
    UpdateOrder<Sqlite> {
        filled: i64 => BigInt, value: i64 => BigInt, commission: i64 => BigInt,
        reserved: i64 => BigInt, status: i16 => SmallInt, updated: NaiveDateTime => Timestamp,
        cancelled: Option<NaiveDateTime> => Nullable<Timestamp>, id: i64 => BigInt,
    } -> (BigInt,):
    "UPDATE orders SET filled_amount = " [filled] ", filled_value = " [value] ", commission = "
    [commission] ", reserved = " [reserved] ", status = " [status] ", updated_at = " [updated]
    ", cancelled_at = " [cancelled] " WHERE id = " [id]
}

statement! {
    UpdateAccount<Sqlite> { available: i64 => BigInt, locked: i64 => BigInt, id: i64 => BigInt }
    -> (BigInt,):
    "UPDATE accounts SET available = " [available] ", locked = " [locked] " WHERE id = " [id]
}

statement! {
    InsertTrade<Sqlite> {
        id: i64 => BigInt, market: i32 => Integer, buy: i64 => BigInt, sell: i64 => BigInt,
        buyer: i64 => BigInt, seller: i64 => BigInt, price: i64 => BigInt, amount: i64 => BigInt,
        value: i64 => BigInt, buyer_fee: i64 => BigInt, seller_fee: i64 => BigInt,
        created: NaiveDateTime => Timestamp, matched_events: i16 => SmallInt,
        sequence: i64 => BigInt,
    } -> (BigInt,):
    "INSERT INTO trades (id, market_id, buy_order_id, sell_order_id, buyer_id, seller_id, price, \
     amount, value, buyer_commission, seller_commission, created_at, matched_events, sequence) \
     VALUES ("
    [id] ", " [market] ", " [buy] ", " [sell] ", " [buyer] ", " [seller] ", " [price] ", "
    [amount] ", " [value] ", " [buyer_fee] ", " [seller_fee] ", " [created] ", "
    [matched_events] ", " [sequence] ")"
}

statement! {
    InsertEntry<Sqlite> {
        account: i64 => BigInt, action: i16 => SmallInt, available: i64 => BigInt,
        locked: i64 => BigInt, after: i64 => BigInt, kind: Option<i16> => Nullable<SmallInt>,
        reference: Option<i64> => Nullable<BigInt>, created: NaiveDateTime => Timestamp,
    } -> (BigInt,):
    "INSERT INTO ledger_entries (account_id, action, available_change, locked_change, \
     available_after, reference_type, reference_id, created_at) VALUES (" [account] ", " [action]
    ", " [available] ", " [locked] ", " [after] ", " [kind] ", " [reference] ", " [created] ")"
}

statement! {
    InsertEvent<Sqlite> {
        channel: String => Text, name: String => Text, data: String => Text,
        shard: i16 => SmallInt, socket: Option<String> => Nullable<Text>,
        created: NaiveDateTime => Timestamp,
    } -> (BigInt,):
    "INSERT INTO outbox (channel, name, data, shard, socket_id, created_at) VALUES (" [channel]
    ", " [name] ", " [data] ", " [shard] ", " [socket] ", " [created] ")"
}

pub fn markets_of_orders(
    connection: &mut SqliteConnection,
    ids: &[i64],
) -> Result<Vec<i32>, StoreError> {
    let mut markets = Vec::new();
    for id in ids {
        let rows: Vec<(i32,)> = MarketOfOrder { id: *id }.load(connection)?;
        markets.extend(rows.into_iter().map(|(id,)| id));
    }
    Ok(markets)
}

/// Gives the ids with their numbers of trades. The write transaction has locked them all.
pub fn trade_counts(
    connection: &mut SqliteConnection,
    ids: &[i32],
) -> Result<Vec<(i32, i64)>, StoreError> {
    let mut counts = Vec::with_capacity(ids.len());
    for id in ids {
        counts.extend(TradeCount { id: *id }.load::<(i32, i64)>(connection)?);
    }
    Ok(counts)
}

pub fn next_order_ids(
    connection: &mut SqliteConnection,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    let (last,): (i64,) = LastOrderId {}.get_result(connection)?;
    Ok((last + 1..).take(count).collect())
}

pub fn next_trade_ids(
    connection: &mut SqliteConnection,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    let (last,): (i64,) = LastTradeId {}.get_result(connection)?;
    Ok((last + 1..).take(count).collect())
}

pub fn orders_by_id(
    connection: &mut SqliteConnection,
    ids: &[i64],
) -> Result<Vec<OrderRow>, StoreError> {
    let mut orders = Vec::new();
    for id in ids {
        orders.extend(OrderById { id: *id }.load::<OrderRow>(connection)?);
    }
    Ok(orders)
}

pub fn lock_accounts(
    connection: &mut SqliteConnection,
    keys: &[AccountKey],
) -> Result<Vec<(AccountKey, Account)>, StoreError> {
    let mut accounts = Vec::with_capacity(keys.len());
    for key in keys {
        let (user, asset) = (key.user.0, key.asset.0);
        let mut rows: Vec<(i64, i64, i64)> = AccountByKey { user, asset }.load(connection)?;
        if rows.is_empty() {
            MakeAccount { user, asset }.execute(connection)?;
            rows = AccountByKey { user, asset }.load(connection)?;
        }
        for (id, available, locked) in rows {
            let (available, locked) = (Fixed::from_units(available), Fixed::from_units(locked));
            accounts.push((*key, Account { id, available, locked }));
        }
    }
    Ok(accounts)
}

pub fn apply(
    connection: &mut SqliteConnection,
    state: &State,
    plan: &Plan,
    new_events: &NewEvents,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    for (id, trades) in &state.trade_counts {
        UpdateMarket { trades: *trades, id: id.0 }.execute(connection)?;
    }
    for order in &plan.new_orders {
        insert_order(connection, order, now)?;
    }
    for order in &plan.changed_orders {
        UpdateOrder {
            filled: order.filled.units(),
            value: order.filled_value.units(),
            commission: order.commission.units(),
            reserved: order.reserved.units(),
            status: rows::status_code(order.status),
            updated: now,
            cancelled: cancelled_at(order, now),
            id: order.id.0,
        }
        .execute(connection)?;
    }
    for key in super::changed_accounts(plan) {
        let Account { id, available, locked } = *state.ledger.account(key);
        UpdateAccount { available: available.units(), locked: locked.units(), id }
            .execute(connection)?;
    }
    insert_trades(connection, plan, new_events.matched_per_trade, now)?;
    for entry in &plan.entries {
        let (kind, reference) = rows::reference_codes(plan, entry.reference);
        InsertEntry {
            account: state.ledger.account(entry.account).id,
            action: entry.action.code(),
            available: entry.available_change.units(),
            locked: entry.locked_change.units(),
            after: entry.available_after.units(),
            kind,
            reference,
            created: now,
        }
        .execute(connection)?;
    }
    for event in &new_events.events {
        InsertEvent {
            channel: event.channel.clone(),
            name: event.kind.name().to_owned(),
            data: event.data.clone(),
            shard: shard_of(&event.channel),
            socket: event.socket_id.clone(),
            created: now,
        }
        .execute(connection)?;
    }
    Ok(())
}

fn insert_order(
    connection: &mut SqliteConnection,
    order: &Order,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    InsertOrder {
        id: order.id.0,
        user: order.user.0,
        market: order.market.0,
        side: rows::side_code(order.side),
        price: order.price.units(),
        amount: order.amount.units(),
        filled: order.filled.units(),
        value: order.filled_value.units(),
        commission: order.commission.units(),
        rate: order.commission_rate.units(),
        reserved: order.reserved.units(),
        status: rows::status_code(order.status),
        created: now,
        updated: now,
        cancelled: cancelled_at(order, now),
    }
    .execute(connection)?;
    Ok(())
}

fn insert_trades(
    connection: &mut SqliteConnection,
    plan: &Plan,
    matched_events: i16,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    for trade in &plan.trades {
        InsertTrade {
            id: trade.id.0,
            market: trade.market.0,
            buy: trade.buy_order.0,
            sell: trade.sell_order.0,
            buyer: trade.buyer.0,
            seller: trade.seller.0,
            price: trade.price.units(),
            amount: trade.amount.units(),
            value: trade.value.units(),
            buyer_fee: trade.buyer_commission.units(),
            seller_fee: trade.seller_commission.units(),
            created: now,
            matched_events,
            sequence: trade.sequence,
        }
        .execute(connection)?;
    }
    Ok(())
}

fn cancelled_at(order: &Order, now: NaiveDateTime) -> Option<NaiveDateTime> {
    (order.status == Status::Cancelled).then_some(now)
}
