//! The way into the engine.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::lanes::Lanes;
use super::once::{KeysInFlight, Once};
use super::reply::{
    CancelledOfFrozen, CancelledOrder, CompletedDeposit, Executed, PlacedOrder, Reply,
    StoredResponse,
};
use super::request::{Claim, LeaveOnDrop, QueuedRequest};
use super::{EngineError, Origin, OriginatingSocket};
use crate::deadline::Deadline;
use crate::market::{
    AccountKey, CancelReason, Command, Fixed, MarketId, NewOrder, OrderId, Rejection, UserId,
};
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
    keys_in_flight: KeysInFlight,
}

impl EngineHandle {
    pub(super) fn new(lanes: Arc<Lanes>, store: Store, max_wait: Duration) -> Self {
        Self { lanes, store, max_wait, keys_in_flight: KeysInFlight::default() }
    }

    /// Places an order and returns it as it stood after its own matching, with its trades.
    pub async fn place(
        &self,
        order: NewOrder,
        socket: Option<OriginatingSocket>,
    ) -> Result<PlacedOrder, EngineError> {
        match self.execute(Command::Place(order), socket).await? {
            Executed::Placed(placed) => Ok(placed),
            other => Err(of_another_kind(&other)),
        }
    }

    /// Cancels an open order of this user.
    pub async fn cancel(
        &self,
        user: UserId,
        order: OrderId,
        socket: Option<OriginatingSocket>,
    ) -> Result<CancelledOrder, EngineError> {
        let command = self.cancellation(user, order).await?;
        match self.execute(command, socket).await? {
            Executed::Cancelled(cancelled) => Ok(cancelled),
            other => Err(of_another_kind(&other)),
        }
    }

    /// The command that cancels an order of this user.
    pub async fn cancellation(&self, user: UserId, order: OrderId) -> Result<Command, EngineError> {
        let market = self.market_of(user, order).await?;
        Ok(Command::Cancel { user, market, order })
    }

    /// The market of an order of this user, whose lane executes the commands about it. It is read
    /// here: an order never moves to another market or user.
    pub async fn market_of(&self, user: UserId, order: OrderId) -> Result<MarketId, EngineError> {
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
        match self.execute(command, None).await? {
            Executed::Deposited(deposit) => Ok(deposit),
            other => Err(of_another_kind(&other)),
        }
    }

    /// Cancels the open orders of a frozen user on behalf of an administrator, in each of `markets`
    /// in a transaction of its own. The user is frozen, so no order is added meanwhile.
    pub async fn cancel_all_of_frozen(
        &self,
        user: UserId,
        markets: Vec<MarketId>,
        origin: &Origin,
    ) -> Result<CancelledOfFrozen, EngineError> {
        let reason = CancelReason::AccountFrozen;
        let mut cancelled = CancelledOfFrozen::default();
        for market in markets {
            let command = Command::CancelAll { user, market, side: None, reason };
            match self.administer(command, origin.clone()).await {
                Ok(Executed::CancelledAll(done)) => {
                    cancelled.orders.extend(done.orders.iter().map(|order| order.id));
                }
                Ok(other) => return Err(of_another_kind(&other)),
                Err(EngineError::Rejected(Rejection::MarketNotOpen(_))) => {
                    cancelled.halted.push(market);
                }
                Err(error) => return Err(error),
            }
        }
        cancelled.orders.sort_unstable();
        Ok(cancelled)
    }

    /// Executes a command.
    pub async fn execute(
        &self,
        command: Command,
        socket: Option<OriginatingSocket>,
    ) -> Result<Executed, EngineError> {
        self.execute_from(command, socket, Origin::default()).await
    }

    /// Executes the command of an administrator.
    pub async fn administer(
        &self,
        command: Command,
        origin: Origin,
    ) -> Result<Executed, EngineError> {
        self.execute_from(command, None, origin).await
    }

    async fn execute_from(
        &self,
        command: Command,
        socket: Option<OriginatingSocket>,
        origin: Origin,
    ) -> Result<Executed, EngineError> {
        let (sender, result) = oneshot::channel();
        let reply = Reply::Executed(sender);
        let claim = Claim::default();
        let request = QueuedRequest::new(command, socket, None, claim.clone(), reply);
        self.request(request.from(origin), claim, result).await
    }

    /// Executes a command, unless a request with the same key was executed: then the response is
    /// that of the earlier request.
    ///
    /// # Errors
    /// [`EngineError::KeyInFlight`] and [`EngineError::KeyReused`]. A rejection is a response too.
    pub async fn execute_once(
        &self,
        command: Command,
        socket: Option<OriginatingSocket>,
        once: Once,
    ) -> Result<StoredResponse, EngineError> {
        self.execute_once_from(command, socket, once, Origin::default()).await
    }

    /// [`Self::execute_once`] for the command of an administrator.
    pub async fn administer_once(
        &self,
        command: Command,
        origin: Origin,
        once: Once,
    ) -> Result<StoredResponse, EngineError> {
        self.execute_once_from(command, None, once, origin).await
    }

    async fn execute_once_from(
        &self,
        command: Command,
        socket: Option<OriginatingSocket>,
        once: Once,
        origin: Origin,
    ) -> Result<StoredResponse, EngineError> {
        let key = self.keys_in_flight.add(&once.key).ok_or(EngineError::KeyInFlight)?;
        let (sender, result) = oneshot::channel();
        let reply = Reply::Response(sender);
        let claim = Claim::with_key(key);
        let request = QueuedRequest::new(command, socket, Some(once), claim.clone(), reply);
        self.request(request.from(origin), claim, result).await
    }

    async fn request<T>(
        &self,
        request: QueuedRequest,
        claim: Claim,
        mut result: oneshot::Receiver<Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let guard = LeaveOnDrop(claim);
        let begin_by = Deadline::within(self.max_wait).instant();
        let end_by = Deadline::current().map(Deadline::instant);
        self.lanes.push(request)?;
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

    /// Cancels the orders of a market that have expired, and executes triggered stop orders.
    pub async fn advance(&self, market: MarketId) -> Result<(), EngineError> {
        self.execute(Command::Advance { market }, None).await.map(drop)
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

/// A bug: the command was executed, and the reply does not say how.
fn of_another_kind(executed: &Executed) -> EngineError {
    tracing::error!(?executed, "a command has the reply of another kind");
    EngineError::OutcomeUnknown
}
