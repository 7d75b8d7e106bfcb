//! The results of requests, and how they are returned.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use tokio::sync::oneshot;

use super::EngineError;
use super::records::Records;
use crate::market::{
    self, AccountKey, Done, Fixed, MarketId, Order, OrderId, Plan, PreventedTrade, Rejection, Trade,
};
use crate::store::adjustments::RecordedAdjustment;
use crate::store::deposits::RecordedDeposit;
use crate::store::idempotency::ExecutedRequest;
use crate::store::withdrawals::RecordedWithdrawal;

const RECORDED: &str = "record() returns what the outcomes name";

/// An order that was placed or amended, committed.
#[derive(Clone, Debug)]
pub struct PlacedOrder {
    /// As it stood after its own matching.
    pub order: Order,
    /// The trades of this order as the taker, in the order of execution.
    pub trades: Vec<Trade>,
    /// Trades that did not take place, because both orders are of the same user.
    pub prevented: Vec<PreventedTrade>,
    pub placed_at: NaiveDateTime,
    pub executed_at: NaiveDateTime,
}

impl PlacedOrder {
    fn new(placed: market::PlacedOrder, plan: &Plan, times: &Times) -> Self {
        let market::PlacedOrder { order, trades, prevented } = placed;
        let (executed_at, placed_at) = (times.executed_at, times.placed_at(order.id));
        Self { order, trades: plan.trades[trades].to_vec(), prevented, placed_at, executed_at }
    }
}

/// The times of a batch, and what else its plan lacks.
#[derive(Clone, Debug)]
pub struct Times {
    pub executed_at: NaiveDateTime,
    /// Of orders that were placed before and are amended.
    pub placed_at: BTreeMap<OrderId, NaiveDateTime>,
    pub records: Records,
}

impl Times {
    fn placed_at(&self, order: OrderId) -> NaiveDateTime {
        self.placed_at.get(&order).copied().unwrap_or(self.executed_at)
    }
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

/// The orders of a frozen user that were cancelled, committed.
#[derive(Clone, Debug, Default)]
pub struct CancelledOfFrozen {
    /// In ascending order.
    pub orders: Vec<OrderId>,
    /// Halted markets, whose orders remain.
    pub halted: Vec<MarketId>,
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
    /// One result for each order.
    Batch(Vec<Result<PlacedOrder, Rejection>>),
    Amended(PlacedOrder),
    Cancelled(CancelledOrder),
    CancelledAll(CancelledOrders),
    /// The orders that have expired.
    Advanced(CancelledOrders),
    Deposited(CompletedDeposit),
    DepositedOnce {
        deposit: RecordedDeposit,
        /// It was credited now, and not by an earlier request.
        is_new: bool,
    },
    /// Requested, or ended.
    Withdrawal {
        withdrawal: RecordedWithdrawal,
        /// It was changed now, and not by an earlier request.
        is_new: bool,
    },
    Adjusted {
        adjustment: RecordedAdjustment,
        /// It was made now, and not by an earlier request.
        is_new: bool,
    },
}

impl Executed {
    pub(super) fn new(done: Done, plan: &Plan, times: &Times) -> Self {
        let executed_at = times.executed_at;
        match done {
            Done::Placed(placed) => Self::Placed(PlacedOrder::new(placed, plan, times)),
            Done::Batch(results) => {
                let placed = |placed| PlacedOrder::new(placed, plan, times);
                Self::Batch(results.into_iter().map(|result| result.map(placed)).collect())
            }
            Done::Amended(amended) => Self::Amended(PlacedOrder::new(amended, plan, times)),
            Done::Cancelled { order } => Self::Cancelled(CancelledOrder { order, executed_at }),
            Done::CancelledAll { orders } => {
                Self::CancelledAll(CancelledOrders { orders, executed_at })
            }
            Done::Advanced { expired: orders } => {
                Self::Advanced(CancelledOrders { orders, executed_at })
            }
            Done::Deposited { account, amount, available } => {
                Self::Deposited(CompletedDeposit { account, amount, available, executed_at })
            }
            Done::DepositedOnce { deposit, is_new } => {
                let recorded = times.records.deposits.get(&deposit.id).cloned();
                let deposit = recorded.expect(RECORDED);
                Self::DepositedOnce { deposit, is_new }
            }
            Done::Withdrawal { withdrawal, is_new } => {
                let recorded = times.records.withdrawals.get(&withdrawal.id).cloned();
                let withdrawal = recorded.expect(RECORDED);
                Self::Withdrawal { withdrawal, is_new }
            }
            Done::Adjusted { adjustment, is_new } => {
                let recorded = times.records.adjustments.get(&adjustment.id).cloned();
                let adjustment = recorded.expect(RECORDED);
                Self::Adjusted { adjustment, is_new }
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

impl RenderedResponse {
    /// What is stored of the request with this fingerprint; `None` if it is not kept.
    pub fn to_executed(&self, fingerprint: &[u8; 32]) -> Option<ExecutedRequest> {
        let Self { status, body, is_kept } = self.clone();
        is_kept.then(|| ExecutedRequest { fingerprint: fingerprint.to_vec(), status, body })
    }
}

/// The response of the execution that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    pub response: RenderedResponse,
    /// It is that of an earlier request with the same key.
    pub is_replayed: bool,
}

impl StoredResponse {
    /// The response of an executed request; `None` if that had another fingerprint.
    pub fn replay(executed: ExecutedRequest, fingerprint: &[u8; 32]) -> Option<Self> {
        let ExecutedRequest { fingerprint: other, status, body } = executed;
        let response = RenderedResponse { status, body, is_kept: true };
        (other == *fingerprint).then_some(Self { response, is_replayed: true })
    }
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
        times: &Times,
    ) {
        match (self, response, outcome) {
            (Self::Response(sender), Some(response), _) => {
                drop(sender.send(Ok(StoredResponse { response, is_replayed: false })));
            }
            (reply, _, Err(rejection)) => reply.fail(EngineError::Rejected(rejection)),
            (Self::Executed(sender), _, Ok(done)) => {
                drop(sender.send(Ok(Executed::new(done, plan, times))));
            }
            (reply @ Self::Response(_), None, Ok(_)) => reply.fail(EngineError::OutcomeUnknown),
        }
    }
}
