//! Trades: of a market, of a user, and all.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::market::{ClientOrderId, MarketId, Side, Trade, UserId};
use crate::store::rows::{ClientOrderIdText, StoredTrade};
use crate::store::schema::{orders, trades};
use crate::store::{AnyConnection, StoreError, codes};

/// A market's trades with their times, newest first: all, or those with takers on one side. The ids
/// of the page are sequence numbers.
pub fn trades(
    connection: &mut AnyConnection,
    market: MarketId,
    side: Option<Side>,
    page: &PageRequest,
) -> Result<Page<(Trade, NaiveDateTime)>, StoreError> {
    let of_market = || trades::table.filter(trades::market_id.eq(market.0));
    let (id, time) = (trades::sequence, trades::created_at);
    let bounds = bounds!(connection, page, side.is_some(), of_market(), id, time);
    let mut query = page_query!(page, bounds, of_market(), id, time, StoredTrade::as_select());
    if let Some(side) = side {
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
    let rows: Vec<StoredTrade> = query.load(connection)?;
    let row = |row: StoredTrade| Ok((row.trade.sequence, (row.trade.try_into()?, row.created_at)));
    let rows = rows.into_iter().map(row).collect::<Result<_, StoreError>>()?;
    Ok(Page::of(vec![Found { rows, bounds }], page))
}

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
macro_rules! of_side {
    ($c:expr, $user:expr, $market:expr, $page:expr, $user_id:expr, $order_id:expr, $side:expr) => {{
        let own = || trades::table.filter($user_id.eq($user.0));
        let with_order = || own().inner_join(orders::table.on(orders::id.eq($order_id)));
        let (id, time) = (trades::id, trades::created_at);
        let columns = (StoredTrade::as_select(), orders::client_order_id);
        let bounds = bounds!($c, $page, $market.is_some(), own(), id, time);
        let mut query = page_query!($page, bounds, with_order(), id, time, columns);
        if let Some(market) = $market {
            query = query.filter(trades::market_id.eq(market.0));
        }
        let rows = user_trades(query.load($c)?, $side)?;
        Found { rows, bounds }
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
) -> Result<Page<(Trade, NaiveDateTime)>, StoreError> {
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
