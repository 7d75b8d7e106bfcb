//! Trades.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{Fixed, MarketId, OrderId, Side, Trade, TradeId, UserId};
use crate::store::schema::trades;
use crate::store::{StoreError, codes};

/// A trade without the time.
#[derive(Clone, Copy, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = trades)]
#[diesel(treat_none_as_default_value = false)]
pub struct TradeRow {
    pub id: i64,
    pub market_id: i32,
    pub buy_order_id: i64,
    pub sell_order_id: i64,
    pub buyer_id: i64,
    pub seller_id: i64,
    pub price: i64,
    pub amount: i64,
    pub value: i64,
    pub buyer_commission: i64,
    pub seller_commission: i64,
    pub matched_events: i16,
    pub sequence: i64,
    /// `None`: stored before there was this column.
    pub taker_side: Option<i16>,
}

/// A trade as it is stored: all columns.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = trades)]
pub struct StoredTrade {
    #[diesel(embed)]
    pub trade: TradeRow,
    pub created_at: NaiveDateTime,
}

impl TradeRow {
    /// `matched_events` is the number of `order.matched` events that are written for the trade.
    pub fn new(trade: &Trade, matched_events: i16) -> Self {
        Self {
            id: trade.id.0,
            market_id: trade.market.0,
            buy_order_id: trade.buy_order.0,
            sell_order_id: trade.sell_order.0,
            buyer_id: trade.buyer.0,
            seller_id: trade.seller.0,
            price: trade.price.units(),
            amount: trade.amount.units(),
            value: trade.value.units(),
            buyer_commission: trade.buyer_commission.units(),
            seller_commission: trade.seller_commission.units(),
            matched_events,
            sequence: trade.sequence,
            taker_side: Some(codes::side_code(trade.taker_side)),
        }
    }
}

impl TryFrom<TradeRow> for Trade {
    type Error = StoreError;

    fn try_from(row: TradeRow) -> Result<Self, StoreError> {
        // Orders did not arrive again at that time: the newer one was the taker's.
        let newer = if row.buy_order_id > row.sell_order_id { Side::Buy } else { Side::Sell };
        let taker_side = row.taker_side.map(codes::side_from_code).transpose()?;
        Ok(Self {
            id: TradeId(row.id),
            market: MarketId(row.market_id),
            sequence: row.sequence,
            buy_order: OrderId(row.buy_order_id),
            sell_order: OrderId(row.sell_order_id),
            buyer: UserId(row.buyer_id),
            seller: UserId(row.seller_id),
            price: Fixed::from_units(row.price),
            amount: Fixed::from_units(row.amount),
            value: Fixed::from_units(row.value),
            buyer_commission: Fixed::from_units(row.buyer_commission),
            seller_commission: Fixed::from_units(row.seller_commission),
            taker_side: taker_side.unwrap_or(newer),
        })
    }
}
