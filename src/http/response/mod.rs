//! Responses: the envelope of successes, what the engine executed, and errors.

mod adjustment;
mod code;
mod deposit;
mod envelope;
mod error;
mod executed;
mod outages;
mod rejection;
mod withdrawal;

pub use crate::events::timestamp::iso8601;
pub use adjustment::AdjustmentBody;
pub use code::ErrorCode;
pub use deposit::RecordedDepositBody;
pub use envelope::{created, done, ok, plain, with_body};
pub use error::{ApiError, EMAIL_TAKEN, ErrorBody, FieldErrors, Throttled, WRONG_PASSWORD};
pub use executed::{
    BatchBody, CancelledOrders, DepositBody, MAX_TRADES, OrderBody, OrderDetails, PlacedBody,
    PreventedTradeBody, of_executed,
};
pub use outages::recovered;
pub use withdrawal::{AdminWithdrawalBody, WithdrawalBody};
