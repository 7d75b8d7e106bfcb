//! The objects that `order.matched` may contain: the trade, the buyer and the seller, as Eloquent,
//! Laravel's database layer, serializes its models.
//!
//! That is: columns in snake case, decimals as text with eight digits (`"0.10000000"`, the cast
//! `decimal:8`), times in ISO 8601 with six fractional digits.
//!
//! The event reaches both counterparties. Each sees of the other one the columns that the operator
//! has named, and never a balance: [`ProfileColumn`] has none. No password hash comes as far as
//! here.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::OrderMatched;
use super::decimal::DecimalNumber;
use super::matched_shape::{Decimals, MatchedShape, Model, OwnColumn, ProfileColumn};
use super::timestamp::iso8601;
use crate::market::{Fixed, Side, Trade, UserId};

/// A user, with the balances at the end of the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub email_verified_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    /// In USD.
    pub balance: Fixed,
    pub locked_balance: Fixed,
    /// All assets but USD.
    pub assets: Vec<AssetRow>,
}

/// What a user holds of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRow {
    pub symbol: String,
    pub available: Fixed,
    pub locked: Fixed,
}

/// Users by id.
pub type Users = HashMap<UserId, UserRow>;

/// `order.matched` for one of the counterparties, with models.
#[derive(Serialize)]
pub struct MatchedWithModels<'a> {
    #[serde(flatten)]
    matched: &'a OrderMatched<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade: Option<TradeModel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<UserModel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller: Option<UserModel<'a>>,
}

impl MatchedShape {
    /// The payload for the buyer or the seller of a trade that was executed `at` this time. `users`
    /// has both if the payload includes them.
    pub fn payload<'a>(
        &'a self,
        matched: &'a OrderMatched<'a>,
        trade: &Trade,
        symbol: &'a str,
        users: &'a Users,
        recipient: Side,
        at: NaiveDateTime,
    ) -> MatchedWithModels<'a> {
        let decimals = self.decimals;
        let user = |model, id, side: Side| {
            let row = users.get(&id).filter(|_| self.includes(model))?;
            let columns = if side == recipient {
                Columns::Own(&self.own_columns)
            } else {
                Columns::Counterparty(&self.counterparty_columns)
            };
            Some(UserModel { row, columns, decimals })
        };
        let model = || TradeModel::new(trade, symbol, recipient, decimals, at);
        MatchedWithModels {
            matched,
            trade: self.includes(Model::Trade).then(model),
            buyer: user(Model::Buyer, trade.buyer, Side::Buy),
            seller: user(Model::Seller, trade.seller, Side::Sell),
        }
    }
}

#[derive(Serialize)]
struct TradeModel<'a> {
    id: i64,
    buy_order_id: i64,
    sell_order_id: i64,
    buyer_id: i64,
    seller_id: i64,
    symbol: &'a str,
    price: ModelDecimal,
    amount: ModelDecimal,
    /// The recipient's own, in the quote asset.
    commission: ModelDecimal,
    created_at: String,
    updated_at: String,
}

impl<'a> TradeModel<'a> {
    fn new(
        trade: &Trade,
        symbol: &'a str,
        recipient: Side,
        decimals: Decimals,
        at: NaiveDateTime,
    ) -> Self {
        let decimal = |number| ModelDecimal { number, decimals };
        let commission = match recipient {
            Side::Buy => trade.buyer_commission,
            Side::Sell => trade.seller_commission,
        };
        Self {
            id: trade.id.0,
            buy_order_id: trade.buy_order.0,
            sell_order_id: trade.sell_order.0,
            buyer_id: trade.buyer.0,
            seller_id: trade.seller.0,
            symbol,
            price: decimal(trade.price),
            amount: decimal(trade.amount),
            commission: decimal(commission),
            created_at: iso8601(at),
            updated_at: iso8601(at),
        }
    }
}

/// The columns of a user that the recipient of an event sees.
#[derive(Clone, Copy)]
enum Columns<'a> {
    Own(&'a [OwnColumn]),
    Counterparty(&'a [ProfileColumn]),
}

struct UserModel<'a> {
    row: &'a UserRow,
    columns: Columns<'a>,
    decimals: Decimals,
}

impl Serialize for UserModel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.columns {
            Columns::Own(columns) => {
                columns.iter().try_for_each(|column| self.own_column(&mut map, *column))?;
            }
            Columns::Counterparty(columns) => {
                columns.iter().try_for_each(|column| self.profile_column(&mut map, *column))?;
            }
        }
        map.end()
    }
}

impl<'a> UserModel<'a> {
    fn own_column<M: SerializeMap>(&self, map: &mut M, column: OwnColumn) -> Result<(), M::Error> {
        let Self { row, decimals, .. } = *self;
        let decimal = |number| ModelDecimal { number, decimals };
        match column {
            OwnColumn::Profile(profile) => self.profile_column(map, profile),
            OwnColumn::Balance => map.serialize_entry(column.name(), &decimal(row.balance)),
            OwnColumn::LockedBalance => {
                map.serialize_entry(column.name(), &decimal(row.locked_balance))
            }
            OwnColumn::Assets => {
                let model = |asset: &'a AssetRow| AssetModel {
                    symbol: &asset.symbol,
                    amount: decimal(asset.available),
                    locked_amount: decimal(asset.locked),
                };
                let assets: Vec<AssetModel<'_>> = row.assets.iter().map(model).collect();
                map.serialize_entry(column.name(), &assets)
            }
        }
    }

    fn profile_column<M: SerializeMap>(
        &self,
        map: &mut M,
        column: ProfileColumn,
    ) -> Result<(), M::Error> {
        let (row, name) = (self.row, column.name());
        match column {
            ProfileColumn::Id => map.serialize_entry(name, &row.id.0),
            ProfileColumn::Name => map.serialize_entry(name, &row.name),
            ProfileColumn::Email => map.serialize_entry(name, &row.email),
            ProfileColumn::EmailVerifiedAt => {
                map.serialize_entry(name, &row.email_verified_at.map(iso8601))
            }
            ProfileColumn::CreatedAt => map.serialize_entry(name, &iso8601(row.created_at)),
            ProfileColumn::UpdatedAt => map.serialize_entry(name, &iso8601(row.updated_at)),
        }
    }
}

#[derive(Serialize)]
struct AssetModel<'a> {
    symbol: &'a str,
    amount: ModelDecimal,
    locked_amount: ModelDecimal,
}

#[derive(Clone, Copy)]
struct ModelDecimal {
    number: Fixed,
    decimals: Decimals,
}

impl Serialize for ModelDecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.decimals {
            Decimals::Text => serializer.collect_str(&eight_digits(self.number)),
            Decimals::Number => DecimalNumber(self.number).serialize(serializer),
        }
    }
}

/// All eight digits after the point: `0.10000000`.
fn eight_digits(number: Fixed) -> String {
    let (units, one) = (number.units().unsigned_abs(), Fixed::ONE.units().unsigned_abs());
    let sign = if number.units() < 0 { "-" } else { "" };
    format!("{sign}{}.{:08}", units / one, units % one)
}

#[cfg(test)]
mod tests {
    use super::{Fixed, eight_digits};

    #[test]
    fn a_decimal_has_eight_digits_after_the_point() {
        for (units, expected) in [
            (0, "0.00000000"),
            (1, "0.00000001"),
            (-1, "-0.00000001"),
            (10_000_000, "0.10000000"),
            (5_000_000_000_000, "50000.00000000"),
            (-150_000_000, "-1.50000000"),
            (i64::MAX, "92233720368.54775807"),
            (i64::MIN, "-92233720368.54775808"),
        ] {
            assert_eq!(eight_digits(Fixed::from_units(units)), expected);
        }
    }
}
