//! The accounts of everyone who may take part in a batch, and their recent deposits.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{commands, postgres, sqlite};
use crate::market::{AccountKey, Action, Command, Market, State, UserId, WithdrawalEnd};
use crate::store::schema::ledger_entries;
use crate::store::statement::on_connection;
use crate::store::{AnyConnection, StoreError};

/// Deposits that count towards an account's limit.
const DEPOSIT_PERIOD: chrono::Duration = chrono::Duration::days(1);

/// The accounts of commands and of new orders, and those of the houses.
pub fn of_commands(state: &State, commands: &[Command]) -> BTreeSet<AccountKey> {
    let mut keys: BTreeSet<AccountKey> = BTreeSet::new();
    for command in commands {
        match command {
            Command::Deposit { account, .. }
            | Command::DepositOnce { account, .. }
            | Command::RequestWithdrawal { account, .. }
            | Command::Adjust { account, .. }
            | Command::ApproveAdjustment { account, .. } => {
                keys.insert(*account);
            }
            Command::EndWithdrawal { account, end, .. } => {
                keys.insert(*account);
                if *end == WithdrawalEnd::Completed {
                    keys.insert(AccountKey { user: UserId::WITHDRAWAL_HOUSE, ..*account });
                }
            }
            _ => {}
        }
    }
    for order in commands::placed(commands) {
        keys.extend(of_user(&state.markets[&order.market], order.user));
    }
    for market in state.markets.values() {
        keys.insert(AccountKey { user: market.id.house(), asset: market.quote });
    }
    keys
}

/// Those that may change because of a user's order.
fn of_user(market: &Market, user: UserId) -> [AccountKey; 2] {
    [market.base, market.quote].map(|asset| AccountKey { user, asset })
}

/// The accounts of everyone who may take part in the batch.
fn of_batch(state: &State, commands: &[Command]) -> BTreeSet<AccountKey> {
    let mut keys = of_commands(state, commands);
    for order in state.orders.values() {
        keys.extend(of_user(&state.markets[&order.market], order.user));
    }
    keys
}

/// Whether the accounts of everyone who may take part are there.
pub fn are_complete(state: &State, commands: &[Command]) -> bool {
    of_batch(state, commands).iter().all(|key| state.ledger.contains(*key))
}

/// Locks the accounts of everyone who may take part, and creates those that are missing.
pub fn load(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
) -> Result<(), StoreError> {
    let keys: Vec<AccountKey> = of_batch(state, commands).into_iter().collect();
    let rows = match connection {
        AnyConnection::Postgres(c) => postgres::lock_accounts(c, &keys)?,
        AnyConnection::Sqlite(c) => sqlite::accounts(c, &keys)?,
    };
    for row in rows {
        let (key, account) = row.try_into()?;
        state.ledger.insert(key, account);
    }
    Ok(())
}

/// Counts the deposits of the last day to each account of this batch's deposits.
pub fn count_recent_deposits(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let since = now - DEPOSIT_PERIOD;
    for command in commands {
        if let Command::Deposit { account: key, .. } = command
            && !state.funds.recent_deposits.contains_key(key)
        {
            let account = state.ledger.account(*key).id;
            let count = deposits_since(connection, account, since)?;
            state.funds.recent_deposits.insert(*key, count);
        }
    }
    Ok(())
}

fn deposits_since(
    connection: &mut AnyConnection,
    account: i64,
    since: NaiveDateTime,
) -> Result<u32, StoreError> {
    let deposits = ledger_entries::table
        .filter(ledger_entries::account_id.eq(account))
        .filter(ledger_entries::action.eq(Action::Deposit.code()))
        // Those with a reference are not the user's own.
        .filter(ledger_entries::reference_id.is_null())
        .filter(ledger_entries::created_at.ge(since))
        .count();
    let count: i64 = on_connection!(connection, |c| deposits.get_result(c)?);
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
