//! What a batch can touch besides accounts when money comes in and goes out.

use std::collections::{BTreeMap, VecDeque};

use super::{
    AccountKey, Adjustment, AdjustmentId, Deposit, DepositId, DepositReference, Fixed, Withdrawal,
    WithdrawalId,
};

/// Deposits, withdrawals and adjustments, and ids for new ones.
#[derive(Clone, Debug, Default)]
pub struct Funds {
    /// Deposits of the last day, for the accounts of this batch's deposits without a reference.
    pub recent_deposits: BTreeMap<AccountKey, u32>,
    /// What those references of this batch's deposits stand for that were used before.
    pub deposits: BTreeMap<DepositReference, Deposit>,
    /// Ids for new deposits, one for each reference that is not in [`Self::deposits`].
    pub deposit_ids: VecDeque<DepositId>,
    /// The withdrawals that commands end.
    pub withdrawals: BTreeMap<WithdrawalId, Withdrawal>,
    /// Ids for new withdrawals, one for each request.
    pub withdrawal_ids: VecDeque<WithdrawalId>,
    /// The amounts of the last day's withdrawals that are pending or completed, for the accounts of
    /// this batch's requests.
    pub recently_withdrawn: BTreeMap<AccountKey, BTreeMap<WithdrawalId, Fixed>>,
    /// The adjustments that commands approve.
    pub adjustments: BTreeMap<AdjustmentId, Adjustment>,
    /// Ids for new adjustments.
    pub adjustment_ids: VecDeque<AdjustmentId>,
}
