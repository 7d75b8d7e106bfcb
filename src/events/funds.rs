//! How withdrawals and adjustments are encoded in JSON, in events and in the API alike.

use crate::market::{AdjustmentStatus, WithdrawalEnd, WithdrawalStatus};

pub const fn withdrawal_status_name(status: WithdrawalStatus) -> &'static str {
    match status {
        WithdrawalStatus::Pending => "pending",
        WithdrawalStatus::Ended(WithdrawalEnd::Completed) => "completed",
        WithdrawalStatus::Ended(WithdrawalEnd::Rejected) => "rejected",
        WithdrawalStatus::Ended(WithdrawalEnd::Cancelled) => "cancelled",
    }
}

pub const fn adjustment_status_name(status: AdjustmentStatus) -> &'static str {
    match status {
        AdjustmentStatus::Proposed => "proposed",
        AdjustmentStatus::Applied => "applied",
        AdjustmentStatus::Rejected => "rejected",
    }
}
