//! Which commands of a batch led to what, and from where they came.

use std::collections::HashMap;

use super::Batch;
use crate::engine::Origin;
use crate::market::{Done, OrderId};

/// What led to the last state of an order.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// Grows with each change of any order of the batch.
    pub turn: usize,
    /// The one connection from which everything came that changed the order in this batch.
    pub origin: Option<&'a Origin>,
}

/// Where the order came from that made each of the plan's trades, in their order. Ends early where
/// nobody asks.
pub fn of_trades<'a>(batch: &'a Batch<'_>) -> impl Iterator<Item = Option<&'a Origin>> {
    batch.plan.outcomes.iter().zip(batch.origins).flat_map(|(outcome, origin)| {
        let trades = match outcome {
            Ok(Done::Placed { trades, .. }) => trades.len(),
            _ => 0,
        };
        std::iter::repeat_n(*origin, trades)
    })
}

/// The causes of all orders that are new or have changed.
pub fn of_orders<'a>(batch: &'a Batch<'_>) -> HashMap<OrderId, Cause<'a>> {
    let plan = batch.plan;
    let mut causes =
        HashMap::with_capacity(plan.new_orders.len().saturating_add(plan.changed_orders.len()));
    let mut turn = 0_usize;
    let mut touch = |id: OrderId, origin: Option<&'a Origin>| {
        turn = turn.saturating_add(1);
        let cause = causes.entry(id).or_insert(Cause { turn, origin });
        cause.turn = turn;
        cause.origin = cause.origin.filter(|known| origin == Some(known));
    };
    for (number, outcome) in plan.outcomes.iter().enumerate() {
        let origin = batch.origins.get(number).copied().flatten();
        match outcome {
            Ok(Done::Placed { order, trades }) => {
                for trade in &plan.trades[trades.clone()] {
                    touch(trade.buy_order, origin);
                    touch(trade.sell_order, origin);
                }
                touch(order.id, origin);
            }
            Ok(Done::Cancelled { order }) => touch(order.id, origin),
            Ok(Done::Deposited { .. }) | Err(_) => {}
        }
    }
    causes
}
