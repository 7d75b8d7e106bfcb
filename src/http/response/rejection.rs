//! How the market's rejections are told to clients.

use super::code::ErrorCode;
use super::error::ApiError;
use crate::market::{MarketStatus, Rejection, Side};
use crate::store::markets::Catalog;

impl ApiError {
    /// Names the asset that is missing, as existing frontends expect it.
    pub fn of_rejection(rejection: Rejection, catalog: &Catalog) -> Self {
        let Rejection::InsufficientFunds { side: Side::Buy, asset } = rejection else {
            return rejection.into();
        };
        let asset = catalog.asset_symbol(asset);
        let message = format!("Insufficient {asset} balance for this buy order.");
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
        Rejection::DepositLimit => {
            (ErrorCode::FaucetLimit, "This account's faucet calls for today are used up.")
        }
        Rejection::DepositReferenceTaken => (
            ErrorCode::DepositReferenceTaken,
            "Another deposit has this reference: to another account, or of another amount.",
        ),
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
        | Rejection::NoPriceToAmend => {
            return ApiError::Internal("the rejection of a field does not name it");
        }
    };
    ApiError::refused(code, message)
}
