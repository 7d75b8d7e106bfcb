//! PostgreSQL's half of the hot path: few round trips. Whole batches are sent as arrays, one
//! statement loads everything, and one writes a whole plan.

mod columns;
pub mod load;
mod write_plan;

use std::collections::BTreeSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, SmallInt, Text};

use super::plan_rows::{Additions, PlanRows};
use crate::market::{AccountKey, ClientOrderId, UserId};
use crate::store::StoreError;
use crate::store::rows::{AccountRow, ClientOrderIdText};
use crate::store::statement::statement;
use write_plan::WritePlan;

// The query builder has neither sequences nor functions that return sets.
statement! {
    NextTradeIds { count: i64 => BigInt } -> (BigInt,):
    "SELECT nextval('trades_id_seq') FROM generate_series(1, " [count] ")"
}

// Pairs of two arrays: the query builder compares single columns with an array.
statement! {
    LockAccounts { users: Vec<i64> => Array<BigInt>, assets: Vec<i32> => Array<Integer> }
    -> (BigInt, BigInt, Integer, BigInt, BigInt, Integer, SmallInt):
    "SELECT id, user_id, asset_id, available, locked, open_orders, user_status FROM accounts \
     WHERE (user_id, asset_id) IN (SELECT * FROM unnest(" [users] ", " [assets]
    ")) ORDER BY user_id, asset_id FOR UPDATE"
}

statement! {
    CreateAccounts { users: Vec<i64> => Array<BigInt>, assets: Vec<i32> => Array<Integer> }
    -> (BigInt,):
    "INSERT INTO accounts (user_id, asset_id, available, locked) \
     SELECT k.user_id, k.asset_id, 0, 0 FROM unnest(" [users] ", " [assets]
    ") AS k (user_id, asset_id) ORDER BY 1, 2 ON CONFLICT (user_id, asset_id) DO NOTHING"
}

// After the accounts were created: then a change of their users' status either is committed and
// seen here, or waits for this transaction and sees the accounts.
statement! {
    SetStatusOfAccounts { users: Vec<i64> => Array<BigInt>, assets: Vec<i32> => Array<Integer> }
    -> (BigInt,):
    "UPDATE accounts a SET user_status = u.status FROM users u, unnest(" [users] ", " [assets]
    ") AS k (user_id, asset_id) WHERE u.id = a.user_id AND a.user_id = k.user_id \
     AND a.asset_id = k.asset_id AND a.user_status <> u.status"
}

// Orders without one are not in the index, hence the second condition.
statement! {
    UsedClientOrderIds {
        users: Vec<i64> => Array<BigInt>,
        ids: Vec<ClientOrderIdText> => Array<Text>,
    }
    -> (BigInt, Text):
    "SELECT o.user_id, o.client_order_id FROM unnest(" [users] ", " [ids]
    ") AS k (user_id, id) JOIN orders o ON o.user_id = k.user_id AND o.client_order_id = k.id \
     AND o.client_order_id IS NOT NULL"
}

pub fn next_trade_ids(connection: &mut PgConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = NextTradeIds { count }.load::<(i64,)>(connection)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub fn used_client_order_ids(
    connection: &mut PgConnection,
    ids: &BTreeSet<(UserId, ClientOrderId)>,
) -> Result<BTreeSet<(UserId, ClientOrderId)>, StoreError> {
    let users = ids.iter().map(|(user, _)| user.0).collect();
    let ids = ids.iter().map(|(_, id)| ClientOrderIdText(*id)).collect();
    let used: Vec<(i64, ClientOrderIdText)> = UsedClientOrderIds { users, ids }.load(connection)?;
    Ok(used.into_iter().map(|(user, id)| (UserId(user), id.0)).collect())
}

/// Locks the accounts in the order of their keys; creates those that are missing.
pub fn lock_accounts(
    connection: &mut PgConnection,
    keys: &[AccountKey],
) -> Result<Vec<AccountRow>, StoreError> {
    let users: Vec<i64> = keys.iter().map(|key| key.user.0).collect();
    let assets: Vec<i32> = keys.iter().map(|key| key.asset.0).collect();
    let lock = LockAccounts { users, assets };
    let rows: Vec<AccountRow> = lock.clone().load(connection)?;
    if rows.len() == keys.len() {
        return Ok(rows);
    }
    let LockAccounts { users, assets } = lock.clone();
    CreateAccounts { users: users.clone(), assets: assets.clone() }.execute(connection)?;
    SetStatusOfAccounts { users, assets }.execute(connection)?;
    Ok(lock.load(connection)?)
}

pub fn write(
    connection: &mut PgConnection,
    rows: &PlanRows<'_>,
    additions: &Additions<'_>,
) -> Result<(), StoreError> {
    if additions.is_empty() {
        WritePlan::<false>::new(rows, additions)?.execute(connection)?;
    } else {
        WritePlan::<true>::new(rows, additions)?.execute(connection)?;
    }
    Ok(())
}
