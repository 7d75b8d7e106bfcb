//! The results of requests, and how they are returned.

use chrono::NaiveDateTime;
use tokio::sync::oneshot;

use super::EngineError;
use crate::market::{Done, Fixed, Order, Plan, Rejection, Trade};

/// A placed order, committed.
#[derive(Clone, Debug)]
pub struct PlacedOrder {
    /// As it stood after its own matching.
    pub order: Order,
    /// The trades of this order as the taker, in the order of execution.
    pub trades: Vec<Trade>,
    pub executed_at: NaiveDateTime,
}

/// A cancelled order, committed.
#[derive(Clone, Debug)]
pub struct CancelledOrder {
    pub order: Order,
    pub executed_at: NaiveDateTime,
}

/// A deposit, committed.
#[derive(Clone, Copy, Debug)]
pub struct CompletedDeposit {
    /// The available balance after it.
    pub available: Fixed,
    pub executed_at: NaiveDateTime,
}

type Sender<T> = oneshot::Sender<Result<T, EngineError>>;

/// The way back to the caller of [`EngineHandle`](super::EngineHandle).
pub enum Reply {
    Placed(Sender<PlacedOrder>),
    Cancelled(Sender<CancelledOrder>),
    Deposited(Sender<CompletedDeposit>),
}

impl Reply {
    pub fn fail(self, error: EngineError) {
        match self {
            Self::Placed(sender) => send(sender, Err(error)),
            Self::Cancelled(sender) => send(sender, Err(error)),
            Self::Deposited(sender) => send(sender, Err(error)),
        }
    }

    /// Returns the outcome of the request's command in this committed plan.
    ///
    /// # Panics
    /// If the outcome is of another kind than the request: a bug in [`crate::market::execute`].
    pub fn complete(
        self,
        outcome: Result<Done, Rejection>,
        plan: &Plan,
        executed_at: NaiveDateTime,
    ) {
        match (self, outcome) {
            (reply, Err(rejection)) => reply.fail(EngineError::Rejected(rejection)),
            (Self::Placed(sender), Ok(Done::Placed { order, trades })) => {
                let trades = plan.trades[trades].to_vec();
                send(sender, Ok(PlacedOrder { order, trades, executed_at }));
            }
            (Self::Cancelled(sender), Ok(Done::Cancelled { order })) => {
                send(sender, Ok(CancelledOrder { order, executed_at }));
            }
            (Self::Deposited(sender), Ok(Done::Deposited { available })) => {
                send(sender, Ok(CompletedDeposit { available, executed_at }));
            }
            (_, Ok(done)) => panic!("a command was answered in kind of another: {done:?}"),
        }
    }
}

fn send<T>(sender: Sender<T>, result: Result<T, EngineError>) {
    // The caller may be gone.
    let _ = sender.send(result);
}
