//! A deposit that has a reference, as it comes in.

use crate::market::{AccountKey, Command, DepositReference, Fixed};

/// A deposit that an administrator makes.
#[derive(Clone, Debug)]
pub struct NewDeposit {
    pub account: AccountKey,
    pub amount: Fixed,
    pub reference: DepositReference,
    pub origin: DepositOrigin,
}

/// Where a deposit comes from.
#[derive(Clone, Debug, Default)]
pub struct DepositOrigin {
    /// The token of an administrator. `None`: a command.
    pub token: Option<i64>,
    pub note: Option<String>,
}

impl NewDeposit {
    pub(super) fn into_command(self) -> (Command, DepositOrigin) {
        let Self { account, amount, reference, origin } = self;
        (Command::DepositOnce { account, amount, reference }, origin)
    }
}
