//! Trades: of a market, of a user, and all.

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use super::holdings::AccountVersions;
use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, edge_query, page_query};
use super::versioned::{
    Columns, OfAccounts, OfAccountsColumns, OfTrades, OfTradesColumns, Part, Versioned, parts_of,
};
use super::versions::{NewestRow, account_versions, newest_trade};
use crate::market::{ClientOrderId, MarketId, Side, Trade, UserId};
use crate::store::rows::{ClientOrderIdText, StoredTrade};
use crate::store::schema::{orders, trades};
use crate::store::{AnyConnection, StoreError, codes};

/// A trade with its time.
type TradeAt = (Trade, NaiveDateTime);

/// A query for the trades of a page of a market. The ids of the page are sequence numbers.
macro_rules! market_query {
    ($own:expr, $bounds:expr, $side:expr, $page:expr) => {{
        let (id, time) = (trades::sequence, trades::created_at);
        let mut query = page_query!($page, $bounds, $own, id, time, StoredTrade::as_select());
        if let Some(side) = $side {
            let is_taker = trades::taker_side.eq(codes::side_code(side));
            // Before it was stored, the newer order was the taker's.
            let is_unknown = trades::taker_side.is_null();
            query = match side {
                Side::Buy => query.filter(
                    is_taker.or(is_unknown.and(trades::buy_order_id.gt(trades::sell_order_id))),
                ),
                Side::Sell => query.filter(
                    is_taker.or(is_unknown.and(trades::buy_order_id.lt(trades::sell_order_id))),
                ),
            };
        }
        query
    }};
}

/// A market's trades with their times, newest first: all, or those with takers on one side. The ids
/// of the page are sequence numbers.
pub fn trades(
    connection: &mut AnyConnection,
    market: MarketId,
    side: Option<Side>,
    page: &PageRequest,
) -> Result<Page<TradeAt>, StoreError> {
    let of_market = || trades::table.filter(trades::market_id.eq(market.0));
    let (id, time) = (trades::sequence, trades::created_at);
    let bounds = bounds!(connection, page, side.is_some(), of_market(), id, time);
    let rows: Vec<StoredTrade> = market_query!(of_market(), bounds, side, page).load(connection)?;
    page_of_market(rows, bounds, page)
}

fn page_of_market(
    rows: Vec<StoredTrade>,
    bounds: Bounds,
    page: &PageRequest,
) -> Result<Page<TradeAt>, StoreError> {
    let row = |row: StoredTrade| Ok((row.trade.sequence, (row.trade.try_into()?, row.created_at)));
    let rows = rows.into_iter().map(row).collect::<Result<_, StoreError>>()?;
    Ok(Page::of(vec![Found::of(rows, bounds)], page))
}

/// [`trades()`], and the newest trade at that moment or before. On PostgreSQL both are read by one
/// statement, unless the page is between two times.
pub fn trades_with_newest(
    connection: &mut AnyConnection,
    market: MarketId,
    side: Option<Side>,
    page: &PageRequest,
) -> Result<(Option<NewestRow>, Page<TradeAt>), StoreError> {
    let c = match connection {
        AnyConnection::Postgres(c) if !page.has_times() => c,
        connection => {
            let newest = newest_trade(connection, market)?;
            return Ok((newest, trades(connection, market, side, page)?));
        }
    };
    let bounds = Bounds::of(page);
    let own = || trades::table.filter(trades::market_id.eq(market.0));
    let mut of_page = market_query!(own(), bounds, side, page);
    let mut edges: Vec<Part<'_>> = Vec::new();
    if side.is_some() {
        of_page = of_page.filter(sql::<Bool>(ABOVE_SEQUENCE));
        let edge = edge_query!(bounds, own(), trades::sequence, StoredTrade::as_select());
        edges.push(Box::new(edge));
    }
    let parts: Vec<Part<'_>> = vec![Box::new(of_page)];
    let query = Versioned::<_, Columns<Option<StoredTrade>>>::new(OfTrades(market), parts, edges);
    let rows: Vec<(OfTradesColumns, Option<i32>, Option<StoredTrade>)> = query.load(c)?;
    let rows = rows.into_iter().map(|(version, part, row)| (version, part.zip(row)));
    let (newest, [found, edge]) = parts_of(rows);
    let bounds = Bounds::above(page, edge.first().map(|edge: &StoredTrade| edge.trade.sequence));
    Ok((newest.and_then(OfTrades::read), page_of_market(found, bounds, page)?))
}

/// Sequence numbers are positive.
const ABOVE_SEQUENCE: &str = "trades.sequence > COALESCE((SELECT sequence FROM edge0), 0)";

/// A trade as one of its two users sees it.
#[derive(Clone, Debug)]
pub struct UserTrade {
    pub trade: Trade,
    /// The user's own.
    pub side: Side,
    /// Of the user's order.
    pub client_order_id: Option<ClientOrderId>,
    pub created_at: NaiveDateTime,
}

/// Which of a user's trades are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct TradeFilter {
    pub market: Option<MarketId>,
    /// The user's own.
    pub side: Option<Side>,
}

/// The trades in which a user is on one side. The columns of the two sides are of different types.
macro_rules! side_query {
    ($user:expr, $market:expr, $bounds:expr, $page:expr, $user_id:expr, $order_id:expr) => {{
        let own = trades::table.filter($user_id.eq($user.0));
        let with_order = own.inner_join(orders::table.on(orders::id.eq($order_id)));
        let (id, time) = (trades::id, trades::created_at);
        let columns = (StoredTrade::as_select(), orders::client_order_id);
        let mut query = page_query!($page, $bounds, with_order, id, time, columns);
        if let Some(market) = $market {
            query = query.filter(trades::market_id.eq(market.0));
        }
        query
    }};
}

macro_rules! of_side {
    ($c:expr, $user:expr, $market:expr, $page:expr, $user_id:expr, $order_id:expr, $side:expr) => {{
        let own = || trades::table.filter($user_id.eq($user.0));
        let (id, time) = (trades::id, trades::created_at);
        let bounds = bounds!($c, $page, $market.is_some(), own(), id, time);
        let query = side_query!($user, $market, bounds, $page, $user_id, $order_id);
        Found { rows: user_trades(query.load($c)?, $side)?, bounds }
    }};
}

/// A user's trades in all markets, newest first.
pub fn trades_of(
    connection: &mut AnyConnection,
    user: UserId,
    filter: TradeFilter,
    page: &PageRequest,
) -> Result<Page<UserTrade>, StoreError> {
    let mut found = Vec::new();
    if filter.side != Some(Side::Sell) {
        found.push(of_side!(
            connection,
            user,
            filter.market,
            page,
            trades::buyer_id,
            trades::buy_order_id,
            Side::Buy
        ));
    }
    if filter.side != Some(Side::Buy) {
        found.push(of_side!(
            connection,
            user,
            filter.market,
            page,
            trades::seller_id,
            trades::sell_order_id,
            Side::Sell
        ));
    }
    Ok(Page::of(found, page))
}

/// [`trades_of`], and the versions of the user's accounts at that moment or before. On PostgreSQL
/// both are read by one statement, unless the page is between two times.
pub fn trades_of_with_versions(
    connection: &mut AnyConnection,
    user: UserId,
    filter: TradeFilter,
    page: &PageRequest,
) -> Result<(AccountVersions, Page<UserTrade>), StoreError> {
    let c = match connection {
        AnyConnection::Postgres(c) if !page.has_times() => c,
        connection => {
            let versions = account_versions(connection, user)?;
            return Ok((versions, trades_of(connection, user, filter, page)?));
        }
    };
    let TradeFilter { market, side } = filter;
    let bounds = Bounds::of(page);
    let (mut sides, mut parts, mut edges) = (Vec::new(), Vec::new(), Vec::new());
    macro_rules! add_side {
        ($side:expr, $user_id:expr, $order_id:expr) => {
            if side.is_none_or(|side| side == $side) {
                let mut query = side_query!(user, market, bounds, page, $user_id, $order_id);
                if market.is_some() {
                    query = query.filter(sql::<Bool>(ABOVE_EDGE[edges.len()]));
                    let own = trades::table.filter($user_id.eq(user.0));
                    let with_order = own.inner_join(orders::table.on(orders::id.eq($order_id)));
                    let columns = (StoredTrade::as_select(), orders::client_order_id);
                    let edge = edge_query!(bounds, with_order, trades::id, columns);
                    edges.push(Box::new(edge) as Part<'_>);
                }
                sides.push($side);
                parts.push(Box::new(query) as Part<'_>);
            }
        };
    }
    add_side!(Side::Buy, trades::buyer_id, trades::buy_order_id);
    add_side!(Side::Sell, trades::seller_id, trades::sell_order_id);
    let query = Versioned::<_, UserTradeSqlType>::new(OfAccounts(user), parts, edges);
    let rows: Vec<(OfAccountsColumns, Option<i32>, UserTradeColumns)> = query.load(c)?;
    let row = |(version, part, (trade, id)): (_, Option<i32>, UserTradeColumns)| {
        (version, part.zip(trade.map(|trade| (trade, id))))
    };
    let (version, mut parts): (_, [Vec<_>; 4]) = parts_of(rows.into_iter().map(row));
    let mut found = Vec::new();
    for (place, side) in sides.iter().enumerate() {
        let edge = parts[sides.len() + place].first().map(|(edge, _)| edge.trade.id);
        let rows = user_trades(std::mem::take(&mut parts[place]), *side)?;
        found.push(Found::of(rows, Bounds::above(page, edge)));
    }
    Ok((version.map(OfAccounts::read).unwrap_or_default(), Page::of(found, page)))
}

/// Of each side. Ids are positive.
const ABOVE_EDGE: [&str; 2] = [
    "trades.id > COALESCE((SELECT id FROM edge0), 0)",
    "trades.id > COALESCE((SELECT id FROM edge1), 0)",
];

/// The columns of a row of a user's trades, all of them NULL if there is none.
type UserTradeSqlType = (Columns<Option<StoredTrade>>, Nullable<Text>);
type UserTradeColumns = (Option<StoredTrade>, Option<ClientOrderIdText>);

fn user_trades(
    rows: Vec<(StoredTrade, Option<ClientOrderIdText>)>,
    side: Side,
) -> Result<Vec<(i64, UserTrade)>, StoreError> {
    let trade = |(row, id): (StoredTrade, Option<ClientOrderIdText>)| {
        let (trade, created_at) = (Trade::try_from(row.trade)?, row.created_at);
        let client_order_id = id.map(|id| id.0);
        Ok((trade.id.0, UserTrade { trade, side, client_order_id, created_at }))
    };
    rows.into_iter().map(trade).collect()
}

/// The trades of a page along `$own`, a query with an index that ends with the id.
macro_rules! trades_along {
    ($connection:expr, $own:expr, $market:expr, $page:expr) => {{
        let (id, time) = (trades::id, trades::created_at);
        let bounds = bounds!($connection, $page, $market.is_some(), $own, id, time);
        let mut query = page_query!($page, bounds, $own, id, time, StoredTrade::as_select());
        if let Some(market) = $market {
            query = query.filter(trades::market_id.eq(market.0));
        }
        let rows: Vec<StoredTrade> = query.load($connection)?;
        let row = |row: StoredTrade| Ok((row.trade.id, (row.trade.try_into()?, row.created_at)));
        Found { rows: rows.into_iter().map(row).collect::<Result<_, StoreError>>()?, bounds }
    }};
}

/// The trades of all users and markets with their times, or those of one, newest first.
pub fn all_trades(
    connection: &mut AnyConnection,
    user: Option<UserId>,
    market: Option<MarketId>,
    page: &PageRequest,
) -> Result<Page<TradeAt>, StoreError> {
    let found = match user {
        None => vec![trades_along!(connection, trades::table, market, page)],
        // Nobody is on both sides of a trade.
        Some(UserId(user)) => {
            let bought = || trades::table.filter(trades::buyer_id.eq(user));
            let sold = || trades::table.filter(trades::seller_id.eq(user));
            vec![
                trades_along!(connection, bought(), market, page),
                trades_along!(connection, sold(), market, page),
            ]
        }
    };
    Ok(Page::of(found, page))
}
