//! The deposits of a batch that have a reference.

use std::collections::BTreeSet;

use crate::market::{Command, DepositReference, State};
use crate::store::{AnyConnection, StoreError, admin_log, deposits};

/// Looks the references up and takes ids, if there are any.
///
/// The log of administrators is locked first: each new deposit is an act that is written to it. So
/// of two transactions with the same reference, the second one sees what the first one has written,
/// whatever their accounts. This must be the last lock of the batch.
pub fn load(
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
    admin_log::lock(connection)?;
    state.deposits = deposits::by_references(connection, references.iter().copied())?;
    let count = references.len().saturating_sub(state.deposits.len());
    state.deposit_ids = deposits::next_ids(connection, count)?.into();
    Ok(())
}
