//! Places several orders with one command.

use super::execute::{Execution, Snapshot};
use super::{Done, NewOrder, PlacedOrder, Rejection};

impl Execution<'_> {
    pub(super) fn place_batch(&mut self, orders: &[NewOrder], is_atomic: bool) -> Done {
        if !is_atomic {
            return Done::Batch(orders.iter().map(|order| self.place(*order)).collect());
        }
        let before = self.snapshot();
        let mut results = Vec::with_capacity(orders.len());
        for (position, order) in orders.iter().enumerate() {
            match self.place(*order) {
                Ok(placed) => results.push(Ok(placed)),
                Err(rejection) => return self.reject_batch(before, orders, position, rejection),
            }
        }
        Done::Batch(results)
    }

    /// Nothing of the batch happened.
    fn reject_batch(
        &mut self,
        before: Snapshot,
        orders: &[NewOrder],
        rejected: usize,
        rejection: Rejection,
    ) -> Done {
        self.restore(before);
        // Ids are used up by rejected orders too.
        for _ in orders {
            self.next_order_id();
        }
        let result = |position| -> Result<PlacedOrder, Rejection> {
            Err(if position == rejected { rejection } else { Rejection::BatchRejected })
        };
        Done::Batch((0..orders.len()).map(result).collect())
    }
}
