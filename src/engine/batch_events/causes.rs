//! Which commands of a batch changed which orders, and the sockets those commands came from.

use std::collections::HashMap;

use super::ExecutedBatch;
use crate::engine::OriginatingSocket;
use crate::market::{Done, OrderId};

/// The cause of an order's final state.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// Grows with each change of any order in the batch.
    pub position: usize,
    /// The socket that all changes of the order in this batch came from.
    pub socket: Option<&'a OriginatingSocket>,
}

/// The taker's socket for each trade of the plan, in order. Ends early if sockets are not excluded.
pub fn of_trades<'a>(
    batch: &'a ExecutedBatch<'_>,
) -> impl Iterator<Item = Option<&'a OriginatingSocket>> {
    batch.plan.outcomes.iter().zip(batch.sockets).flat_map(|(outcome, socket)| {
        let trades = match outcome {
            Ok(Done::Placed { trades, .. }) => trades.len(),
            _ => 0,
        };
        std::iter::repeat_n(*socket, trades)
    })
}

/// The causes of all new and changed orders.
pub fn of_orders<'a>(batch: &'a ExecutedBatch<'_>) -> HashMap<OrderId, Cause<'a>> {
    let plan = batch.plan;
    let mut causes =
        HashMap::with_capacity(plan.new_orders.len().saturating_add(plan.changed_orders.len()));
    let mut position = 0_usize;
    let mut add = |id: OrderId, socket: Option<&'a OriginatingSocket>| {
        position = position.saturating_add(1);
        let cause = causes.entry(id).or_insert(Cause { position, socket });
        cause.position = position;
        cause.socket = cause.socket.filter(|known| socket == Some(known));
    };
    for (index, outcome) in plan.outcomes.iter().enumerate() {
        let socket = batch.sockets.get(index).copied().flatten();
        match outcome {
            Ok(Done::Placed { order, trades, prevented }) => {
                if order.self_trade_prevention.changes_resting() {
                    prevented.iter().for_each(|trade| add(trade.maker, socket));
                }
                for trade in &plan.trades[trades.clone()] {
                    add(trade.buy_order, socket);
                    add(trade.sell_order, socket);
                }
                add(order.id, socket);
            }
            Ok(Done::Cancelled { order }) => add(order.id, socket),
            Ok(Done::CancelledAll { orders }) => {
                orders.iter().for_each(|order| add(order.id, socket));
            }
            Ok(Done::Deposited { .. }) | Err(_) => {}
        }
    }
    causes
}
