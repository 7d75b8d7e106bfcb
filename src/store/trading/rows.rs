//! How orders stand in a row, and back. The numbers behind sides, statuses and references.

use diesel::sql_types::{BigInt, Integer, SmallInt};

use crate::market::{Fixed, MarketId, Order, OrderId, Plan, Reference, Side, Status, UserId};
use crate::store::StoreError;

/// The columns of an order that matching needs, in the order of [`ORDER_COLUMNS`].
pub type OrderRow = (i64, i64, i32, i16, i64, i64, i64, i64, i64, i64, i64, i16);
/// [`OrderRow`] in Diesel's words.
pub type OrderSql = (
    BigInt,
    BigInt,
    Integer,
    SmallInt,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    SmallInt,
);

macro_rules! order_columns {
    () => {
        "id, user_id, market_id, side, price, amount, filled_amount, filled_value, commission, \
         commission_rate, reserved, status"
    };
}
pub(super) use order_columns;

pub fn order_from_row(row: OrderRow) -> Result<Order, StoreError> {
    let (id, user, market, side, price, amount, filled, value, commission, rate, reserved, status) =
        row;
    Ok(Order {
        id: OrderId(id),
        user: UserId(user),
        market: MarketId(market),
        side: side_from_code(side)?,
        price: Fixed::from_units(price),
        amount: Fixed::from_units(amount),
        filled: Fixed::from_units(filled),
        filled_value: Fixed::from_units(value),
        commission: Fixed::from_units(commission),
        commission_rate: Fixed::from_units(rate),
        reserved: Fixed::from_units(reserved),
        status: status_from_code(status)?,
    })
}

pub const fn side_code(side: Side) -> i16 {
    match side {
        Side::Buy => 1,
        Side::Sell => 2,
    }
}

pub fn side_from_code(code: i16) -> Result<Side, StoreError> {
    match code {
        1 => Ok(Side::Buy),
        2 => Ok(Side::Sell),
        _ => Err(StoreError::Other(format!("{code} is no side of an order"))),
    }
}

pub const fn status_code(status: Status) -> i16 {
    match status {
        Status::Open => 1,
        Status::Filled => 2,
        Status::Cancelled => 3,
    }
}

pub fn status_from_code(code: i16) -> Result<Status, StoreError> {
    match code {
        1 => Ok(Status::Open),
        2 => Ok(Status::Filled),
        3 => Ok(Status::Cancelled),
        _ => Err(StoreError::Other(format!("{code} is no status of an order"))),
    }
}

/// The numbers of what an entry is about: its kind and its id.
pub fn reference_codes(plan: &Plan, reference: Reference) -> (Option<i16>, Option<i64>) {
    match reference {
        Reference::None => (None, None),
        Reference::Order(id) => (Some(1), Some(id.0)),
        Reference::Trade(position) => (Some(2), Some(plan.trades[position].id.0)),
        Reference::Market(id) => (Some(3), Some(i64::from(id.0))),
    }
}
