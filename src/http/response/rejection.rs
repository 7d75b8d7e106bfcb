//! How the market's rejections are told to clients.

use super::code::ErrorCode;
use super::error::{ACCOUNT_FROZEN, ApiError};
use crate::events::funds::withdrawal_status_name;
use crate::market::{MarketStatus, Rejection, Side};
use crate::store::markets::Catalog;

impl ApiError {
    /// An adjustment cannot be rejected any more.
    pub fn adjustment_applied() -> Self {
        Self::refused(ErrorCode::AdjustmentDecided, "The adjustment was approved.")
    }

    /// Names the asset that is missing, as existing frontends expect it.
    pub fn of_rejection(rejection: Rejection, catalog: &Catalog) -> Self {
        let (asset, purpose) = match rejection {
            Rejection::InsufficientFunds { side: Side::Buy, asset } => {
                (asset, " for this buy order")
            }
            Rejection::BalanceTooLow { asset } => (asset, ""),
            rejection => return rejection.into(),
        };
        let asset = catalog.asset_symbol(asset);
        let message = format!("Insufficient {asset} balance{purpose}.");
        Self::refused(ErrorCode::InsufficientFunds, message)
    }
}

impl From<Rejection> for ApiError {
    /// 422 if a field can be corrected.
    fn from(rejection: Rejection) -> Self {
        let (field, text) = match rejection {
            Rejection::OutOfRange => {
                ("amount", "The value of price and amount is out of range.".to_owned())
            }
            Rejection::NotOnTick { tick_size } => {
                ("price", format!("The price must be a multiple of {tick_size}."))
            }
            Rejection::StopNotOnTick { tick_size } => {
                ("stop_price", format!("The stop price must be a multiple of {tick_size}."))
            }
            Rejection::NotInLots { lot_size } => {
                ("amount", format!("The amount must be a multiple of {lot_size}."))
            }
            Rejection::Expired => {
                ("expires_at", "The expires at field must be in the future.".to_owned())
            }
            Rejection::QuoteAmountTooSmall => {
                ("quote_amount", "The quote amount is too small to buy anything.".to_owned())
            }
            Rejection::ValueTooSmall { min_value } => {
                ("amount", format!("The value of price and amount must be at least {min_value}."))
            }
            Rejection::AmountUsed => (
                "amount",
                "The amount must be greater than what is filled of the order.".to_owned(),
            ),
            Rejection::NoPriceToAmend => ("price", "A market order has no price.".to_owned()),
            Rejection::WithdrawalTooSmall { min } => {
                ("amount", format!("The amount field must be at least {min}."))
            }
            rejection => return refused(rejection),
        };
        Self::invalid(field, text)
    }
}

fn refused(rejection: Rejection) -> ApiError {
    let (code, message) = match rejection {
        Rejection::InsufficientFunds { side, .. } => {
            let message = match side {
                Side::Buy => "Insufficient balance for this buy order.",
                Side::Sell => "Insufficient asset balance for this sell order.",
            };
            (ErrorCode::InsufficientFunds, message)
        }
        Rejection::OrderNotFound => (ErrorCode::OrderNotFound, "Order not found."),
        Rejection::OrderNotOpen => (ErrorCode::OrderNotOpen, "Only open orders can be cancelled."),
        Rejection::OrderNotAmendable => {
            (ErrorCode::OrderNotOpen, "Only open orders can be amended.")
        }
        Rejection::PostOnlyWouldMatch => (
            ErrorCode::PostOnlyWouldMatch,
            "The post-only order would match at once. Nothing was reserved.",
        ),
        Rejection::NoMarketPrice => {
            (ErrorCode::NoMarketPrice, "There is no order that this market order could match.")
        }
        Rejection::TooManyOpenOrders { at_most } => {
            let message =
                format!("You have {at_most} open orders in this market, which is the limit.");
            return ApiError::refused(ErrorCode::TooManyOpenOrders, message);
        }
        Rejection::ClientOrderIdTaken => {
            (ErrorCode::ClientOrderIdTaken, "You have an order with this client order id.")
        }
        Rejection::AccountFrozen => (ErrorCode::AccountFrozen, ACCOUNT_FROZEN),
        Rejection::AccountClosed => (ErrorCode::AccountClosed, "This user is closed."),
        Rejection::DepositLimit => {
            (ErrorCode::FaucetLimit, "This account's faucet calls for today are used up.")
        }
        Rejection::BalanceTooLow { .. }
        | Rejection::DepositReferenceTaken
        | Rejection::WithdrawalLimit { .. }
        | Rejection::WithdrawalNotFound
        | Rejection::WithdrawalNotPending(_)
        | Rejection::AdjustmentNotFound
        | Rejection::AdjustmentRejected
        | Rejection::SameAdministrator => return refused_transfer(rejection),
        Rejection::MarketNotOpen(MarketStatus::Halted) => {
            (ErrorCode::MarketHalted, "This market is halted.")
        }
        Rejection::MarketNotOpen(_) => (
            ErrorCode::MarketCancelOnly,
            "In this market orders can only be cancelled at the moment.",
        ),
        Rejection::BatchRejected => (
            ErrorCode::BatchRejected,
            "Another order of the batch was rejected, so this one was not placed.",
        ),
        Rejection::OutOfRange
        | Rejection::NotOnTick { .. }
        | Rejection::StopNotOnTick { .. }
        | Rejection::NotInLots { .. }
        | Rejection::Expired
        | Rejection::QuoteAmountTooSmall
        | Rejection::ValueTooSmall { .. }
        | Rejection::AmountUsed
        | Rejection::NoPriceToAmend
        | Rejection::WithdrawalTooSmall { .. } => {
            return ApiError::Internal("the rejection of a field does not name it");
        }
    };
    ApiError::refused(code, message)
}

/// Of deposits, withdrawals and adjustments.
fn refused_transfer(rejection: Rejection) -> ApiError {
    let (code, message) = match rejection {
        Rejection::BalanceTooLow { .. } => (ErrorCode::InsufficientFunds, "Insufficient balance."),
        Rejection::DepositReferenceTaken => (
            ErrorCode::DepositReferenceTaken,
            "Another deposit has this reference: to another account, or of another amount.",
        ),
        Rejection::WithdrawalLimit { left } => {
            let message = format!("No more than {left} can be withdrawn within 24 hours.");
            return ApiError::refused(ErrorCode::WithdrawalLimit, message);
        }
        Rejection::WithdrawalNotFound => (ErrorCode::WithdrawalNotFound, "Withdrawal not found."),
        Rejection::WithdrawalNotPending(status) => {
            let message = format!("The withdrawal is {}.", withdrawal_status_name(status));
            return ApiError::refused(ErrorCode::WithdrawalNotPending, message);
        }
        Rejection::AdjustmentNotFound => (ErrorCode::AdjustmentNotFound, "Adjustment not found."),
        Rejection::AdjustmentRejected => {
            (ErrorCode::AdjustmentDecided, "The adjustment was rejected.")
        }
        Rejection::SameAdministrator => (
            ErrorCode::SameAdministrator,
            "An adjustment must be approved with another token than it was proposed with.",
        ),
        _ => return ApiError::Internal("the rejection is not that of a transfer"),
    };
    ApiError::refused(code, message)
}
