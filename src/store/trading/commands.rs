//! The markets of a batch, the orders that its commands place, and those that they name.

use std::collections::BTreeSet;

use crate::market::{ClientOrderId, Command, MarketId, NewOrder, UserId};

/// The orders to be placed.
pub fn placed(commands: &[Command]) -> impl Iterator<Item = &NewOrder> {
    commands.iter().filter_map(|command| match command {
        Command::Place(order) => Some(order),
        Command::Cancel { .. } | Command::CancelAll { .. } | Command::Deposit { .. } => None,
    })
}

/// The client order ids of the orders to be placed, with their users.
pub fn client_order_ids(commands: &[Command]) -> BTreeSet<(UserId, ClientOrderId)> {
    placed(commands).filter_map(|order| Some((order.user, order.client_order_id?))).collect()
}

/// The ids of the orders to be cancelled, sorted, each once.
pub fn named_orders(commands: &[Command]) -> Vec<i64> {
    let named: BTreeSet<i64> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Cancel { order, .. } => Some(order.0),
            Command::Place(_) | Command::CancelAll { .. } | Command::Deposit { .. } => None,
        })
        .collect();
    named.into_iter().collect()
}

/// The markets whose books the commands change.
pub fn markets(commands: &[Command]) -> BTreeSet<MarketId> {
    let market = |command: &Command| match command {
        Command::Place(order) => Some(order.market),
        Command::Cancel { market, .. } | Command::CancelAll { market, .. } => Some(*market),
        Command::Deposit { .. } => None,
    };
    commands.iter().filter_map(market).collect()
}
