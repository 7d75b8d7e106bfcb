//! The state of a batch: the markets, the orders that may take part, and the accounts of everyone
//! who may.

use std::collections::{BTreeMap, BTreeSet};

use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;

use super::commands::Incoming;
use super::postgres::load::{self, Heads, Kind, Load};
use super::resting::{Head, Need};
use super::{Loaded, accounts, commands, locks, resting, sqlite, waiting};
use crate::market::{Command, Fixed, MarketId, Order, OrderId, Side, State, TradeId};
use crate::store::{AnyConnection, StoreError, codes};

/// Resting orders of a side that are read at once, in addition to [`PAGE_PER_ORDER`] for each
/// incoming order.
const PAGE: usize = 64;
const PAGE_PER_ORDER: usize = 4;

/// Loads the markets' states, the orders that may take part, and all accounts, which it locks.
///
/// On PostgreSQL this is one statement, unless its result tells that more is to be read: when an
/// incoming order matches more orders than a page has, when an order is amended without a new
/// price, or bought for an amount of the quote asset, when orders have expired, and while stop
/// orders are triggered.
pub fn load(
    connection: &mut AnyConnection,
    loaded: &mut Loaded,
    commands: &[Command],
    max_fills: usize,
) -> Result<(), StoreError> {
    let expired = waiting::expired_orders(connection, &commands::advanced(commands))?;
    loaded.state.expired = expired.iter().map(|order| order.id).collect();
    let found = match connection {
        AnyConnection::Postgres(c) => {
            let load = Load::new(&loaded.state, commands, max_fills);
            load_at_once(c, loaded, load)?
        }
        AnyConnection::Sqlite(c) => {
            load_in_steps(c, &mut loaded.state, commands)?;
            Found::default()
        }
    };
    let state = &mut loaded.state;
    for order in expired {
        state.insert_order(order);
    }
    waiting::find_ready_stops(state);
    let incoming = commands::incoming(commands, state);
    let touched: Vec<MarketId> = state.markets.keys().copied().collect();
    let Found { mut heads, has_locked_accounts } = found;
    let named: BTreeSet<OrderId> = state.orders.keys().copied().collect();
    for market in touched {
        for side in [Side::Buy, Side::Sell] {
            let Some(need) = Need::of(market, side, &incoming, max_fills) else { continue };
            let head = heads.remove(&(market, side));
            let is_enough = resting::load(connection, state, &need, &named, head)?;
            if has_locked_accounts && !is_enough {
                // Locks of further accounts would not be in order.
                return Err(StoreError::Other("the head of a book was cut too early".to_owned()));
            }
        }
    }
    if !has_locked_accounts || !accounts::are_complete(state, commands) {
        accounts::load(connection, state, commands)?;
        // Taken before the accounts were locked, they would not grow with time.
        loaded.trade_ids.clear();
    }
    Ok(())
}

/// What was found at once, apart from what is in the state already.
#[derive(Default)]
struct Found {
    heads: BTreeMap<(MarketId, Side), Head>,
    has_locked_accounts: bool,
}

impl Load {
    fn new(state: &State, commands: &[Command], max_fills: usize) -> Self {
        let mut arriving: Vec<Incoming> = commands::placed(commands).map(Incoming::from).collect();
        let placed = arriving.len();
        let changes_resting = arriving.iter().filter(|order| order.changes_resting);
        let uncounted_users = changes_resting.map(|order| order.user.0).collect();
        let may_lock_accounts = state.expired.is_empty()
            && !commands.iter().any(keeps_its_price)
            && arriving.iter().all(|order| order.cost == Fixed::ZERO);
        arriving.extend(commands.iter().flat_map(commands::amended));
        let mut load = Self {
            markets: state.markets.keys().map(|id| id.0).collect(),
            named: commands::named_orders(commands),
            order_ids: as_bigint(placed),
            arrivals: as_bigint(arriving.len()),
            max_trades: as_bigint(max_fills),
            uncounted_users,
            may_lock_accounts,
            stops: waiting::STOPS_LIMIT,
            ..Self::default()
        };
        load.named.extend(state.expired.iter().map(|id| id.0));
        for market in state.markets.keys() {
            for side in [Side::Buy, Side::Sell] {
                if let Some(need) = Need::of(*market, side, &arriving, max_fills) {
                    load.heads.push(&need, page_len(&arriving, *market, side));
                }
            }
        }
        for command in commands {
            if let Command::CancelAll { user, market, side, .. } = command {
                load.open_orders_of.users.push(user.0);
                load.open_orders_of.markets.push(market.0);
                load.open_orders_of.sides.push(side.map(codes::side_code));
                // What it cancels covers nothing.
                load.uncounted_users.push(user.0);
            }
        }
        for key in accounts::of_commands(state, commands) {
            load.account_users.push(key.user.0);
            load.account_assets.push(key.asset.0);
        }
        load
    }
}

/// Whether it arrives again at a price that is not known yet.
fn keeps_its_price(command: &Command) -> bool {
    matches!(command, Command::Amend { price: None, .. })
}

fn as_bigint(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Heads {
    /// The markets, the codes of the sides, and heads without orders yet.
    fn expected(&self) -> impl Iterator<Item = (MarketId, i16, Head)> {
        let sides = self.markets.iter().zip(&self.sides);
        sides.zip(&self.limits).zip(&self.lens).map(|(((market, side), limit), len)| {
            let len = usize::try_from(*len).unwrap_or(usize::MAX);
            (MarketId(*market), *side, Head::new(Fixed::from_units(*limit), len))
        })
    }

    fn push(&mut self, need: &Need, len: i64) {
        self.markets.push(need.market.0);
        self.sides.push(codes::side_code(need.side));
        self.limits.push(need.limit.units());
        self.wanted.push(need.wanted_amount());
        self.lens.push(len);
    }
}

/// The most orders that are read from this side at first.
fn page_len(arriving: &[Incoming], market: MarketId, side: Side) -> i64 {
    let is_opposite = |order: &&Incoming| order.market == market && order.side != side;
    let opposite = arriving.iter().filter(is_opposite).count();
    as_bigint(opposite.saturating_mul(PAGE_PER_ORDER).saturating_add(PAGE))
}

fn load_at_once(
    connection: &mut PgConnection,
    loaded: &mut Loaded,
    load: Load,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for (market, side, head) in load.heads.expected() {
        found.heads.insert((market, codes::side_from_code(side)?), head);
    }
    let mut stops: BTreeMap<(MarketId, Side), Vec<Order>> = BTreeMap::new();
    let state = &mut loaded.state;
    for row in load::load(connection, load)? {
        let order = row.order.map(Order::try_from).transpose()?;
        match (row.kind()?, row.number, order) {
            (kind @ Kind::OrderIds, ..) => {
                let ids = row.ids.ok_or_else(|| incomplete(kind))?;
                state.order_ids.extend(ids.into_iter().map(OrderId));
            }
            (kind @ Kind::TradeIds, ..) => {
                let ids = row.ids.ok_or_else(|| incomplete(kind))?;
                loaded.trade_ids.extend(ids.into_iter().map(TradeId));
            }
            (Kind::Named, _, Some(order)) => {
                state.insert_order(order);
                loaded.placed_at.extend(row.placed_at.map(|at| (order.id, at)));
            }
            (Kind::Resting, covers, Some(order)) => {
                if let Some(head) = found.heads.get_mut(&(order.market, order.side)) {
                    head.push(order, covers == Some(1));
                }
            }
            (Kind::Stop, _, Some(order)) => {
                stops.entry((order.market, order.side)).or_default().push(order);
            }
            (Kind::AccountsAreLocked, ..) => found.has_locked_accounts = true,
            (Kind::Market, ..) => {
                let row = row.market.ok_or_else(|| incomplete(Kind::Market))?;
                let (market, market_state) = row.try_into()?;
                state.market_states.insert(market, market_state);
            }
            (Kind::Account, ..) => {
                let (key, account) =
                    row.account.ok_or_else(|| incomplete(Kind::Account))?.try_into()?;
                state.ledger.insert(key, account);
            }
            (kind, ..) => return Err(incomplete(kind)),
        }
    }
    for first in stops.values() {
        waiting::insert_stops(state, first);
    }
    Ok(found)
}

fn incomplete(kind: Kind) -> StoreError {
    StoreError::Other(format!("a loaded row of kind {kind:?} is incomplete"))
}

fn load_in_steps(
    connection: &mut SqliteConnection,
    state: &mut State,
    commands: &[Command],
) -> Result<(), StoreError> {
    let markets: Vec<i32> = state.markets.keys().map(|id| id.0).collect();
    for row in sqlite::market_states(connection, &markets)? {
        let (market, market_state) = row.try_into()?;
        state.market_states.insert(market, market_state);
    }
    let count = commands::placed(commands).count();
    if count > 0 {
        state.order_ids.extend(sqlite::next_order_ids(connection, count)?.into_iter().map(OrderId));
    }
    for row in sqlite::orders_by_id(connection, &commands::named_orders(commands))? {
        state.insert_order(row.try_into()?);
    }
    for order in locks::open_orders(connection, commands)? {
        state.insert_order(order);
    }
    waiting::load_stops(connection, state)
}
