//! A user's orders.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{CancelReason, Fixed, MarketId, Order, OrderId, Side, Status, UserId};
use crate::store::rows::StoredOrder;
use crate::store::schema::orders;
use crate::store::{AnyConnection, StoreError};

/// An order as its owner sees it.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub id: OrderId,
    pub market: MarketId,
    pub side: Side,
    pub price: Fixed,
    pub amount: Fixed,
    pub filled: Fixed,
    pub status: Status,
    pub cancel_reason: Option<CancelReason>,
    pub created_at: NaiveDateTime,
    pub cancelled_at: Option<NaiveDateTime>,
}

impl TryFrom<StoredOrder> for OrderView {
    type Error = StoreError;

    fn try_from(stored: StoredOrder) -> Result<Self, StoreError> {
        let order = Order::try_from(stored.order)?;
        Ok(Self {
            id: order.id,
            market: order.market,
            side: order.side,
            price: order.price,
            amount: order.amount,
            filled: order.filled,
            status: order.status,
            cancel_reason: order.cancel_reason,
            created_at: stored.created_at,
            cancelled_at: stored.cancelled_at,
        })
    }
}

/// A user's orders, newest first.
pub fn orders_of(
    connection: &mut AnyConnection,
    user: UserId,
    cap: i64,
) -> Result<Vec<OrderView>, StoreError> {
    let rows: Vec<StoredOrder> = orders::table
        .filter(orders::user_id.eq(user.0))
        .order(orders::id.desc())
        .limit(cap)
        .select(StoredOrder::as_select())
        .load(connection)?;
    rows.into_iter().map(OrderView::try_from).collect()
}
