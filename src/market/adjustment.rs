//! Adjustments: corrections of a balance by administrators.

use super::{AccountKey, AdjustmentId, Fixed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdjustmentStatus {
    /// Another administrator has to approve it.
    Proposed,
    /// It was made.
    Applied,
    /// It was not made, and will not be.
    Rejected,
}

/// A change of the available balance of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
    pub id: AdjustmentId,
    pub account: AccountKey,
    /// Signed, and not zero.
    pub amount: Fixed,
    pub status: AdjustmentStatus,
    /// The token that it was proposed with. `None`: a command.
    pub proposer: Option<i64>,
}
