//! PostgreSQL's half of the hot path: few round trips, whole batches as arrays, one statement for a
//! whole plan.

use chrono::NaiveDateTime;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamp};

use super::NewEvents;
use super::resting::resting_statements;
use super::rows::{self, OrderRow, OrderSql, order_columns};
use crate::market::{Account, AccountKey, AssetId, Fixed, Order, Plan, Side, State, UserId};
use crate::store::StoreError;
use crate::store::outbox::shard_of;
use crate::store::statement::{ConnectionOf, statement};

statement! {
    LockMarkets<Pg> { ids: Vec<i32> => Array<Integer> } -> (Integer, BigInt):
    "SELECT id, trade_sequence FROM markets WHERE id = ANY(" [ids] ") ORDER BY id FOR UPDATE"
}

statement! {
    MarketsOfOrders<Pg> { ids: Vec<i64> => Array<BigInt> } -> (Integer,):
    "SELECT DISTINCT market_id FROM orders WHERE id = ANY(" [ids] ")"
}

statement! {
    NextOrderIds<Pg> { count: i64 => BigInt } -> (BigInt,):
    "SELECT nextval('orders_id_seq') FROM generate_series(1, " [count] ")"
}

statement! {
    NextTradeIds<Pg> { count: i64 => BigInt } -> (BigInt,):
    "SELECT nextval('trades_id_seq') FROM generate_series(1, " [count] ")"
}

statement! {
    OrdersById<Pg> { ids: Vec<i64> => Array<BigInt> } -> OrderSql:
    "SELECT " (order_columns!()) " FROM orders WHERE id = ANY(" [ids] ")"
}

resting_statements!(Pg);

statement! {
    LockAccounts<Pg> { users: Vec<i64> => Array<BigInt>, assets: Vec<i32> => Array<Integer> }
    -> (BigInt, BigInt, Integer, BigInt, BigInt):
    "SELECT id, user_id, asset_id, available, locked FROM accounts WHERE (user_id, asset_id) IN \
     (SELECT * FROM unnest(" [users] ", " [assets] ")) ORDER BY user_id, asset_id FOR UPDATE"
}

statement! {
    MakeAccounts<Pg> { users: Vec<i64> => Array<BigInt>, assets: Vec<i32> => Array<Integer> }
    -> (BigInt,):
    "INSERT INTO accounts (user_id, asset_id, available, locked) \
     SELECT k.user_id, k.asset_id, 0, 0 FROM unnest(" [users] ", " [assets]
    ") AS k (user_id, asset_id) ORDER BY 1, 2 ON CONFLICT (user_id, asset_id) DO NOTHING"
}

type AccountRow = (i64, i64, i32, i64, i64);

/// Gives the ids with their numbers of trades.
pub fn lock_markets(
    connection: &mut PgConnection,
    ids: Vec<i32>,
) -> Result<Vec<(i32, i64)>, StoreError> {
    Ok(LockMarkets { ids }.load(connection)?)
}

pub fn markets_of_orders(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<Vec<i32>, StoreError> {
    let rows = MarketsOfOrders { ids: ids.to_vec() }.load::<(i32,)>(connection)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub fn next_order_ids(connection: &mut PgConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = NextOrderIds { count }.load::<(i64,)>(connection)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub fn next_trade_ids(connection: &mut PgConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = NextTradeIds { count }.load::<(i64,)>(connection)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub fn orders_by_id(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<Vec<OrderRow>, StoreError> {
    Ok(OrdersById { ids: ids.to_vec() }.load(connection)?)
}

pub fn lock_accounts(
    connection: &mut PgConnection,
    keys: &[AccountKey],
) -> Result<Vec<(AccountKey, Account)>, StoreError> {
    let users: Vec<i64> = keys.iter().map(|key| key.user.0).collect();
    let assets: Vec<i32> = keys.iter().map(|key| key.asset.0).collect();
    let lock = || LockAccounts { users: users.clone(), assets: assets.clone() };
    let mut rows: Vec<AccountRow> = lock().load(connection)?;
    if rows.len() < keys.len() {
        MakeAccounts { users: users.clone(), assets: assets.clone() }.execute(connection)?;
        rows = lock().load(connection)?;
    }
    Ok(rows
        .into_iter()
        .map(|(id, user, asset, available, locked)| {
            let key = AccountKey { user: UserId(user), asset: AssetId(asset) };
            let (available, locked) = (Fixed::from_units(available), Fixed::from_units(locked));
            (key, Account { id, available, locked })
        })
        .collect())
}

statement! {
    /// A whole plan in one statement. Each table's rows come as one array per column.
    WritePlan<Pg> {
        now: NaiveDateTime => Timestamp,
        market_id: Vec<i32> => Array<Integer>, market_trades: Vec<i64> => Array<BigInt>,
        new_id: Vec<i64> => Array<BigInt>, new_user: Vec<i64> => Array<BigInt>,
        new_market: Vec<i32> => Array<Integer>, new_side: Vec<i16> => Array<SmallInt>,
        new_price: Vec<i64> => Array<BigInt>, new_amount: Vec<i64> => Array<BigInt>,
        new_filled: Vec<i64> => Array<BigInt>, new_value: Vec<i64> => Array<BigInt>,
        new_commission: Vec<i64> => Array<BigInt>, new_rate: Vec<i64> => Array<BigInt>,
        new_reserved: Vec<i64> => Array<BigInt>, new_status: Vec<i16> => Array<SmallInt>,
        order_id: Vec<i64> => Array<BigInt>, order_filled: Vec<i64> => Array<BigInt>,
        order_value: Vec<i64> => Array<BigInt>, order_commission: Vec<i64> => Array<BigInt>,
        order_reserved: Vec<i64> => Array<BigInt>, order_status: Vec<i16> => Array<SmallInt>,
        account_id: Vec<i64> => Array<BigInt>, account_available: Vec<i64> => Array<BigInt>,
        account_locked: Vec<i64> => Array<BigInt>,
        trade_id: Vec<i64> => Array<BigInt>, trade_sequence: Vec<i64> => Array<BigInt>,
        trade_market: Vec<i32> => Array<Integer>,
        trade_buy: Vec<i64> => Array<BigInt>, trade_sell: Vec<i64> => Array<BigInt>,
        trade_buyer: Vec<i64> => Array<BigInt>, trade_seller: Vec<i64> => Array<BigInt>,
        trade_price: Vec<i64> => Array<BigInt>, trade_amount: Vec<i64> => Array<BigInt>,
        trade_value: Vec<i64> => Array<BigInt>, trade_buyer_fee: Vec<i64> => Array<BigInt>,
        trade_seller_fee: Vec<i64> => Array<BigInt>, trade_matched_events: i16 => SmallInt,
        entry_account: Vec<i64> => Array<BigInt>, entry_action: Vec<i16> => Array<SmallInt>,
        entry_available: Vec<i64> => Array<BigInt>, entry_locked: Vec<i64> => Array<BigInt>,
        entry_after: Vec<i64> => Array<BigInt>,
        entry_type: Vec<Option<i16>> => Array<Nullable<SmallInt>>,
        entry_reference: Vec<Option<i64>> => Array<Nullable<BigInt>>,
        event_channel: Vec<String> => Array<Text>, event_name: Vec<String> => Array<Text>,
        event_data: Vec<String> => Array<Text>, event_shard: Vec<i16> => Array<SmallInt>,
        event_socket: Vec<Option<String>> => Array<Nullable<Text>>,
    } -> (BigInt,):
    "WITH clock AS (SELECT " [now] " AS now), \
     changed_markets AS (UPDATE markets SET trade_sequence = m.trade_sequence, \
       book_version = book_version + 1 FROM unnest(" [market_id] ", " [market_trades]
    ") AS m (id, trade_sequence) WHERE markets.id = m.id), \
     new_orders AS (INSERT INTO orders (id, user_id, market_id, side, price, amount, \
       filled_amount, filled_value, commission, commission_rate, reserved, status, created_at, \
       updated_at, cancelled_at) \
       SELECT o.*, now, now, CASE WHEN o.status = 3 THEN now END FROM clock, unnest("
    [new_id] ", " [new_user] ", " [new_market] ", " [new_side] ", " [new_price] ", " [new_amount]
    ", " [new_filled] ", " [new_value] ", " [new_commission] ", " [new_rate] ", " [new_reserved]
    ", " [new_status]
    ") AS o (id, user_id, market_id, side, price, amount, filled_amount, filled_value, \
       commission, commission_rate, reserved, status)), \
     changed_orders AS (UPDATE orders SET filled_amount = o.filled_amount, \
       filled_value = o.filled_value, commission = o.commission, reserved = o.reserved, \
       status = o.status, updated_at = now, \
       cancelled_at = CASE WHEN o.status = 3 THEN now END FROM clock, unnest("
    [order_id] ", " [order_filled] ", " [order_value] ", " [order_commission] ", "
    [order_reserved] ", " [order_status]
    ") AS o (id, filled_amount, filled_value, commission, reserved, status) \
       WHERE orders.id = o.id), \
     changed_accounts AS (UPDATE accounts SET available = a.available, locked = a.locked \
       FROM unnest(" [account_id] ", " [account_available] ", " [account_locked]
    ") AS a (id, available, locked) WHERE accounts.id = a.id), \
     new_trades AS (INSERT INTO trades (id, sequence, market_id, buy_order_id, \
       sell_order_id, buyer_id, seller_id, price, amount, value, buyer_commission, \
       seller_commission, created_at, matched_events) \
       SELECT t.*, now, " [trade_matched_events] " FROM clock, unnest("
    [trade_id] ", " [trade_sequence] ", " [trade_market] ", " [trade_buy] ", " [trade_sell] ", "
    [trade_buyer] ", " [trade_seller] ", " [trade_price] ", " [trade_amount] ", " [trade_value] ", "
    [trade_buyer_fee] ", " [trade_seller_fee]
    ") AS t), \
     new_entries AS (INSERT INTO ledger_entries (account_id, action, available_change, \
       locked_change, available_after, reference_type, reference_id, created_at) \
       SELECT e.*, now FROM clock, unnest("
    [entry_account] ", " [entry_action] ", " [entry_available] ", " [entry_locked] ", "
    [entry_after] ", " [entry_type] ", " [entry_reference]
    ") AS e) \
     INSERT INTO outbox (channel, name, data, shard, socket_id, created_at) \
       SELECT v.*, now FROM clock, unnest("
    [event_channel] ", " [event_name] ", " [event_data] ", " [event_shard] ", " [event_socket]
    ") AS v"
}

pub fn apply(
    connection: &mut PgConnection,
    state: &State,
    plan: &Plan,
    new_events: &NewEvents,
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let events = &new_events.events;
    let new = &plan.new_orders;
    let changed = &plan.changed_orders;
    let trades = &plan.trades;
    let keys = super::changed_accounts(plan);
    let accounts: Vec<Account> = keys.iter().map(|key| *state.ledger.account(*key)).collect();
    let entries = &plan.entries;
    let references: Vec<_> =
        entries.iter().map(|entry| rows::reference_codes(plan, entry.reference)).collect();
    let statement = WritePlan {
        now,
        market_id: state.trade_counts.keys().map(|id| id.0).collect(),
        market_trades: state.trade_counts.values().copied().collect(),
        new_id: column(new, |o| o.id.0),
        new_user: column(new, |o| o.user.0),
        new_market: column(new, |o| o.market.0),
        new_side: column(new, |o| rows::side_code(o.side)),
        new_price: column(new, |o| o.price.units()),
        new_amount: column(new, |o| o.amount.units()),
        new_filled: column(new, filled),
        new_value: column(new, |o| o.filled_value.units()),
        new_commission: column(new, |o| o.commission.units()),
        new_rate: column(new, |o| o.commission_rate.units()),
        new_reserved: column(new, |o| o.reserved.units()),
        new_status: column(new, |o| rows::status_code(o.status)),
        order_id: column(changed, |o| o.id.0),
        order_filled: column(changed, filled),
        order_value: column(changed, |o| o.filled_value.units()),
        order_commission: column(changed, |o| o.commission.units()),
        order_reserved: column(changed, |o| o.reserved.units()),
        order_status: column(changed, |o| rows::status_code(o.status)),
        account_id: column(&accounts, |a| a.id),
        account_available: column(&accounts, |a| a.available.units()),
        account_locked: column(&accounts, |a| a.locked.units()),
        trade_id: column(trades, |t| t.id.0),
        trade_sequence: column(trades, |t| t.sequence),
        trade_market: column(trades, |t| t.market.0),
        trade_buy: column(trades, |t| t.buy_order.0),
        trade_sell: column(trades, |t| t.sell_order.0),
        trade_buyer: column(trades, |t| t.buyer.0),
        trade_seller: column(trades, |t| t.seller.0),
        trade_price: column(trades, |t| t.price.units()),
        trade_amount: column(trades, |t| t.amount.units()),
        trade_value: column(trades, |t| t.value.units()),
        trade_buyer_fee: column(trades, |t| t.buyer_commission.units()),
        trade_seller_fee: column(trades, |t| t.seller_commission.units()),
        entry_account: column(entries, |e| state.ledger.account(e.account).id),
        entry_action: column(entries, |e| e.action.code()),
        entry_available: column(entries, |e| e.available_change.units()),
        entry_locked: column(entries, |e| e.locked_change.units()),
        entry_after: column(entries, |e| e.available_after.units()),
        entry_type: column(&references, |(kind, _)| *kind),
        entry_reference: column(&references, |(_, id)| *id),
        trade_matched_events: new_events.matched_per_trade,
        event_channel: column(events, |e| e.channel.clone()),
        event_name: column(events, |e| e.kind.name().to_owned()),
        event_data: column(events, |e| e.data.clone()),
        event_shard: column(events, |e| shard_of(&e.channel)),
        event_socket: column(events, |e| e.socket_id.clone()),
    };
    statement.execute(connection)?;
    Ok(())
}

fn filled(order: &Order) -> i64 {
    order.filled.units()
}

fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
