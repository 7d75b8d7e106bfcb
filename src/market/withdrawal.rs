//! Withdrawals: money that leaves once a payment service has paid it.

use std::sync::Arc;

use super::deposit::is_label;
use super::{AccountKey, Action, Fixed, WithdrawalId};

/// Where a withdrawal is to be paid, in the words of the payment service: 1 to [`Self::MAX_CHARS`]
/// characters without control characters, and no white space around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Arc<str>);

impl Destination {
    pub const MAX_CHARS: usize = 255;

    /// `None` if the text is empty or too long, or has another character.
    pub fn parse(text: &str) -> Option<Self> {
        is_label(text, Self::MAX_CHARS).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What applies to new withdrawals of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalTerms {
    /// The least amount. It is greater than the fee.
    pub min: Fixed,
    /// The part of the amount that is not paid.
    pub fee: Fixed,
    /// The most that an account may withdraw in 24 hours. `None`: no limit.
    pub daily_limit: Option<Fixed>,
}

impl WithdrawalTerms {
    /// Every amount may be withdrawn, without a fee.
    pub const NONE: Self = Self { min: Fixed::UNIT, fee: Fixed::ZERO, daily_limit: None };
}

/// A withdrawal is pending until it has one of the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalStatus {
    Pending,
    Ended(WithdrawalEnd),
}

/// How a withdrawal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalEnd {
    /// It was paid.
    Completed,
    /// By an administrator.
    Rejected,
    /// By its user.
    Cancelled,
}

impl WithdrawalEnd {
    /// What the ledger entry of the account says.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Completed => Action::WithdrawalCompleted,
            Self::Rejected => Action::WithdrawalRejected,
            Self::Cancelled => Action::WithdrawalCancelled,
        }
    }
}

/// A withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    pub id: WithdrawalId,
    pub account: AccountKey,
    /// What the account loses, with the fee.
    pub amount: Fixed,
    pub fee: Fixed,
    pub status: WithdrawalStatus,
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn one_to_255_characters_are_accepted() {
        for text in ["a", "DE02 1203 0000 0000 2020 51", &"ü".repeat(255)] {
            assert_eq!(Destination::parse(text).unwrap().as_str(), text);
        }
        for text in ["", " ", " a", "a ", "a\n", "a\0b", &"x".repeat(256)] {
            assert_eq!(Destination::parse(text), None, "{text:?}");
        }
    }
}
