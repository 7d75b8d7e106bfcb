//! What the commands of a batch name, and what they can match.

use std::collections::{BTreeMap, BTreeSet};

use crate::market::{
    ClientOrderId, Command, Fixed, MarketId, NewOrder, Order, OrderId, Side, State, UserId,
};

/// The orders to be placed.
pub fn placed(commands: &[Command]) -> impl Iterator<Item = &NewOrder> {
    commands.iter().flat_map(|command| match command {
        Command::Place(order) => std::slice::from_ref(order),
        Command::Batch { orders, .. } => orders,
        _ => &[],
    })
}

/// The client order ids of the orders to be placed, with their users.
pub fn client_order_ids(commands: &[Command]) -> BTreeSet<(UserId, ClientOrderId)> {
    placed(commands).filter_map(|order| Some((order.user, order.client_order_id?))).collect()
}

/// The ids of the orders to be cancelled or amended, sorted, each once.
pub fn named_orders(commands: &[Command]) -> Vec<i64> {
    let named: BTreeSet<i64> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Cancel { order, .. } | Command::Amend { order, .. } => Some(order.0),
            _ => None,
        })
        .collect();
    named.into_iter().collect()
}

/// The markets whose books the commands change.
pub fn markets(commands: &[Command]) -> BTreeSet<MarketId> {
    commands.iter().flat_map(Command::markets).collect()
}

/// What an order may match at most when it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    pub user: UserId,
    pub market: MarketId,
    pub side: Side,
    /// The worst price that it accepts.
    pub limit: Fixed,
    /// Zero if its cost is limited instead.
    pub amount: Fixed,
    /// What its fills may cost.
    pub cost: Fixed,
    /// Whether it may cancel or reduce resting orders of its user.
    pub changes_resting: bool,
}

impl From<&NewOrder> for Incoming {
    fn from(order: &NewOrder) -> Self {
        Self {
            user: order.user,
            market: order.market,
            side: order.side,
            limit: order.limit(),
            amount: if order.quote_amount.is_some() { Fixed::ZERO } else { order.amount },
            cost: order.quote_amount.unwrap_or_default(),
            changes_resting: order.self_trade_prevention.changes_resting(),
        }
    }
}

impl From<&Order> for Incoming {
    fn from(order: &Order) -> Self {
        Self {
            user: order.user,
            market: order.market,
            side: order.side,
            limit: order.reach(),
            amount: order.amount,
            cost: Fixed::ZERO,
            changes_resting: order.self_trade_prevention.changes_resting(),
        }
    }
}

/// What arrives if this command amends an order that is not loaded yet: on either side, with any
/// amount, and at any price unless it gets a new one.
pub fn amended(command: &Command) -> Vec<Incoming> {
    let Command::Amend { user, market, price, .. } = *command else { return Vec::new() };
    let arrives = |side: Side| Incoming {
        user,
        market,
        side,
        limit: price.unwrap_or(side.any_price()),
        amount: Fixed::MAX,
        cost: Fixed::ZERO,
        changes_resting: false,
    };
    [Side::Buy, Side::Sell].map(arrives).into()
}

/// Everything that may arrive: placed and amended orders, and the stop orders that are ready. The
/// orders that commands name must be loaded.
pub fn incoming(commands: &[Command], state: &State) -> Vec<Incoming> {
    let mut incoming: Vec<Incoming> = placed(commands).map(Incoming::from).collect();
    incoming.extend(state.ready_stops.iter().map(|id| Incoming::from(&state.orders[id])));
    let amendments = || {
        commands.iter().filter_map(|command| match command {
            Command::Amend { order, price, amount, .. } => Some((*order, *price, *amount)),
            _ => None,
        })
    };
    // An order may be amended several times in a batch.
    let mut largest: BTreeMap<OrderId, Fixed> = BTreeMap::new();
    for (id, _, amount) in amendments() {
        let largest = largest.entry(id).or_default();
        *largest = (*largest).max(amount.unwrap_or_default());
    }
    for (id, price, _) in amendments() {
        let Some(order) = state.orders.get(&id) else { continue };
        let amount = largest[&id].max(order.amount);
        let limit = price.unwrap_or(order.reach());
        incoming.push(Incoming { limit, amount, ..Incoming::from(order) });
    }
    incoming
}

/// The markets in which orders may have expired.
pub fn advanced(commands: &[Command]) -> BTreeSet<MarketId> {
    let market = |command: &Command| match command {
        Command::Advance { market } => Some(*market),
        _ => None,
    };
    commands.iter().filter_map(market).collect()
}
