//! The stop orders of one market that wait for their prices.
//!
//! Like a [`Book`](super::Book), it is the head of what is in the database: complete up to a mark
//! on each side and unknown beyond it. Nearest to the last price comes first: the lowest stop price
//! of buy orders, the highest of sell orders, and of equal prices the first arrival.

use std::collections::BTreeSet;

use super::{Fixed, Order, OrderId, PriceRange, Side};

/// Waiting stop orders of both sides.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    buys: Queue,
    sells: Queue,
}

/// A position in the queue of one side: the smallest is triggered first.
type Position = (i64, i64, OrderId);

#[derive(Clone, Debug, Default)]
struct Queue {
    waiting: BTreeSet<Position>,
    /// `None`: all of it is known.
    known_to: Option<Position>,
}

/// The stop order that some trades trigger first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Triggered {
    Order(OrderId),
    None,
    /// There may be one, among those that were not loaded.
    Unknown,
}

fn position(order: &Order) -> Option<Position> {
    let units = order.stop?.price.units();
    // Prices are positive, so the negation cannot overflow.
    let rank = match order.side {
        Side::Buy => units,
        Side::Sell => units.saturating_neg(),
    };
    Some((rank, order.arrival, order.id))
}

impl Stops {
    fn queue(&self, side: Side) -> &Queue {
        match side {
            Side::Buy => &self.buys,
            Side::Sell => &self.sells,
        }
    }

    fn queue_mut(&mut self, side: Side) -> &mut Queue {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    pub fn insert(&mut self, order: &Order) {
        self.queue_mut(order.side).waiting.extend(position(order));
    }

    pub(super) fn remove(&mut self, order: &Order) {
        if let Some(position) = position(order) {
            self.queue_mut(order.side).waiting.remove(&position);
        }
    }

    /// Records that nothing is known beyond this order, which was inserted.
    pub fn set_known_to(&mut self, order: &Order) {
        self.queue_mut(order.side).known_to = position(order);
    }

    /// The waiting orders that trades at these prices trigger, as far as they are known, in the
    /// order of their execution: buy orders first.
    pub fn triggered(&self, range: PriceRange) -> impl Iterator<Item = OrderId> {
        let side = move |side: Side| {
            let Queue { waiting, known_to } = self.queue(side);
            let is_known = move |at: &&Position| known_to.is_none_or(|known_to| **at <= known_to);
            let known = waiting.iter().take_while(is_known);
            let triggered = known.take_while(move |at| range.triggers(side, stop_price(side, at)));
            triggered.map(|(.., id)| *id)
        };
        side(Side::Buy).chain(side(Side::Sell))
    }

    /// The first of the waiting orders that trades at these prices trigger.
    pub(super) fn first_triggered(&self, range: PriceRange) -> Triggered {
        for side in [Side::Buy, Side::Sell] {
            let Queue { waiting, known_to } = self.queue(side);
            let is_known = |first: &&Position| known_to.is_none_or(|known_to| **first <= known_to);
            match (waiting.first().filter(is_known), known_to) {
                (Some(first), _) if range.triggers(side, stop_price(side, first)) => {
                    return Triggered::Order(first.2);
                }
                (None, Some(known_to)) if range.triggers(side, stop_price(side, known_to)) => {
                    return Triggered::Unknown;
                }
                _ => {}
            }
        }
        Triggered::None
    }
}

fn stop_price(side: Side, (rank, ..): &Position) -> Fixed {
    Fixed::from_units(match side {
        Side::Buy => *rank,
        Side::Sell => rank.saturating_neg(),
    })
}
