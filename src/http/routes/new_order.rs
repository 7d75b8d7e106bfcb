//! Reads an order from the fields of a request.

use crate::http::extract::{Input, Validator};
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::market::{
    ClientOrderId, NewOrder, OrderType, SelfTradePrevention, Side, TimeInForce, UserId,
};

const CLIENT_ORDER_ID_RULE: &str =
    "The client order id field must be a string of 1 to 64 visible ASCII characters.";

const SIDES: [(&str, Side); 2] = [("buy", Side::Buy), ("sell", Side::Sell)];
const TYPES: [(&str, OrderType); 2] = [("limit", OrderType::Limit), ("market", OrderType::Market)];
const TIMES_IN_FORCE: [(&str, TimeInForce); 3] =
    [("gtc", TimeInForce::Gtc), ("ioc", TimeInForce::Ioc), ("fok", TimeInForce::Fok)];
const SELF_TRADE_PREVENTIONS: [(&str, SelfTradePrevention); 4] = [
    ("cancel_newest", SelfTradePrevention::CancelNewest),
    ("cancel_oldest", SelfTradePrevention::CancelOldest),
    ("cancel_both", SelfTradePrevention::CancelBoth),
    ("decrement", SelfTradePrevention::Decrement),
];

/// # Errors
/// 422 with each invalid field.
pub fn read_order(user: UserId, input: &Input, state: &AppState) -> Result<NewOrder, ApiError> {
    let mut validator = Validator::of(input);
    let symbol = validator.text("symbol", 16);
    let market = symbol.as_deref().and_then(|symbol| state.catalog.market(symbol));
    if symbol.is_some() && market.is_none() {
        validator.fail("symbol", "The selected symbol is invalid.");
    }
    let side = validator.one_of("side", &SIDES);
    let order_type = validator.optional_one_of("type", &TYPES).unwrap_or_default();
    let price = match order_type {
        OrderType::Limit => validator.positive("price", state.excess_decimals).map(Some),
        OrderType::Market if input.is_missing("price") => Some(None),
        OrderType::Market => {
            validator.fail("price", "A market order has no price.");
            None
        }
    };
    let amount = validator.positive("amount", state.excess_decimals);
    let time_in_force = validator.optional_one_of("time_in_force", &TIMES_IN_FORCE);
    let post_only = validator.optional_bool("post_only").unwrap_or(false);
    let never_rests = order_type == OrderType::Market
        || matches!(time_in_force, Some(TimeInForce::Ioc | TimeInForce::Fok));
    if order_type == OrderType::Market && time_in_force == Some(TimeInForce::Gtc) {
        validator.fail("time_in_force", "A market order must be ioc or fok.");
    }
    if post_only && never_rests {
        validator.fail("post_only", "A post-only order must be a limit order that may rest (gtc).");
    }
    let self_trade_prevention =
        validator.optional_one_of("self_trade_prevention", &SELF_TRADE_PREVENTIONS);
    let client_order_id = input.string("client_order_id").and_then(ClientOrderId::parse);
    if client_order_id.is_none() && !input.is_absent("client_order_id") {
        validator.fail("client_order_id", CLIENT_ORDER_ID_RULE);
    }
    let (market, side, price, amount) = validator.finish((market, side, price, amount))?;
    Ok(NewOrder {
        user,
        market: market.id,
        side,
        price,
        amount,
        time_in_force: time_in_force.unwrap_or_default(),
        post_only,
        self_trade_prevention: self_trade_prevention.unwrap_or_default(),
        client_order_id,
    })
}
