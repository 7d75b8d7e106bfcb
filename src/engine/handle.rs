//! The way into the engine.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::lanes::Lanes;
use super::reply::{CancelledOrder, CompletedDeposit, PlacedOrder, Reply};
use super::request::{Claim, LeaveOnDrop, QueuedRequest};
use super::{EngineError, OriginatingSocket};
use crate::deadline::Deadline;
use crate::market::{AccountKey, Command, Fixed, MarketId, NewOrder, OrderId, Rejection, UserId};
use crate::store::{Store, StoreError, trading};

/// Queues requests. Cheap to clone.
///
/// `socket` is the connection of the page that sent the request, if it named one: see
/// [`EventSettings::to_others`](super::EventSettings::to_others).
#[derive(Clone)]
pub struct EngineHandle {
    lanes: Arc<Lanes>,
    store: Store,
    max_wait: Duration,
}

impl EngineHandle {
    pub(super) const fn new(lanes: Arc<Lanes>, store: Store, max_wait: Duration) -> Self {
        Self { lanes, store, max_wait }
    }

    /// Places an order and returns it as it stood after its own matching, with its trades.
    pub async fn place(
        &self,
        order: NewOrder,
        socket: Option<OriginatingSocket>,
    ) -> Result<PlacedOrder, EngineError> {
        self.request(Command::Place(order), socket, Reply::Placed).await
    }

    /// Cancels an open order of this user.
    pub async fn cancel(
        &self,
        user: UserId,
        order: OrderId,
        socket: Option<OriginatingSocket>,
    ) -> Result<CancelledOrder, EngineError> {
        let market = self.market_of(user, order).await?;
        let command = Command::Cancel { user, market, order };
        self.request(command, socket, Reply::Cancelled).await
    }

    /// The market of an order of this user, whose lane executes the cancellation. An order never
    /// moves to another market or user.
    async fn market_of(&self, user: UserId, order: OrderId) -> Result<MarketId, EngineError> {
        let found = self.store.read(move |c| trading::owner_and_market(c, order)).await;
        match found {
            Ok(Some((owner, market))) if owner == user => Ok(market),
            Ok(_) => Err(EngineError::Rejected(Rejection::OrderNotFound)),
            Err(StoreError::Unavailable(_) | StoreError::Conflict(_)) => {
                Err(EngineError::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "the market of an order could not be read");
                Err(EngineError::Failed)
            }
        }
    }

    /// Credits an account, unless it has had `daily_limit` deposits within the last 24 hours.
    pub async fn deposit(
        &self,
        account: AccountKey,
        amount: Fixed,
        daily_limit: u32,
    ) -> Result<CompletedDeposit, EngineError> {
        let command = Command::Deposit { account, amount, daily_limit };
        self.request(command, None, Reply::Deposited).await
    }

    async fn request<T>(
        &self,
        command: Command,
        socket: Option<OriginatingSocket>,
        reply: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Reply,
    ) -> Result<T, EngineError> {
        let (sender, mut result) = oneshot::channel();
        let claim = Claim::default();
        let guard = LeaveOnDrop(claim.clone());
        let begin_by = Deadline::within(self.max_wait).instant();
        let end_by = Deadline::current().map(Deadline::instant);
        self.lanes.push(QueuedRequest::new(command, socket, claim, reply(sender)))?;
        if let Ok(result) = timeout_at(begin_by.into(), &mut result).await {
            return result.unwrap_or(Err(EngineError::OutcomeUnknown));
        }
        let claim = &guard.0;
        if claim.leave() {
            return Err(EngineError::Expired);
        }
        // Its execution has begun, so it ends soon, or the lane gives it up.
        let ended = match end_by {
            Some(end_by) => timeout_at(end_by.into(), result).await.ok(),
            None => Some(result.await),
        };
        match ended {
            Some(result) => result.unwrap_or(Err(EngineError::OutcomeUnknown)),
            None if claim.leave() => Err(EngineError::Expired),
            None => Err(EngineError::OutcomeUnknown),
        }
    }

    /// The number of requests that wait, without those of batches in progress.
    pub fn queue_len(&self) -> usize {
        self.lanes.waiting()
    }

    /// Whether requests are executed: not every lane has had the same batch for `at_most`.
    pub fn is_responsive(&self, at_most: Duration) -> bool {
        self.lanes.is_responsive(at_most)
    }

    /// Lets the engine execute what is queued and end. Later requests are refused.
    pub async fn stop(&self) {
        self.lanes.stop();
    }
}
