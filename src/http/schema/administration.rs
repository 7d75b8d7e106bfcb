//! What the calls of administrators read.
#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::{IntoParams, ToSchema};

use super::formats::{LabelText, PositiveDecimal, RequestTime, SignedDecimal};
use super::words::{Action, AdjustmentStatus, MarketStatus};

/// A payment to be credited.
#[derive(ToSchema)]
#[schema(example = json!({
    "user_id": 1,
    "asset": "USD",
    "amount": "12.5",
    "reference": "SEPA-2026-01-31-7",
}))]
pub struct NewDeposit {
    #[schema(minimum = 1)]
    user_id: i64,
    #[schema(examples("USD"), max_length = 16, pattern = "\\S")]
    asset: String,
    amount: PositiveDecimal,
    /// The payment service's name for the payment, which no other deposit ever has: a payment that
    /// is reported twice is credited once.
    reference: LabelText,
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// How a withdrawal was paid.
#[derive(ToSchema)]
#[schema(example = json!({ "reference": "SEPA-2026-01-31-8" }))]
pub struct CompletedWithdrawal {
    /// The payment service's name for the payment.
    #[schema(max_length = 255)]
    reference: Option<String>,
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Why a withdrawal is not paid.
#[derive(ToSchema)]
#[schema(example = json!({ "note": "The account does not exist." }))]
pub struct RejectedWithdrawal {
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// A correction of a balance.
#[derive(ToSchema)]
#[schema(example = json!({
    "user_id": 1,
    "asset": "USD",
    "amount": "-12.5",
    "reason": "The deposit of 31 January was credited to the wrong user.",
}))]
pub struct NewAdjustment {
    #[schema(minimum = 1)]
    user_id: i64,
    #[schema(examples("USD"), max_length = 16, pattern = "\\S")]
    asset: String,
    /// Added to the available balance; not 0.
    amount: SignedDecimal,
    #[schema(max_length = 1000, pattern = "[^\\s\\u0085]")]
    reason: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfAdjustmentStatus {
    #[param(required = false)]
    status: AdjustmentStatus,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfUser {
    #[param(required = false, minimum = 1)]
    user_id: i64,
}

/// What a market accepts from now on.
#[derive(ToSchema)]
pub struct NewMarketStatus {
    status: MarketStatus,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfAsset {
    #[param(example = "USD", required = false)]
    asset: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfAction {
    #[param(inline, required = false)]
    action: Action,
}

/// The part of a list in time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Times {
    /// Only rows from this time on.
    #[param(value_type = RequestTime, required = false)]
    from: String,
    /// Only rows before this time.
    #[param(value_type = RequestTime, required = false)]
    to: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtTime {
    /// The moment; now, unless given.
    #[param(value_type = RequestTime, required = false)]
    at: String,
}
