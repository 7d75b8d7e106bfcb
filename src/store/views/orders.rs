//! Orders: of a user, and of all.

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::holdings::AccountVersions;
use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, edge_query, page_query};
use super::versioned::{Columns, OfAccounts, OfAccountsColumns, Part, Versioned, parts_of};
use super::versions::account_versions;
use crate::market::{ClientOrderId, MarketId, Order, OrderId, Side, Status, UserId};
use crate::store::rows::{ClientOrderIdText, StoredOrder};
use crate::store::schema::{OPEN_ORDERS, orders};
use crate::store::{AnyConnection, StoreError, codes};

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

/// Which of a user's orders are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderFilter {
    pub market: Option<MarketId>,
    pub side: Option<Side>,
    pub status: Option<Status>,
}

impl OrderFilter {
    /// Whether it may let few of many orders through. Open orders are few, and have an index.
    fn is_selective(&self) -> bool {
        self.status != Some(Status::Open)
            && (self.market.is_some() || self.side.is_some() || self.status.is_some())
    }
}

/// A query for the orders of a page along `$own`, whose index ends with the id.
macro_rules! orders_query {
    ($own:expr, $bounds:expr, $filter:expr, $page:expr) => {{
        let (id, time) = (orders::id, orders::created_at);
        let mut query = page_query!($page, $bounds, $own, id, time, StoredOrder::as_select());
        if let Some(market) = $filter.market {
            query = query.filter(orders::market_id.eq(market.0));
        }
        if let Some(side) = $filter.side {
            query = query.filter(orders::side.eq(codes::side_code(side)));
        }
        match $filter.status {
            None => {}
            Some(Status::Open) => query = query.filter(sql::<Bool>(OPEN_ORDERS)),
            Some(status) => query = query.filter(orders::status.eq(codes::status_code(status))),
        }
        query
    }};
}

/// The orders of a page along `$own`.
macro_rules! orders_along {
    ($connection:expr, $own:expr, $is_selective:expr, $filter:expr, $page:expr) => {{
        let (id, time) = (orders::id, orders::created_at);
        let bounds = bounds!($connection, $page, $is_selective, $own, id, time);
        let rows: Vec<StoredOrder> =
            orders_query!($own, bounds, $filter, $page).load($connection)?;
        page_of(rows, bounds, $page)
    }};
}

fn page_of(
    rows: impl IntoIterator<Item = StoredOrder>,
    bounds: Bounds,
    page: &PageRequest,
) -> Result<Page<OrderView>, StoreError> {
    let row = |row: StoredOrder| Ok((row.order.id, OrderView::try_from(row)?));
    let rows = rows.into_iter().map(row).collect::<Result<_, StoreError>>()?;
    Ok(Page::of(vec![Found::of(rows, bounds)], page))
}

/// A user's orders, newest first.
pub fn orders_of(
    connection: &mut AnyConnection,
    user: UserId,
    filter: OrderFilter,
    page: &PageRequest,
) -> Result<Page<OrderView>, StoreError> {
    let own = || orders::table.filter(orders::user_id.eq(user.0));
    orders_along!(connection, own(), filter.is_selective(), filter, page)
}

/// A user's orders, newest first, and a version that is not newer than they are. On PostgreSQL both
/// are read by one statement, unless the page is between two times.
pub fn orders_with_versions(
    connection: &mut AnyConnection,
    user: UserId,
    filter: OrderFilter,
    page: &PageRequest,
) -> Result<(AccountVersions, Page<OrderView>), StoreError> {
    let c = match connection {
        AnyConnection::Postgres(c) if !page.has_times() => c,
        connection => {
            let versions = account_versions(connection, user)?;
            return Ok((versions, orders_of(connection, user, filter, page)?));
        }
    };
    let bounds = Bounds::of(page);
    let own = || orders::table.filter(orders::user_id.eq(user.0));
    let mut orders = orders_query!(own(), bounds, filter, page);
    let mut edges: Vec<Part<'_>> = Vec::new();
    if filter.is_selective() {
        orders = orders.filter(sql::<Bool>(ABOVE_EDGE));
        edges.push(Box::new(edge_query!(bounds, own(), orders::id, StoredOrder::as_select())));
    }
    let parts: Vec<Part<'_>> = vec![Box::new(orders)];
    let query = Versioned::<_, Columns<Option<StoredOrder>>>::new(OfAccounts(user), parts, edges);
    let rows: Vec<(OfAccountsColumns, Option<i32>, Option<StoredOrder>)> = query.load(c)?;
    let rows = rows.into_iter().map(|(version, part, row)| (version, part.zip(row)));
    let (version, [found, edge]) = parts_of(rows);
    let bounds = Bounds::above(page, edge.first().map(|edge: &StoredOrder| edge.order.id));
    Ok((version.map(OfAccounts::read).unwrap_or_default(), page_of(found, bounds, page)?))
}

/// Ids are positive.
const ABOVE_EDGE: &str = "orders.id > COALESCE((SELECT id FROM edge0), 0)";

/// The orders of all users, newest first.
pub fn all_orders(
    connection: &mut AnyConnection,
    filter: OrderFilter,
    page: &PageRequest,
) -> Result<Page<OrderView>, StoreError> {
    let OrderFilter { market, side, status } = filter;
    // Along the primary key, even those of open orders.
    let is_selective = market.is_some() || side.is_some() || status.is_some();
    orders_along!(connection, orders::table, is_selective, filter, page)
}
