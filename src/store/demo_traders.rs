//! The demo's traders: users who cannot log in, what they do, and whether they do it.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::{OPEN_ORDERS, accounts, demo_traders, markets, orders};
use super::{AnyConnection, StoreError, codes, users};
use crate::market::{AssetId, Fixed, Market, OrderId, Side, UserId};

/// What a trader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraderRole {
    /// Quotes both sides of the market.
    Maker,
    /// Trades against quotes.
    Taker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trader {
    pub user: UserId,
    pub role: TraderRole,
}

/// A resting order of a trader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    pub id: OrderId,
    pub side: Side,
    pub price: Fixed,
}

/// What the traders find before they act.
#[derive(Clone, Debug)]
pub struct Situation {
    pub is_running: bool,
    /// The resting orders of the maker in the market.
    pub quotes: Vec<RestingOrder>,
    /// The price of the last trade. `None`: there was none.
    pub last_price: Option<Fixed>,
    /// What each trader has of the base asset, available or locked.
    pub held: Vec<(UserId, Fixed)>,
}

const fn role_code(role: TraderRole) -> i16 {
    match role {
        TraderRole::Maker => 1,
        TraderRole::Taker => 2,
    }
}

fn role_from_code(code: i16) -> Result<TraderRole, StoreError> {
    match code {
        1 => Ok(TraderRole::Maker),
        2 => Ok(TraderRole::Taker),
        _ => Err(StoreError::Other(format!("{code} is no role of a demo trader"))),
    }
}

/// Creates a user who cannot log in, with an empty account of each asset, and makes it a trader.
/// Runs in a write transaction.
///
/// # Errors
/// [`StoreError::Duplicate`] if the e-mail address is taken.
pub fn create(
    connection: &mut AnyConnection,
    name: &str,
    email: &str,
    role: TraderRole,
    assets: &[AssetId],
) -> Result<Trader, StoreError> {
    let user = users::insert(connection, name, email, None, assets)?.user_id();
    let values = (
        demo_traders::user_id.eq(user.0),
        demo_traders::role.eq(role_code(role)),
        demo_traders::is_running.eq(true),
    );
    diesel::insert_into(demo_traders::table).values(values).execute(connection)?;
    Ok(Trader { user, role })
}

/// The traders, in the order in which they were created.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<Trader>, StoreError> {
    let all = demo_traders::table.order(demo_traders::user_id);
    let rows: Vec<(i64, i16)> =
        all.select((demo_traders::user_id, demo_traders::role)).load(connection)?;
    let trader = |(user, role)| Ok(Trader { user: UserId(user), role: role_from_code(role)? });
    rows.into_iter().map(trader).collect()
}

/// Whether the traders trade. False if there are none.
pub fn are_running(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let running = demo_traders::table.filter(demo_traders::is_running);
    let first = running.select(demo_traders::user_id).first::<i64>(connection).optional()?;
    Ok(first.is_some())
}

/// Starts or stops the traders, in all processes. Runs in a write transaction.
pub fn set_running(connection: &mut AnyConnection, is_running: bool) -> Result<(), StoreError> {
    let changed = demo_traders::is_running.eq(is_running);
    diesel::update(demo_traders::table).set(changed).execute(connection)?;
    Ok(())
}

/// The resting orders of a user in a market.
pub fn resting_orders(
    connection: &mut AnyConnection,
    user: UserId,
    market: &Market,
) -> Result<Vec<RestingOrder>, StoreError> {
    let rows: Vec<(i64, i16, i64)> = orders::table
        .filter(orders::user_id.eq(user.0))
        .filter(orders::market_id.eq(market.id.0))
        .filter(sql::<Bool>(OPEN_ORDERS))
        .order(orders::id)
        .select((orders::id, orders::side, orders::price))
        .load(connection)?;
    let order = |(id, side, price)| {
        let (side, price) = (codes::side_from_code(side)?, Fixed::from_units(price));
        Ok(RestingOrder { id: OrderId(id), side, price })
    };
    rows.into_iter().map(order).collect()
}

/// What these users hold of the base asset of a market.
pub fn held(
    connection: &mut AnyConnection,
    users: &[UserId],
    market: &Market,
) -> Result<Vec<(UserId, Fixed)>, StoreError> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    let rows: Vec<(i64, i64, i64)> = accounts::table
        .filter(accounts::user_id.eq_any(ids))
        .filter(accounts::asset_id.eq(market.base.0))
        .order(accounts::user_id)
        .select((accounts::user_id, accounts::available, accounts::locked))
        .load(connection)?;
    let held = |(user, available, locked): (i64, i64, i64)| {
        (UserId(user), Fixed::from_units(available.saturating_add(locked)))
    };
    Ok(rows.into_iter().map(held).collect())
}

/// What the traders find. Runs in a snapshot.
pub fn situation(
    connection: &mut AnyConnection,
    traders: &[Trader],
    market: &Market,
) -> Result<Situation, StoreError> {
    let users: Vec<UserId> = traders.iter().map(|trader| trader.user).collect();
    let mut quotes = Vec::new();
    for maker in traders.iter().filter(|trader| trader.role == TraderRole::Maker) {
        quotes.extend(resting_orders(connection, maker.user, market)?);
    }
    let last_price = markets::table.find(market.id.0).select(markets::last_price);
    let last_price: Option<i64> = last_price.first(connection)?;
    Ok(Situation {
        is_running: are_running(connection)?,
        quotes,
        last_price: last_price.map(Fixed::from_units),
        held: held(connection, &users, market)?,
    })
}
