//! Deposits, withdrawals and adjustments of a batch, with everything that is recorded about them.

use std::collections::BTreeMap;

use crate::market::{AdjustmentId, DepositId, WithdrawalId};
use crate::store::adjustments::RecordedAdjustment;
use crate::store::deposits::RecordedDeposit;
use crate::store::withdrawals::RecordedWithdrawal;

/// What the outcomes of a batch name, also what was made before.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub deposits: BTreeMap<DepositId, RecordedDeposit>,
    pub withdrawals: BTreeMap<WithdrawalId, RecordedWithdrawal>,
    pub adjustments: BTreeMap<AdjustmentId, RecordedAdjustment>,
}
