//! SQLite's half of the hot path: a round trip costs nothing, so each kind of row has its prepared
//! statements.
//!
//! The write transaction is the lock of everything.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::plan_rows::PlanRows;
use crate::market::AccountKey;
use crate::store::StoreError;
use crate::store::rows::{AccountRow, NewAccountRow, OrderRow};
use crate::store::schema::{accounts, ledger_entries, markets, orders, outbox, trades};
use crate::store::statement::update;

/// The ids with their numbers of trades. The write transaction has locked them all.
pub fn trade_counts(
    connection: &mut SqliteConnection,
    ids: &[i32],
) -> Result<Vec<(i32, i64)>, StoreError> {
    let mut counts = Vec::with_capacity(ids.len());
    for id in ids {
        let count = markets::table.find(id).select((markets::id, markets::trade_sequence));
        counts.extend(count.load::<(i32, i64)>(connection)?);
    }
    Ok(counts)
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
            let new = NewAccountRow::empty(*key);
            diesel::insert_into(accounts::table).values(new).execute(connection)?;
            found = account.load(connection)?;
        }
        rows.extend(found);
    }
    Ok(rows)
}

/// Inserts rows in their order: sixteen with each statement, and those that remain one by one. The
/// length of an array is part of its type, so both statements are prepared once.
macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr) => {{
        let (sixteens, rest) = $rows.as_chunks::<16>();
        for rows in sixteens {
            diesel::insert_into($table).values(rows).execute($connection)?;
        }
        for row in rest {
            diesel::insert_into($table).values(row).execute($connection)?;
        }
    }};
}

pub fn write(connection: &mut SqliteConnection, rows: &PlanRows<'_>) -> Result<(), StoreError> {
    for market in &rows.markets {
        let changes = (market, markets::book_version.eq(markets::book_version + 1));
        update!(markets::table, markets::id.eq(market.id), changes).execute(connection)?;
    }
    insert_all!(connection, orders::table, &rows.new_orders);
    for order in &rows.changed_orders {
        update!(orders::table, orders::id.eq(order.id), order).execute(connection)?;
    }
    for account in &rows.accounts {
        update!(accounts::table, accounts::id.eq(account.id), account).execute(connection)?;
    }
    insert_all!(connection, trades::table, &rows.trades);
    insert_all!(connection, ledger_entries::table, &rows.entries);
    // Rows that borrow have no type that could identify a statement of sixteen.
    for event in &rows.events {
        diesel::insert_into(outbox::table).values(event).execute(connection)?;
    }
    Ok(())
}
