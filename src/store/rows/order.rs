//! Orders.

use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Text, Timestamp};
use diesel::sqlite::Sqlite;

use crate::market::{
    ClientOrderId, FilledValues, Fixed, MarketId, Order, OrderId, OrderRates, OrderType,
    SelfTradePrevention, Stop, TimeInForce, UnixMicros, UserId,
};
use crate::store::clock::{from_unix_micros, unix_micros};
use crate::store::schema::orders;
use crate::store::{StoreError, codes};

/// The columns of an order that the market's rules need. The names are those of the columns.
#[derive(Clone, Copy, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = orders)]
#[diesel(treat_none_as_default_value = false)]
pub struct OrderRow {
    pub id: i64,
    pub user_id: i64,
    pub market_id: i32,
    pub side: i16,
    pub price: i64,
    pub amount: i64,
    pub filled_amount: i64,
    pub filled_value: i64,
    pub commission: i64,
    pub taker_rate: i64,
    pub reserved: i64,
    pub status: i16,
    pub cancel_reason: Option<i16>,
    pub client_order_id: Option<ClientOrderIdText>,
    pub order_type: i16,
    pub time_in_force: i16,
    pub post_only: bool,
    pub self_trade_prevention: i16,
    pub prevented_amount: i64,
    pub arrival: i64,
    pub expires_at: Option<Micros>,
    pub stop_price: Option<i64>,
    pub is_waiting: bool,
    pub quote_amount: Option<i64>,
    pub is_amended: bool,
    /// `None`: the same as `taker_rate`.
    pub maker_rate: Option<i64>,
    pub taker_value: i64,
}

/// The columns of an order that has the default value in all others, as most orders do.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = orders)]
#[diesel(treat_none_as_default_value = false)]
pub struct PlainOrderRow {
    pub id: i64,
    pub user_id: i64,
    pub market_id: i32,
    pub side: i16,
    pub price: i64,
    pub amount: i64,
    pub filled_amount: i64,
    pub filled_value: i64,
    pub commission: i64,
    pub taker_rate: i64,
    pub reserved: i64,
    pub status: i16,
    pub client_order_id: Option<ClientOrderIdText>,
    pub arrival: i64,
    pub taker_value: i64,
}

// The defaults of the columns.
const LIMIT: i16 = codes::order_type_code(OrderType::Limit);
const GTC: i16 = codes::time_in_force_code(TimeInForce::Gtc);
const CANCEL_NEWEST: i16 = codes::self_trade_code(SelfTradePrevention::CancelNewest);

impl OrderRow {
    /// `None` if it is not plain.
    pub fn plain(&self) -> Option<PlainOrderRow> {
        let Self {
            id,
            user_id,
            market_id,
            side,
            price,
            amount,
            filled_amount,
            filled_value,
            commission,
            taker_rate,
            reserved,
            status,
            client_order_id,
            arrival,
            taker_value,
            cancel_reason: None,
            order_type: LIMIT,
            time_in_force: GTC,
            post_only: false,
            self_trade_prevention: CANCEL_NEWEST,
            prevented_amount: 0,
            expires_at: None,
            stop_price: None,
            is_waiting: false,
            quote_amount: None,
            is_amended: false,
            maker_rate: None,
        } = *self
        else {
            return None;
        };
        Some(PlainOrderRow {
            id,
            user_id,
            market_id,
            side,
            price,
            amount,
            filled_amount,
            filled_value,
            commission,
            taker_rate,
            reserved,
            status,
            client_order_id,
            arrival,
            taker_value,
        })
    }
}

/// [`UnixMicros`] as a time of the database.
#[derive(Clone, Copy, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Timestamp)]
pub struct Micros(pub UnixMicros);

impl ToSql<Timestamp, Pg> for Micros {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let time = from_unix_micros(self.0)?;
        ToSql::<Timestamp, Pg>::to_sql(&time, &mut out.reborrow())
    }
}

impl ToSql<Timestamp, Sqlite> for Micros {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        // As Diesel writes times.
        out.set_value(from_unix_micros(self.0)?.format("%F %T%.f").to_string());
        Ok(IsNull::No)
    }
}

impl<DB: Backend> FromSql<Timestamp, DB> for Micros
where
    NaiveDateTime: FromSql<Timestamp, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(unix_micros(NaiveDateTime::from_sql(value)?)))
    }
}

/// A [`ClientOrderId`] as a text of the database.
#[derive(Clone, Copy, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct ClientOrderIdText(pub ClientOrderId);

impl<DB: Backend> ToSql<Text, DB> for ClientOrderIdText
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.as_str().to_sql(out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for ClientOrderIdText
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = String::from_sql(value)?;
        let id = ClientOrderId::parse(&text).ok_or("a client order id with another character")?;
        Ok(Self(id))
    }
}

impl From<&Order> for OrderRow {
    fn from(order: &Order) -> Self {
        let maker_rate = Some(order.rates.maker).filter(|rate| *rate != order.rates.taker);
        Self {
            id: order.id.0,
            user_id: order.user.0,
            market_id: order.market.0,
            side: codes::side_code(order.side),
            price: order.price.units(),
            amount: order.amount.units(),
            filled_amount: order.filled.units(),
            filled_value: order.filled_value().units(),
            commission: order.commission.units(),
            taker_rate: order.rates.taker.units(),
            reserved: order.reserved.units(),
            status: codes::status_code(order.status),
            cancel_reason: order.cancel_reason.map(codes::cancel_reason_code),
            client_order_id: order.client_order_id.map(ClientOrderIdText),
            order_type: codes::order_type_code(order.order_type),
            time_in_force: codes::time_in_force_code(order.time_in_force),
            post_only: order.post_only,
            self_trade_prevention: codes::self_trade_code(order.self_trade_prevention),
            prevented_amount: order.prevented.units(),
            arrival: order.arrival,
            expires_at: match order.time_in_force {
                TimeInForce::Gtd(expires_at) => Some(Micros(expires_at)),
                TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => None,
            },
            stop_price: order.stop.map(|stop| stop.price.units()),
            is_waiting: order.is_waiting(),
            quote_amount: order.quote_amount.map(Fixed::units),
            is_amended: order.is_amended,
            maker_rate: maker_rate.map(Fixed::units),
            taker_value: order.filled_values.taker.units(),
        }
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = StoreError;

    fn try_from(row: OrderRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: OrderId(row.id),
            user: UserId(row.user_id),
            market: MarketId(row.market_id),
            side: codes::side_from_code(row.side)?,
            price: Fixed::from_units(row.price),
            amount: Fixed::from_units(row.amount),
            filled: Fixed::from_units(row.filled_amount),
            filled_values: filled_values(row.filled_value, row.taker_value)?,
            commission: Fixed::from_units(row.commission),
            rates: OrderRates {
                maker: Fixed::from_units(row.maker_rate.unwrap_or(row.taker_rate)),
                taker: Fixed::from_units(row.taker_rate),
            },
            reserved: Fixed::from_units(row.reserved),
            status: codes::status_from_code(row.status)?,
            cancel_reason: row.cancel_reason.map(codes::cancel_reason_from_code).transpose()?,
            client_order_id: row.client_order_id.map(|text| text.0),
            order_type: codes::order_type_from_code(row.order_type)?,
            time_in_force: codes::time_in_force_from_code(
                row.time_in_force,
                row.expires_at.map(|time| time.0),
            )?,
            post_only: row.post_only,
            self_trade_prevention: codes::self_trade_from_code(row.self_trade_prevention)?,
            prevented: Fixed::from_units(row.prevented_amount),
            arrival: row.arrival,
            quote_amount: row.quote_amount.map(Fixed::from_units),
            is_amended: row.is_amended,
            stop: row
                .stop_price
                .map(|price| Stop { price: Fixed::from_units(price), is_waiting: row.is_waiting }),
        })
    }
}

fn filled_values(total: i64, taker: i64) -> Result<FilledValues, StoreError> {
    let (total, taker) = (Fixed::from_units(total), Fixed::from_units(taker));
    let maker = total.checked_sub(taker).filter(|maker| *maker >= Fixed::ZERO);
    let maker = maker.ok_or_else(|| StoreError::Other(format!("unknown taker_value {taker}")))?;
    Ok(FilledValues { maker, taker })
}

/// An order with its times: all columns.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = orders)]
pub struct StoredOrder {
    #[diesel(embed)]
    pub order: OrderRow,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    pub cancelled_at: Option<NaiveDateTime>,
}

/// The columns of an order that change after it was placed, without the times.
#[derive(Clone, Copy, Debug, AsChangeset)]
#[diesel(table_name = orders)]
#[diesel(treat_none_as_null = true)]
pub struct OrderChange {
    pub id: i64,
    pub price: i64,
    pub amount: i64,
    pub filled_amount: i64,
    pub filled_value: i64,
    pub commission: i64,
    pub reserved: i64,
    pub status: i16,
    pub cancel_reason: Option<i16>,
    pub prevented_amount: i64,
    pub arrival: i64,
    pub is_waiting: bool,
    pub is_amended: bool,
    pub taker_value: i64,
    /// Not a column. Otherwise [`FillChange`] contains everything that may have changed.
    #[diesel(skip_update)]
    pub may_have_moved: bool,
}

/// What changes in an order that is filled or cancelled. No column of it but the status is part of
/// an index.
#[derive(Clone, Copy, Debug, AsChangeset)]
#[diesel(table_name = orders)]
#[diesel(treat_none_as_null = true)]
pub struct FillChange {
    pub filled_amount: i64,
    pub filled_value: i64,
    pub commission: i64,
    pub reserved: i64,
    pub status: i16,
    pub cancel_reason: Option<i16>,
    pub prevented_amount: i64,
    pub taker_value: i64,
}

impl From<&OrderChange> for FillChange {
    fn from(change: &OrderChange) -> Self {
        Self {
            filled_amount: change.filled_amount,
            filled_value: change.filled_value,
            commission: change.commission,
            reserved: change.reserved,
            status: change.status,
            cancel_reason: change.cancel_reason,
            prevented_amount: change.prevented_amount,
            taker_value: change.taker_value,
        }
    }
}

impl From<&Order> for OrderChange {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id.0,
            price: order.price.units(),
            amount: order.amount.units(),
            filled_amount: order.filled.units(),
            filled_value: order.filled_value().units(),
            commission: order.commission.units(),
            reserved: order.reserved.units(),
            status: codes::status_code(order.status),
            cancel_reason: order.cancel_reason.map(codes::cancel_reason_code),
            prevented_amount: order.prevented.units(),
            arrival: order.arrival,
            is_waiting: order.is_waiting(),
            is_amended: order.is_amended,
            taker_value: order.filled_values.taker.units(),
            may_have_moved: order.is_amended || order.stop.is_some(),
        }
    }
}
