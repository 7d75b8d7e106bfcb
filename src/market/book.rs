//! The price–time book of one market: which resting order is next, and how far the book is known.
//!
//! A book in memory is the head of the book in the database: complete up to a mark on each side
//! ([`Book::set_known_up_to`]) and unknown beyond it. Matching beyond the mark would skip orders,
//! so an assertion prevents it.

use std::collections::BTreeSet;

use super::{Fixed, Order, OrderId, Side};

/// A position in the queue of one side; the smallest is matched first.
///
/// The highest bids and the lowest asks come first, equal prices in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority {
    rank: i64,
    arrival: i64,
    order: OrderId,
}

impl Priority {
    pub fn of(order: &Order) -> Self {
        let rank = rank(order.side, order.price);
        Self { rank, arrival: order.arrival, order: order.id }
    }

    /// That of the last order of this side that matches an incoming one with this limit.
    fn last_at(side: Side, limit: Fixed) -> Self {
        Self { rank: rank(side, limit), arrival: i64::MAX, order: OrderId(i64::MAX) }
    }
}

fn rank(side: Side, price: Fixed) -> i64 {
    match side {
        Side::Sell => price.units(),
        // Prices are positive, so the negation cannot overflow.
        Side::Buy => price.units().saturating_neg(),
    }
}

/// Both sides of one market.
#[derive(Clone, Debug, Default)]
pub struct Book {
    bids: Queue,
    asks: Queue,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    resting: BTreeSet<Priority>,
    known_to: Option<Priority>,
}

impl Book {
    fn queue(&mut self, side: Side) -> &mut Queue {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    pub fn insert(&mut self, order: &Order) {
        self.queue(order.side).resting.insert(Priority::of(order));
    }

    pub fn remove(&mut self, order: &Order) {
        self.queue(order.side).resting.remove(&Priority::of(order));
    }

    /// Records that the book contains every resting order of this side up to and including
    /// `priority`.
    pub fn set_known_to(&mut self, side: Side, priority: Priority) {
        self.queue(side).known_to = Some(priority);
    }

    /// Records that the book contains every resting order of this side up to the price `limit`.
    pub fn set_known_up_to(&mut self, side: Side, limit: Fixed) {
        self.queue(side).known_to = Some(Priority::last_at(side, limit));
    }

    /// The loaded resting orders that match an incoming order of the other side with this limit, in
    /// order of priority.
    pub fn matches(&self, resting: Side, limit: Fixed) -> impl Iterator<Item = OrderId> {
        let queue = match resting {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        let reach = Priority::last_at(resting, limit);
        queue.resting.range(..=reach).map(|priority| priority.order)
    }

    /// The next resting order that matches an incoming order of the other side with this limit.
    ///
    /// # Panics
    /// If the result lies beyond the known part of the book: `load` violated its contract.
    pub fn next_match(&self, resting: Side, limit: Fixed) -> Option<OrderId> {
        let queue = match resting {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        let reach = Priority::last_at(resting, limit);
        let first = queue.resting.first().copied().filter(|first| *first <= reach);
        let examined = first.unwrap_or(reach);
        assert!(
            queue.known_to.is_some_and(|known_to| examined <= known_to),
            "matching went beyond the loaded part of the book"
        );
        first.map(|priority| priority.order)
    }
}
