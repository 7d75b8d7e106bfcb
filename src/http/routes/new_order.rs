//! Reads an order from the fields of a request.

use crate::config::ExcessDecimals;
use crate::http::extract::{Input, SIDES, Validator};
use crate::http::response::ApiError;
use crate::market::{
    ClientOrderId, Fixed, NewOrder, OrderType, SelfTradePrevention, Side, TimeInForce, UserId,
};
use crate::store::markets::Catalog;

/// Two assets and a slash.
const MAX_SYMBOL: usize = 33;

const CLIENT_ORDER_ID_RULE: &str =
    "The client order id field must be a string of 1 to 64 visible ASCII characters.";

/// How the price is determined, and whether the order waits for a stop price.
#[derive(Clone, Copy, Default)]
struct Type {
    price: OrderType,
    is_stop: bool,
}

/// What limits how much is bought or sold.
#[derive(Clone, Copy)]
enum Size {
    Amount(Fixed),
    QuoteAmount(Fixed),
}

/// A word of the field `time_in_force`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TimeWord {
    Gtc,
    Ioc,
    Fok,
    Gtd,
}

const TYPES: [(&str, Type); 4] = [
    ("limit", Type { price: OrderType::Limit, is_stop: false }),
    ("market", Type { price: OrderType::Market, is_stop: false }),
    ("stop_limit", Type { price: OrderType::Limit, is_stop: true }),
    ("stop_market", Type { price: OrderType::Market, is_stop: true }),
];
const TIMES_IN_FORCE: [(&str, TimeWord); 4] = [
    ("gtc", TimeWord::Gtc),
    ("ioc", TimeWord::Ioc),
    ("fok", TimeWord::Fok),
    ("gtd", TimeWord::Gtd),
];
const SELF_TRADE_PREVENTIONS: [(&str, SelfTradePrevention); 4] = [
    ("cancel_newest", SelfTradePrevention::CancelNewest),
    ("cancel_oldest", SelfTradePrevention::CancelOldest),
    ("cancel_both", SelfTradePrevention::CancelBoth),
    ("decrement", SelfTradePrevention::Decrement),
];

/// # Errors
/// 422 with each invalid field.
pub fn read_order(
    user: UserId,
    input: &Input,
    catalog: &Catalog,
    excess: ExcessDecimals,
) -> Result<NewOrder, ApiError> {
    let mut validator = Validator::of(input);
    let symbol = validator.text("symbol", MAX_SYMBOL);
    let market = symbol.as_deref().and_then(|symbol| catalog.market(symbol));
    if symbol.is_some() && market.is_none() {
        validator.fail("symbol", "The selected symbol is invalid.");
    }
    let side = validator.one_of("side", &SIDES);
    let order_type = validator.optional_one_of("type", &TYPES).unwrap_or_default();
    let (price, stop_price) = read_prices(&mut validator, input, order_type, excess);
    let size = read_size(&mut validator, input, order_type, side, excess);
    let time_in_force = read_time_in_force(&mut validator, input, order_type.price);
    let post_only = validator.optional_bool("post_only").unwrap_or(false);
    let may_rest = order_type.price == OrderType::Limit
        && time_in_force.is_none_or(|time_in_force| time_in_force.may_rest());
    if post_only && (!may_rest || order_type.is_stop) {
        let text = "A post-only order must be a limit order that may rest (gtc or gtd).";
        validator.fail("post_only", text);
    }
    let self_trade_prevention =
        validator.optional_one_of("self_trade_prevention", &SELF_TRADE_PREVENTIONS);
    let client_order_id = input.string("client_order_id").and_then(ClientOrderId::parse);
    if client_order_id.is_none() && !input.is_absent("client_order_id") {
        validator.fail("client_order_id", CLIENT_ORDER_ID_RULE);
    }
    if !input.is_missing("quote_amount") && time_in_force == Some(TimeInForce::Fok) {
        validator.fail("time_in_force", "An order with a quote amount must be ioc.");
    }
    let required = (market, side, price, stop_price, size, time_in_force);
    let (market, side, price, stop_price, size, time_in_force) = validator.finish(required)?;
    let (amount, quote_amount) = match size {
        Size::Amount(amount) => (amount, None),
        Size::QuoteAmount(quote_amount) => (Fixed::ZERO, Some(quote_amount)),
    };
    Ok(NewOrder {
        user,
        market: market.id,
        side,
        price,
        amount,
        quote_amount,
        time_in_force,
        stop_price,
        post_only,
        self_trade_prevention: self_trade_prevention.unwrap_or_default(),
        client_order_id,
    })
}

/// The price and the stop price. The outer `None` is an error, the inner one: it has none.
fn read_prices(
    validator: &mut Validator<'_>,
    input: &Input,
    order_type: Type,
    excess: ExcessDecimals,
) -> (Option<Option<Fixed>>, Option<Option<Fixed>>) {
    let mut read = |field, is_expected, text: &str| {
        if is_expected {
            validator.positive(field, excess).map(Some)
        } else if input.is_missing(field) {
            Some(None)
        } else {
            validator.fail(field, text);
            None
        }
    };
    let is_limit = order_type.price == OrderType::Limit;
    let price = read("price", is_limit, "A market order has no price.");
    let stop_price = read("stop_price", order_type.is_stop, "Only a stop order has a stop price.");
    (price, stop_price)
}

/// `None` is an error.
fn read_size(
    validator: &mut Validator<'_>,
    input: &Input,
    order_type: Type,
    side: Option<Side>,
    excess: ExcessDecimals,
) -> Option<Size> {
    if input.is_missing("quote_amount") {
        return validator.positive("amount", excess).map(Size::Amount);
    }
    let is_market_buy = order_type.price == OrderType::Market
        && !order_type.is_stop
        && side.is_none_or(|side| side == Side::Buy);
    if !is_market_buy {
        validator.fail("quote_amount", "Only a market order to buy has a quote amount.");
    }
    if !input.is_missing("amount") {
        validator.fail("amount", "Give either the amount or the quote amount.");
    }
    validator.positive("quote_amount", excess).map(Size::QuoteAmount)
}

/// `None` is an error.
fn read_time_in_force(
    validator: &mut Validator<'_>,
    input: &Input,
    order_type: OrderType,
) -> Option<TimeInForce> {
    let word = validator.optional_one_of("time_in_force", &TIMES_IN_FORCE);
    if word.is_none() && !input.is_missing("time_in_force") {
        return None;
    }
    if word != Some(TimeWord::Gtd) && !input.is_missing("expires_at") {
        validator.fail("expires_at", "Only a gtd order has a time at which it expires.");
    }
    if order_type == OrderType::Market && matches!(word, Some(TimeWord::Gtc | TimeWord::Gtd)) {
        validator.fail("time_in_force", "A market order must be ioc or fok.");
    }
    match word {
        None if order_type == OrderType::Market => Some(TimeInForce::Ioc),
        None | Some(TimeWord::Gtc) => Some(TimeInForce::Gtc),
        Some(TimeWord::Ioc) => Some(TimeInForce::Ioc),
        Some(TimeWord::Fok) => Some(TimeInForce::Fok),
        Some(TimeWord::Gtd) => validator.time("expires_at").map(TimeInForce::Gtd),
    }
}
