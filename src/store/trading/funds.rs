//! What the commands of a batch need that move money in or out.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;

use crate::market::{
    AdjustmentId, CancelReason, Command, DepositId, DepositReference, State, WithdrawalEnd,
    WithdrawalId,
};
use crate::store::numbering::Numbered;
use crate::store::{AnyConnection, StoreError, adjustments, admin_log, deposits, withdrawals};

/// Loads withdrawals, the references of deposits and adjustments, and takes ids, if there are any.
///
/// The accounts are locked, and with them what depends on one account. The log of administrators is
/// locked here, before anything that acts of administrators decide on: each of them is written to
/// it. So of two transactions with the same reference of a deposit, the second one sees what the
/// first one has written, whatever their accounts. This must be the last lock of the batch.
pub fn load(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    if commands.iter().any(is_act) {
        admin_log::lock(connection)?;
    }
    load_deposits(connection, state, commands)?;
    load_withdrawals(connection, state, commands, now)?;
    load_adjustments(connection, state, commands)
}

/// Whether an administrator acts: it is written to the log.
fn is_act(command: &Command) -> bool {
    match command {
        Command::DepositOnce { .. }
        | Command::Adjust { .. }
        | Command::ApproveAdjustment { .. } => true,
        Command::EndWithdrawal { end, .. } => *end != WithdrawalEnd::Cancelled,
        Command::CancelAll { reason, .. } => *reason == CancelReason::AccountFrozen,
        _ => false,
    }
}

fn load_deposits(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
) -> Result<(), StoreError> {
    let references: BTreeSet<&DepositReference> = commands
        .iter()
        .filter_map(|command| match command {
            Command::DepositOnce { reference, .. } => Some(reference),
            _ => None,
        })
        .collect();
    if references.is_empty() {
        return Ok(());
    }
    let funds = &mut state.funds;
    funds.deposits = deposits::by_references(connection, references.iter().copied())?;
    let count = references.len().saturating_sub(funds.deposits.len());
    let ids = Numbered::Deposits.next_ids(connection, count)?;
    funds.deposit_ids = ids.into_iter().map(DepositId).collect();
    Ok(())
}

fn load_withdrawals(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    let (mut count, mut named) = (0, BTreeSet::new());
    let funds = &mut state.funds;
    for command in commands {
        match command {
            Command::RequestWithdrawal { account, .. } => {
                count += 1;
                if !funds.recently_withdrawn.contains_key(account) {
                    let withdrawn = withdrawals::recently_withdrawn(connection, *account, now)?;
                    funds.recently_withdrawn.insert(*account, withdrawn);
                }
            }
            Command::EndWithdrawal { withdrawal, .. } => {
                named.insert(*withdrawal);
            }
            _ => {}
        }
    }
    if !named.is_empty() {
        let found = withdrawals::by_ids(connection, named)?.into_iter();
        funds.withdrawals = found.map(|(id, recorded)| (id, recorded.withdrawal)).collect();
    }
    let ids = Numbered::Withdrawals.next_ids(connection, count)?;
    funds.withdrawal_ids = ids.into_iter().map(WithdrawalId).collect();
    Ok(())
}

fn load_adjustments(
    connection: &mut AnyConnection,
    state: &mut State,
    commands: &[Command],
) -> Result<(), StoreError> {
    let (mut count, mut named) = (0, BTreeSet::new());
    for command in commands {
        match command {
            Command::Adjust { .. } => count += 1,
            Command::ApproveAdjustment { adjustment, .. } => {
                named.insert(*adjustment);
            }
            _ => {}
        }
    }
    let funds = &mut state.funds;
    if !named.is_empty() {
        let found = adjustments::by_ids(connection, named)?.into_iter();
        funds.adjustments = found.map(|(id, recorded)| (id, recorded.adjustment)).collect();
    }
    let ids = Numbered::Adjustments.next_ids(connection, count)?;
    funds.adjustment_ids = ids.into_iter().map(AdjustmentId).collect();
    Ok(())
}
