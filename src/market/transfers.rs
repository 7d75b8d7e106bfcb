//! Money that comes in and goes out: deposits, withdrawals and adjustments.
//!
//! Together with the ledger they keep the equation of each asset: its accounts hold what was
//! deposited, less what was withdrawn, plus or minus the adjustments. The fee of a withdrawal stays
//! in the house account of its asset.

use super::execute::{Execution, account};
use super::{
    AccountKey, Action, Adjustment, AdjustmentId, AdjustmentStatus, Deposit, DepositReference,
    Done, Fixed, Reference, Rejection, UserId, Withdrawal, WithdrawalEnd, WithdrawalId,
    WithdrawalStatus, WithdrawalTerms,
};

impl Execution<'_> {
    pub(super) fn deposit(
        &mut self,
        account: AccountKey,
        amount: Fixed,
        daily_limit: u32,
    ) -> Result<Done, Rejection> {
        self.require_not_closed(account)?;
        let recent = self.state.funds.recent_deposits.entry(account).or_default();
        if *recent >= daily_limit {
            return Err(Rejection::DepositLimit);
        }
        if !self.state.ledger.can_credit(account, amount) {
            return Err(Rejection::OutOfRange);
        }
        *recent = recent.saturating_add(1);
        let none = Reference::None;
        self.state.ledger.post(account, Action::Deposit, amount, Fixed::ZERO, none);
        let available = self.state.ledger.account(account).available;
        Ok(Done::Deposited { account, amount, available })
    }

    pub(super) fn deposit_once(
        &mut self,
        account: AccountKey,
        amount: Fixed,
        reference: &DepositReference,
    ) -> Result<Done, Rejection> {
        if let Some(deposit) = self.state.funds.deposits.get(reference).copied() {
            let is_same = (deposit.account, deposit.amount) == (account, amount);
            let done = Done::DepositedOnce { deposit, is_new: false };
            return is_same.then_some(done).ok_or(Rejection::DepositReferenceTaken);
        }
        self.require_not_closed(account)?;
        if !self.state.ledger.can_credit(account, amount) {
            return Err(Rejection::OutOfRange);
        }
        let id = self.state.funds.deposit_ids.pop_front();
        let id = id.expect("load() provides an id for each new reference");
        let deposit = Deposit { id, account, amount };
        let reason = Reference::Deposit(id);
        self.state.ledger.post(account, Action::Deposit, amount, Fixed::ZERO, reason);
        self.state.funds.deposits.insert(reference.clone(), deposit);
        Ok(Done::DepositedOnce { deposit, is_new: true })
    }

    pub(super) fn request_withdrawal(
        &mut self,
        account: AccountKey,
        amount: Fixed,
        terms: WithdrawalTerms,
    ) -> Result<Done, Rejection> {
        self.require_active(account)?;
        let WithdrawalTerms { min, fee, daily_limit } = terms;
        if amount < min {
            return Err(Rejection::WithdrawalTooSmall { min });
        }
        if let Some(limit) = daily_limit {
            let recent = self.state.funds.recently_withdrawn.entry(account).or_default();
            let take = |left: Fixed, amount: &Fixed| left.checked_sub(*amount).unwrap_or_default();
            let left = recent.values().fold(limit, take).max(Fixed::ZERO);
            if amount > left {
                return Err(Rejection::WithdrawalLimit { left });
            }
        }
        if self.state.ledger.account(account).available < amount {
            return Err(Rejection::BalanceTooLow { asset: account.asset });
        }
        let id = self.state.funds.withdrawal_ids.pop_front();
        let id = id.expect("load() provides an id for each request");
        let (action, reason) = (Action::WithdrawalRequested, Reference::Withdrawal(id));
        self.state.ledger.post(account, action, amount.negated(), amount, reason);
        self.state.funds.recently_withdrawn.entry(account).or_default().insert(id, amount);
        let withdrawal = Withdrawal { id, account, amount, fee, status: WithdrawalStatus::Pending };
        self.state.funds.withdrawals.insert(id, withdrawal);
        Ok(Done::Withdrawal { withdrawal, is_new: true })
    }

    pub(super) fn end_withdrawal(
        &mut self,
        owner: AccountKey,
        id: WithdrawalId,
        end: WithdrawalEnd,
    ) -> Result<Done, Rejection> {
        let found = self.state.funds.withdrawals.get(&id).copied();
        let found = found.filter(|withdrawal| withdrawal.account == owner);
        let withdrawal = found.ok_or(Rejection::WithdrawalNotFound)?;
        let status = WithdrawalStatus::Ended(end);
        if withdrawal.status == status {
            return Ok(Done::Withdrawal { withdrawal, is_new: false });
        }
        if withdrawal.status != WithdrawalStatus::Pending {
            return Err(Rejection::WithdrawalNotPending(withdrawal.status));
        }
        let (amount, fee) = (withdrawal.amount, withdrawal.fee);
        let (action, reason) = (end.action(), Reference::Withdrawal(id));
        let ledger = &mut self.state.ledger;
        match end {
            WithdrawalEnd::Completed => {
                let house = account(UserId::WITHDRAWAL_HOUSE, owner.asset);
                if !ledger.can_credit(house, fee) {
                    return Err(Rejection::OutOfRange);
                }
                ledger.post(owner, action, Fixed::ZERO, amount.negated(), reason);
                if fee.is_positive() {
                    ledger.post(house, Action::WithdrawalFee, fee, Fixed::ZERO, reason);
                }
            }
            WithdrawalEnd::Rejected | WithdrawalEnd::Cancelled => {
                ledger.post(owner, action, amount, amount.negated(), reason);
                if let Some(recent) = self.state.funds.recently_withdrawn.get_mut(&owner) {
                    recent.remove(&id);
                }
            }
        }
        let withdrawal = Withdrawal { status, ..withdrawal };
        self.state.funds.withdrawals.insert(id, withdrawal);
        Ok(Done::Withdrawal { withdrawal, is_new: true })
    }

    pub(super) fn adjust(&mut self, account: AccountKey, amount: Fixed) -> Result<Done, Rejection> {
        self.require_adjustable(account, amount)?;
        let id = self.state.funds.adjustment_ids.pop_front();
        let id = id.expect("load() provides an id for each adjustment");
        let proposed = AdjustmentStatus::Proposed;
        let new = Adjustment { id, account, amount, status: proposed, proposer: None };
        Ok(self.apply_adjustment(new))
    }

    pub(super) fn approve_adjustment(
        &mut self,
        account: AccountKey,
        id: AdjustmentId,
        approver: Option<i64>,
    ) -> Result<Done, Rejection> {
        let found = self.state.funds.adjustments.get(&id).copied();
        let found = found.filter(|adjustment| adjustment.account == account);
        let adjustment = found.ok_or(Rejection::AdjustmentNotFound)?;
        match adjustment.status {
            AdjustmentStatus::Applied => return Ok(Done::Adjusted { adjustment, is_new: false }),
            AdjustmentStatus::Rejected => return Err(Rejection::AdjustmentRejected),
            AdjustmentStatus::Proposed => {}
        }
        if adjustment.proposer == approver {
            return Err(Rejection::SameAdministrator);
        }
        self.require_adjustable(account, adjustment.amount)?;
        Ok(self.apply_adjustment(adjustment))
    }

    /// # Errors
    /// If the account does not have what would be taken from it, or cannot hold the sum, or its
    /// user is closed.
    fn require_adjustable(&self, account: AccountKey, amount: Fixed) -> Result<(), Rejection> {
        self.require_not_closed(account)?;
        let ledger = &self.state.ledger;
        if amount.is_positive() {
            let can_hold = ledger.can_credit(account, amount);
            return if can_hold { Ok(()) } else { Err(Rejection::OutOfRange) };
        }
        let after = ledger.account(account).available.checked_add(amount);
        if after.is_some_and(|after| after >= Fixed::ZERO) {
            Ok(())
        } else {
            Err(Rejection::BalanceTooLow { asset: account.asset })
        }
    }

    fn apply_adjustment(&mut self, adjustment: Adjustment) -> Done {
        let Adjustment { id, account, amount, .. } = adjustment;
        let reason = Reference::Adjustment(id);
        self.state.ledger.post(account, Action::Adjustment, amount, Fixed::ZERO, reason);
        let adjustment = Adjustment { status: AdjustmentStatus::Applied, ..adjustment };
        self.state.funds.adjustments.insert(id, adjustment);
        Done::Adjusted { adjustment, is_new: true }
    }
}
