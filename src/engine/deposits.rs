//! Deposits with a reference: what is recorded of them, in the transaction that credits them.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde_json::json;

use super::new_deposit::DepositOrigin;
use super::request::QueuedRequest;
use crate::events::decimal::DecimalString;
use crate::market::{Command, Deposit, DepositId, Done, Entry, Plan, Reference};
use crate::store::admin_log::{self, Act, Actor, AdminAction};
use crate::store::deposits::{self, RecordedDeposit};
use crate::store::markets::Catalog;
use crate::store::{AnyConnection, StoreError};

/// Records the new deposits of a plan, and the acts. Returns all deposits that its outcomes name,
/// also those that were made before.
pub fn record(
    connection: &mut AnyConnection,
    catalog: &Catalog,
    requests: &[(usize, QueuedRequest)],
    executed: &[usize],
    plan: &Plan,
    at: NaiveDateTime,
) -> Result<BTreeMap<DepositId, RecordedDeposit>, StoreError> {
    let (mut ids, mut new, mut acts) = (Vec::new(), Vec::new(), Vec::new());
    for (position, outcome) in executed.iter().zip(&plan.outcomes) {
        let Ok(Done::DepositedOnce { deposit, is_new }) = outcome else { continue };
        ids.push(deposit.id);
        if *is_new {
            let request = &requests[*position].1;
            let deposit = recorded(deposit, request, at)?;
            acts.push(act(&deposit, request, plan, catalog)?);
            new.push(deposit);
        }
    }
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    deposits::insert(connection, &new)?;
    admin_log::append(connection, acts, at)?;
    deposits::by_ids(connection, ids)
}

fn recorded(
    deposit: &Deposit,
    request: &QueuedRequest,
    at: NaiveDateTime,
) -> Result<RecordedDeposit, StoreError> {
    let Command::DepositOnce { reference, .. } = &request.command else {
        return Err(StoreError::Other("a deposit has the command of another kind".to_owned()));
    };
    let (reference, created_at) = (reference.clone(), at);
    let DepositOrigin { token, note } = request.origin.clone();
    let Deposit { id, account, amount } = *deposit;
    Ok(RecordedDeposit { id, reference, account, amount, note, token, created_at })
}

/// The row of the log, with the available balance before and after.
fn act(
    deposit: &RecordedDeposit,
    request: &QueuedRequest,
    plan: &Plan,
    catalog: &Catalog,
) -> Result<Act, StoreError> {
    let is_its_own = |entry: &&Entry| entry.reference == Reference::Deposit(deposit.id);
    let entry = plan.entries.iter().find(is_its_own);
    let missing = || StoreError::Other("a deposit has no ledger entry".to_owned());
    let after = entry.ok_or_else(missing)?.available_after;
    let before = after.checked_sub(deposit.amount).ok_or_else(missing)?;
    let asset = catalog.asset_symbol(deposit.account.asset);
    Ok(Act {
        actor: Actor {
            token: deposit.token,
            request_id: request.id.as_ref().map(ToString::to_string),
        },
        action: AdminAction::DepositCreated,
        before: Some(json!({ "available": DecimalString::from(before) })),
        after: Some(json!({
            "id": deposit.id.0,
            "user_id": deposit.account.user.0,
            "asset": asset,
            "amount": DecimalString::from(deposit.amount),
            "reference": deposit.reference.as_str(),
            "note": deposit.note,
            "available": DecimalString::from(after),
        })),
    })
}
