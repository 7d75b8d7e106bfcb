//! A user's orders.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{ClientOrderId, Order, OrderId, UserId};
use crate::store::rows::{ClientOrderIdText, StoredOrder};
use crate::store::schema::orders;
use crate::store::{AnyConnection, StoreError};

/// An order as its owner sees it.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub order: Order,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    pub cancelled_at: Option<NaiveDateTime>,
}

impl TryFrom<StoredOrder> for OrderView {
    type Error = StoreError;

    fn try_from(stored: StoredOrder) -> Result<Self, StoreError> {
        let StoredOrder { order, created_at, updated_at, cancelled_at } = stored;
        Ok(Self { order: Order::try_from(order)?, created_at, updated_at, cancelled_at })
    }
}

/// What a user calls an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderName {
    Id(OrderId),
    ClientOrderId(ClientOrderId),
}

/// An order of this user. `None` if there is none of this name, or it is another user's.
pub fn order_of(
    connection: &mut AnyConnection,
    user: UserId,
    name: OrderName,
) -> Result<Option<OrderView>, StoreError> {
    let own = orders::table.filter(orders::user_id.eq(user.0)).select(StoredOrder::as_select());
    let found: Option<StoredOrder> = match name {
        OrderName::Id(id) => own.filter(orders::id.eq(id.0)).first(connection),
        OrderName::ClientOrderId(id) => {
            own.filter(orders::client_order_id.eq(ClientOrderIdText(id))).first(connection)
        }
    }
    .optional()?;
    found.map(OrderView::try_from).transpose()
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
