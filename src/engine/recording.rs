//! What is recorded of deposits, withdrawals and adjustments, in the transaction that moves the
//! money: their own rows, and the acts of administrators.

use chrono::NaiveDateTime;
use serde_json::{Value, json};

use super::records::Records;
use super::request::QueuedRequest;
use crate::events::decimal::DecimalString;
use crate::events::funds::withdrawal_status_name;
use crate::market::{
    AccountKey, Adjustment, CancelReason, Command, Deposit, Done, Entry, Fixed, Order, Plan,
    Reference, Withdrawal, WithdrawalEnd, WithdrawalStatus,
};
use crate::store::adjustments::{self, RecordedAdjustment};
use crate::store::admin_log::{self, Act, Actor, AdminAction};
use crate::store::deposits::{self, RecordedDeposit};
use crate::store::markets::Catalog;
use crate::store::withdrawals::{self, RecordedWithdrawal};
use crate::store::{AnyConnection, StoreError};

/// Records what is new in a plan.
pub fn record(
    connection: &mut AnyConnection,
    catalog: &Catalog,
    requests: &[(usize, QueuedRequest)],
    executed: &[usize],
    plan: &Plan,
    at: NaiveDateTime,
) -> Result<Records, StoreError> {
    let mut batch = Batch { connection, catalog, plan, at, records: Records::default() };
    let mut acts = Vec::new();
    for (position, outcome) in executed.iter().zip(&plan.outcomes) {
        let request = &requests[*position].1;
        let act = match outcome {
            Ok(Done::CancelledAll { orders }) => batch.cancelled(orders, request),
            Ok(Done::DepositedOnce { deposit, is_new }) => {
                batch.deposit(deposit, request, *is_new)?
            }
            Ok(Done::Withdrawal { withdrawal, is_new }) => {
                batch.withdrawal(withdrawal, request, *is_new)?
            }
            Ok(Done::Adjusted { adjustment, is_new }) => {
                batch.adjustment(adjustment, request, *is_new)?
            }
            _ => None,
        };
        acts.extend(act);
    }
    let records = batch.records;
    admin_log::append(connection, acts, at)?;
    Ok(records)
}

struct Batch<'a> {
    connection: &'a mut AnyConnection,
    catalog: &'a Catalog,
    plan: &'a Plan,
    at: NaiveDateTime,
    records: Records,
}

impl Batch<'_> {
    /// The act, if it was an administrator who has cancelled orders.
    fn cancelled(&self, orders: &[Order], request: &QueuedRequest) -> Option<Act> {
        let Command::CancelAll { user, market, reason, .. } = request.command else { return None };
        if reason != CancelReason::AccountFrozen {
            return None;
        }
        let symbol = self.catalog.symbol(market);
        let ids: Vec<i64> = orders.iter().map(|order| order.id.0).collect();
        let state = |open_orders: &[i64]| {
            let user_id = user.0;
            json!({ "user_id": user_id, "symbol": symbol, "open_orders": open_orders })
        };
        (!ids.is_empty()).then(|| Act {
            actor: actor(request),
            action: AdminAction::UserOrdersCancelled,
            before: Some(state(&ids)),
            after: Some(state(&[])),
        })
    }

    fn deposit(
        &mut self,
        deposit: &Deposit,
        request: &QueuedRequest,
        is_new: bool,
    ) -> Result<Option<Act>, StoreError> {
        let Deposit { id, account, amount } = *deposit;
        if !is_new {
            self.records.deposits.extend(deposits::by_ids(self.connection, [id])?);
            return Ok(None);
        }
        let Command::DepositOnce { reference, .. } = &request.command else {
            return Err(of_another_kind());
        };
        let recorded = RecordedDeposit {
            id,
            reference: reference.clone(),
            account,
            amount,
            note: request.origin.note.clone(),
            token: request.origin.token,
            created_at: self.at,
        };
        deposits::insert(self.connection, &recorded)?;
        let mut after = self.account(account);
        after["id"] = json!(id.0);
        after["amount"] = json!(DecimalString::from(amount));
        after["reference"] = json!(recorded.reference.as_str());
        after["note"] = json!(recorded.note);
        self.records.deposits.insert(id, recorded);
        let balances = self.balances(account, Reference::Deposit(id))?;
        Ok(Some(act(request, AdminAction::DepositCreated, balances, json!({}), after)))
    }

    /// The act is that of an administrator, and none if a user requests or cancels.
    fn withdrawal(
        &mut self,
        withdrawal: &Withdrawal,
        request: &QueuedRequest,
        is_new: bool,
    ) -> Result<Option<Act>, StoreError> {
        let Withdrawal { id, account, amount, fee, status } = *withdrawal;
        if let (true, Command::RequestWithdrawal { destination, .. }) = (is_new, &request.command) {
            let recorded = RecordedWithdrawal {
                withdrawal: *withdrawal,
                destination: destination.clone(),
                created_at: self.at,
                ended_at: None,
                token: None,
                reference: None,
                note: None,
            };
            withdrawals::insert(self.connection, &recorded)?;
            self.records.withdrawals.insert(id, recorded);
            return Ok(None);
        }
        // One that was requested in this batch is there too.
        let found = withdrawals::by_id(self.connection, id)?;
        let found =
            found.ok_or_else(|| StoreError::Other(format!("withdrawal {id} is missing")))?;
        if !is_new {
            self.records.withdrawals.insert(id, found);
            return Ok(None);
        }
        let recorded = RecordedWithdrawal {
            withdrawal: *withdrawal,
            ended_at: Some(self.at),
            token: request.origin.token,
            reference: request.origin.reference.clone(),
            note: request.origin.note.clone(),
            ..found
        };
        withdrawals::end(self.connection, &recorded)?;
        let mut after = self.account(account);
        after["id"] = json!(id.0);
        after["amount"] = json!(DecimalString::from(amount));
        after["fee"] = json!(DecimalString::from(fee));
        after["destination"] = json!(recorded.destination.as_str());
        after["status"] = json!(withdrawal_status_name(status));
        after["reference"] = json!(recorded.reference);
        after["note"] = json!(recorded.note);
        self.records.withdrawals.insert(id, recorded);
        let action = match status {
            WithdrawalStatus::Ended(WithdrawalEnd::Completed) => AdminAction::WithdrawalCompleted,
            WithdrawalStatus::Ended(WithdrawalEnd::Rejected) => AdminAction::WithdrawalRejected,
            WithdrawalStatus::Ended(WithdrawalEnd::Cancelled) | WithdrawalStatus::Pending => {
                return Ok(None);
            }
        };
        let before = json!({ "status": withdrawal_status_name(WithdrawalStatus::Pending) });
        let balances = self.balances(account, Reference::Withdrawal(id))?;
        Ok(Some(act(request, action, balances, before, after)))
    }

    fn adjustment(
        &mut self,
        adjustment: &Adjustment,
        request: &QueuedRequest,
        is_new: bool,
    ) -> Result<Option<Act>, StoreError> {
        let Adjustment { id, account, amount, .. } = *adjustment;
        let found = adjustments::by_id(self.connection, id)?;
        let (recorded, action) = match (found, &request.command) {
            (Some(found), _) if !is_new => {
                self.records.adjustments.insert(id, found);
                return Ok(None);
            }
            (Some(found), Command::ApproveAdjustment { approver, .. }) => {
                let recorded = RecordedAdjustment {
                    adjustment: *adjustment,
                    decider: *approver,
                    decided_at: Some(self.at),
                    ..found
                };
                adjustments::decide(self.connection, &recorded)?;
                (recorded, AdminAction::AdjustmentApproved)
            }
            (None, Command::Adjust { .. }) => {
                let recorded = RecordedAdjustment {
                    adjustment: Adjustment { proposer: request.origin.token, ..*adjustment },
                    reason: request.origin.note.clone().unwrap_or_default(),
                    created_at: self.at,
                    decider: None,
                    decided_at: None,
                };
                adjustments::insert(self.connection, &recorded)?;
                (recorded, AdminAction::AdjustmentCreated)
            }
            _ => return Err(of_another_kind()),
        };
        let mut after = self.account(account);
        after["id"] = json!(id.0);
        after["amount"] = json!(DecimalString::from(amount));
        after["reason"] = json!(recorded.reason);
        self.records.adjustments.insert(id, recorded);
        let balances = self.balances(account, Reference::Adjustment(id))?;
        Ok(Some(act(request, action, balances, json!({}), after)))
    }

    /// The account that an act changes, for the log.
    fn account(&self, account: AccountKey) -> Value {
        json!({ "user_id": account.user.0, "asset": self.catalog.asset_symbol(account.asset) })
    }

    /// The available balance before and after the last entry of this account with this reference.
    fn balances(
        &self,
        account: AccountKey,
        reference: Reference,
    ) -> Result<(Fixed, Fixed), StoreError> {
        let is_meant = |entry: &&Entry| entry.account == account && entry.reference == reference;
        let entry = self.plan.entries.iter().rev().find(is_meant);
        let missing = || StoreError::Other("an act has no ledger entry".to_owned());
        let entry = entry.ok_or_else(missing)?;
        let before = entry.available_after.checked_sub(entry.available_change);
        Ok((before.ok_or_else(missing)?, entry.available_after))
    }
}

/// The row of the log. `balances` are the available ones before and after.
fn act(
    request: &QueuedRequest,
    action: AdminAction,
    balances: (Fixed, Fixed),
    mut before: Value,
    mut after: Value,
) -> Act {
    before["available"] = json!(DecimalString::from(balances.0));
    after["available"] = json!(DecimalString::from(balances.1));
    Act { actor: actor(request), action, before: Some(before), after: Some(after) }
}

fn actor(request: &QueuedRequest) -> Actor {
    let request_id = request.id.as_ref().map(ToString::to_string);
    Actor { token: request.origin.token, request_id }
}

fn of_another_kind() -> StoreError {
    StoreError::Other("an outcome has the command of another kind".to_owned())
}
