//! Money that comes in and goes out.

use matchcast::market::{
    Command, Rejection, UserStatus, WithdrawalEnd, WithdrawalStatus, WithdrawalTerms,
};

use super::super::world::PROPOSALS;
use super::{Done, NaiveMarket, units};

#[derive(Clone, Debug)]
pub struct WithdrawalRecord {
    pub user: i64,
    pub asset: i32,
    pub amount: i128,
    pub fee: i128,
    pub end: Option<WithdrawalEnd>,
}

impl NaiveMarket {
    pub(super) fn move_funds(&mut self, command: &Command) -> Result<Done, Rejection> {
        match command {
            Command::Deposit { account, amount, daily_limit } => {
                let (user, asset) = (account.user.0, account.asset.0);
                self.require_not_closed(user)?;
                let earlier = self.deposits.iter().filter(|d| (d.0, d.1) == (user, asset)).count();
                if earlier >= usize::try_from(*daily_limit).unwrap() {
                    return Err(Rejection::DepositLimit);
                }
                if !self.can_credit(user, asset, units(*amount)) {
                    return Err(Rejection::OutOfRange);
                }
                self.deposits.push((user, asset, units(*amount)));
                Ok(Done::Deposited(self.available(user, asset)))
            }
            Command::DepositOnce { account, amount, reference } => {
                let (user, asset) = (account.user.0, account.asset.0);
                let new = (user, asset, units(*amount), reference.as_str().to_owned());
                let earlier = self.deposits_once.iter().position(|earlier| earlier.3 == new.3);
                match earlier {
                    Some(n) if self.deposits_once[n] == new => Ok(Done::DepositedOnce(n, false)),
                    Some(_) => Err(Rejection::DepositReferenceTaken),
                    None if self.status_of(user) == UserStatus::Closed => {
                        Err(Rejection::AccountClosed)
                    }
                    None if !self.can_credit(user, asset, new.2) => Err(Rejection::OutOfRange),
                    None => {
                        self.deposits_once.push(new);
                        Ok(Done::DepositedOnce(self.deposits_once.len() - 1, true))
                    }
                }
            }
            Command::RequestWithdrawal { account, amount, terms, .. } => {
                let (user, asset, amount) = (account.user.0, account.asset.0, units(*amount));
                self.request(user, asset, amount, *terms)
            }
            Command::EndWithdrawal { account, withdrawal, end } => {
                let number = usize::try_from(withdrawal.0 - 1).unwrap_or(usize::MAX);
                let owner = (account.user.0, account.asset.0);
                self.end(number, owner, *end)
            }
            Command::Adjust { account, amount } => {
                self.adjust((account.user.0, account.asset.0, units(*amount)))
            }
            Command::ApproveAdjustment { account, adjustment, approver } => {
                let proposal = PROPOSALS.iter().find(|proposal| proposal.0 == adjustment.0);
                let Some((id, user, asset, amount)) = proposal.copied() else {
                    return Err(Rejection::AdjustmentNotFound);
                };
                if (user, asset) != (account.user, account.asset) {
                    return Err(Rejection::AdjustmentNotFound);
                }
                let adjustment = (user.0, asset.0, i128::from(amount));
                if self.approved.contains(&id) {
                    return Ok(Done::Adjusted(adjustment, false));
                }
                if approver.is_none() {
                    return Err(Rejection::SameAdministrator);
                }
                let done = self.adjust(adjustment)?;
                self.approved.insert(id);
                Ok(done)
            }
            command => panic!("{command:?} moves no funds"),
        }
    }

    fn request(
        &mut self,
        user: i64,
        asset: i32,
        amount: i128,
        terms: WithdrawalTerms,
    ) -> Result<Done, Rejection> {
        self.require_active(user)?;
        if amount < units(terms.min) {
            return Err(Rejection::WithdrawalTooSmall { min: terms.min });
        }
        if let Some(limit) = terms.daily_limit {
            let counts =
                |end| !matches!(end, Some(WithdrawalEnd::Rejected | WithdrawalEnd::Cancelled));
            let own = self.withdrawals_of(user, asset).filter(|withdrawal| counts(withdrawal.end));
            let withdrawn: i128 = own.map(|withdrawal| withdrawal.amount).sum();
            if withdrawn + amount > units(limit) {
                let left = (units(limit) - withdrawn).max(0);
                let left = matchcast::market::Fixed::from_units(i64::try_from(left).unwrap());
                return Err(Rejection::WithdrawalLimit { left });
            }
        }
        if self.available(user, asset) < amount {
            return Err(Rejection::BalanceTooLow { asset: matchcast::market::AssetId(asset) });
        }
        let fee = units(terms.fee);
        self.withdrawals.push(WithdrawalRecord { user, asset, amount, fee, end: None });
        Ok(Done::Withdrawal(self.withdrawals.len() - 1, None, true))
    }

    fn end(
        &mut self,
        number: usize,
        owner: (i64, i32),
        end: WithdrawalEnd,
    ) -> Result<Done, Rejection> {
        let Some(withdrawal) = self.withdrawals.get(number) else {
            return Err(Rejection::WithdrawalNotFound);
        };
        if (withdrawal.user, withdrawal.asset) != owner {
            return Err(Rejection::WithdrawalNotFound);
        }
        match withdrawal.end {
            None => {}
            Some(earlier) if earlier == end => {
                return Ok(Done::Withdrawal(number, Some(end), false));
            }
            Some(earlier) => {
                return Err(Rejection::WithdrawalNotPending(WithdrawalStatus::Ended(earlier)));
            }
        }
        if end == WithdrawalEnd::Completed && !self.can_credit(0, owner.1, withdrawal.fee) {
            return Err(Rejection::OutOfRange);
        }
        self.withdrawals[number].end = Some(end);
        Ok(Done::Withdrawal(number, Some(end), true))
    }

    fn adjust(&mut self, adjustment: (i64, i32, i128)) -> Result<Done, Rejection> {
        let (user, asset, amount) = adjustment;
        self.require_not_closed(user)?;
        if amount > 0 && !self.can_credit(user, asset, amount) {
            return Err(Rejection::OutOfRange);
        }
        if amount < 0 && self.available(user, asset) + amount < 0 {
            return Err(Rejection::BalanceTooLow { asset: matchcast::market::AssetId(asset) });
        }
        self.adjustments.push(adjustment);
        Ok(Done::Adjusted(adjustment, true))
    }

    pub(super) fn withdrawals_of(
        &self,
        user: i64,
        asset: i32,
    ) -> impl Iterator<Item = &WithdrawalRecord> {
        self.withdrawals.iter().filter(move |w| (w.user, w.asset) == (user, asset))
    }

    /// What is pending, and so locked.
    pub(super) fn pending(&self, user: i64, asset: i32) -> i128 {
        let pending = self.withdrawals_of(user, asset).filter(|w| w.end.is_none());
        pending.map(|withdrawal| withdrawal.amount).sum()
    }

    /// Adjustments less completed withdrawals.
    pub(super) fn adjusted(&self, user: i64, asset: i32) -> i128 {
        let own = self.adjustments.iter().filter(|a| (a.0, a.1) == (user, asset));
        let is_completed = |w: &&WithdrawalRecord| w.end == Some(WithdrawalEnd::Completed);
        let completed = self.withdrawals_of(user, asset).filter(is_completed);
        own.map(|a| a.2).sum::<i128>() - completed.map(|w| w.amount).sum::<i128>()
    }

    /// The fees of completed withdrawals.
    pub(super) fn fees(&self, asset: i32) -> i128 {
        let completed = self.withdrawals.iter().filter(|w| w.asset == asset);
        let completed = completed.filter(|w| w.end == Some(WithdrawalEnd::Completed));
        completed.map(|w| w.fee).sum()
    }
}
