//! Which commands of a batch changed which orders, and the sockets those commands came from.

use std::collections::HashMap;

use super::ExecutedBatch;
use crate::engine::OriginatingSocket;
use crate::market::{Done, Order, OrderId, PlacedOrder, Plan};

/// The cause of an order's final state.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// Grows with each change of any order in the batch.
    pub position: usize,
    /// The socket that all changes of the order in this batch came from.
    pub socket: Option<&'a OriginatingSocket>,
}

/// A part of a batch that changed orders.
enum Step<'a> {
    /// An order arrived, with its trades.
    Arrived(&'a PlacedOrder),
    Cancelled(&'a [Order]),
}

/// The steps of a plan in order, each with the position of its command. `None`: a stop order that
/// an earlier trade has triggered.
fn steps(plan: &Plan) -> Vec<(Option<usize>, Step<'_>)> {
    let mut steps = Vec::with_capacity(plan.outcomes.len());
    let mut stops = plan.stops.iter().peekable();
    for (position, outcome) in plan.outcomes.iter().enumerate() {
        while let Some(stop) = stops.next_if(|stop| stop.after <= position) {
            steps.push((None, Step::Arrived(&stop.order)));
        }
        let command = Some(position);
        match outcome {
            Ok(Done::Placed(placed) | Done::Amended(placed)) => {
                steps.push((command, Step::Arrived(placed)));
            }
            Ok(Done::Batch(results)) => {
                let placed = results.iter().flatten();
                steps.extend(placed.map(|placed| (command, Step::Arrived(placed))));
            }
            Ok(Done::Cancelled { order }) => {
                steps.push((command, Step::Cancelled(std::slice::from_ref(order))));
            }
            Ok(Done::CancelledAll { orders } | Done::Advanced { expired: orders }) => {
                steps.push((command, Step::Cancelled(orders)));
            }
            Ok(
                Done::Deposited { .. }
                | Done::DepositedOnce { .. }
                | Done::Withdrawal { .. }
                | Done::Adjusted { .. },
            )
            | Err(_) => {}
        }
    }
    steps.extend(stops.map(|stop| (None, Step::Arrived(&stop.order))));
    steps
}

impl<'a> ExecutedBatch<'a> {
    fn socket(&self, command: Option<usize>) -> Option<&'a OriginatingSocket> {
        self.sockets.get(command?).copied().flatten()
    }
}

/// The taker's socket for each trade of the plan, in order.
pub fn of_trades<'a>(batch: &ExecutedBatch<'a>) -> Vec<Option<&'a OriginatingSocket>> {
    let mut sockets = vec![None; batch.plan.trades.len()];
    if batch.sockets.is_empty() {
        return sockets;
    }
    for (command, step) in steps(batch.plan) {
        if let Step::Arrived(placed) = step {
            sockets[placed.trades.clone()].fill(batch.socket(command));
        }
    }
    sockets
}

/// The causes of all new and changed orders.
pub fn of_orders<'a>(batch: &ExecutedBatch<'a>) -> HashMap<OrderId, Cause<'a>> {
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
    for (command, step) in steps(plan) {
        let socket = batch.socket(command);
        match step {
            Step::Arrived(PlacedOrder { order, trades, prevented }) => {
                if order.self_trade_prevention.changes_resting() {
                    prevented.iter().for_each(|trade| add(trade.maker, socket));
                }
                for trade in &plan.trades[trades.clone()] {
                    add(trade.buy_order, socket);
                    add(trade.sell_order, socket);
                }
                add(order.id, socket);
            }
            Step::Cancelled(orders) => orders.iter().for_each(|order| add(order.id, socket)),
        }
    }
    causes
}
