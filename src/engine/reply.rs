//! The results of requests, and how they are returned.

use chrono::NaiveDateTime;
use tokio::sync::oneshot;

use super::EngineError;
use crate::market::{AccountKey, Done, Fixed, Order, Plan, PreventedTrade, Rejection, Trade};

/// A placed order, committed.
#[derive(Clone, Debug)]
pub struct PlacedOrder {
    /// As it stood after its own matching.
    pub order: Order,
    /// The trades of this order as the taker, in the order of execution.
    pub trades: Vec<Trade>,
    /// Trades that did not take place, because both orders are of the same user.
    pub prevented: Vec<PreventedTrade>,
    pub executed_at: NaiveDateTime,
}

/// A cancelled order, committed.
#[derive(Clone, Debug)]
pub struct CancelledOrder {
    pub order: Order,
    pub executed_at: NaiveDateTime,
}

/// Orders that were cancelled together, committed.
#[derive(Clone, Debug)]
pub struct CancelledOrders {
    /// By id.
    pub orders: Vec<Order>,
    pub executed_at: NaiveDateTime,
}

/// A deposit, committed.
#[derive(Clone, Copy, Debug)]
pub struct CompletedDeposit {
    pub account: AccountKey,
    pub amount: Fixed,
    /// The available balance after it.
    pub available: Fixed,
    pub executed_at: NaiveDateTime,
}

/// What was executed for a request, committed.
#[derive(Clone, Debug)]
pub enum Executed {
    Placed(PlacedOrder),
    Cancelled(CancelledOrder),
    CancelledAll(CancelledOrders),
    Deposited(CompletedDeposit),
}

impl Executed {
    pub(super) fn new(done: Done, plan: &Plan, executed_at: NaiveDateTime) -> Self {
        match done {
            Done::Placed { order, trades, prevented } => {
                let trades = plan.trades[trades].to_vec();
                Self::Placed(PlacedOrder { order, trades, prevented, executed_at })
            }
            Done::Cancelled { order } => Self::Cancelled(CancelledOrder { order, executed_at }),
            Done::CancelledAll { orders } => {
                Self::CancelledAll(CancelledOrders { orders, executed_at })
            }
            Done::Deposited { account, amount, available } => {
                Self::Deposited(CompletedDeposit { account, amount, available, executed_at })
            }
        }
    }
}

/// A response as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedResponse {
    /// An HTTP status.
    pub status: u16,
    pub body: String,
    /// Whether it is stored with the key. If not, the request can be sent again, corrected or not.
    pub is_kept: bool,
}

/// The response of the execution that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    pub response: RenderedResponse,
    /// It is that of an earlier request with the same key.
    pub is_replayed: bool,
}

/// The way back to the caller of [`EngineHandle`](super::EngineHandle).
pub enum Reply {
    Executed(oneshot::Sender<Result<Executed, EngineError>>),
    /// For a request with an idempotency key.
    Response(oneshot::Sender<Result<StoredResponse, EngineError>>),
}

impl Reply {
    pub fn fail(self, error: EngineError) {
        // The caller may be gone.
        match self {
            Self::Executed(sender) => drop(sender.send(Err(error))),
            Self::Response(sender) => drop(sender.send(Err(error))),
        }
    }

    /// Returns the outcome of the request's command in this committed plan.
    pub fn complete(
        self,
        outcome: Result<Done, Rejection>,
        response: Option<RenderedResponse>,
        plan: &Plan,
        executed_at: NaiveDateTime,
    ) {
        match (self, response, outcome) {
            (Self::Response(sender), Some(response), _) => {
                drop(sender.send(Ok(StoredResponse { response, is_replayed: false })));
            }
            (reply, _, Err(rejection)) => reply.fail(EngineError::Rejected(rejection)),
            (Self::Executed(sender), _, Ok(done)) => {
                drop(sender.send(Ok(Executed::new(done, plan, executed_at))));
            }
            (reply @ Self::Response(_), None, Ok(_)) => reply.fail(EngineError::OutcomeUnknown),
        }
    }
}
