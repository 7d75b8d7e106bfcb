//! The way into the engine.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::reply::{CancelledOrder, CompletedDeposit, PlacedOrder, Reply};
use super::{EngineError, OriginatingSocket};
use crate::market::{AccountKey, Command, Fixed, NewOrder, OrderId, UserId};

/// A request in the queue.
pub struct QueuedRequest {
    pub command: Command,
    pub socket: Option<OriginatingSocket>,
    pub reply: Reply,
    pub queued_at: Instant,
}

impl QueuedRequest {
    /// Whether it must not be executed: its caller has gone, or it was queued `max_wait` ago.
    pub fn is_expired(&self, max_wait: Duration, now: Instant) -> bool {
        self.reply.is_abandoned() || now.duration_since(self.queued_at) > max_wait
    }
}

pub enum Message {
    Execute(QueuedRequest),
    /// Execute what is queued, accept nothing more, and end.
    Stop,
}

/// Queues requests. Cheap to clone.
///
/// `socket` is the connection of the page that sent the request, if it named one: see
/// [`EventSettings::to_others`](super::EventSettings::to_others).
#[derive(Clone)]
pub struct EngineHandle {
    sender: mpsc::Sender<Message>,
}

impl EngineHandle {
    pub(super) fn new(sender: mpsc::Sender<Message>) -> Self {
        Self { sender }
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
        self.request(Command::Cancel { user, order }, socket, Reply::Cancelled).await
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
        let (sender, result) = oneshot::channel();
        let request =
            QueuedRequest { command, socket, reply: reply(sender), queued_at: Instant::now() };
        self.sender.try_send(Message::Execute(request)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                metrics::counter!("matchcast_engine_queue_full_total").increment(1);
                EngineError::QueueFull
            }
            mpsc::error::TrySendError::Closed(_) => EngineError::Stopped,
        })?;
        result.await.unwrap_or(Err(EngineError::OutcomeUnknown))
    }

    /// The number of queued requests, without those of the batch in progress.
    pub fn queue_len(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Lets the engine execute what is queued and end. Later requests are refused.
    pub async fn stop(&self) {
        // An error means that it has already ended.
        let _ = self.sender.send(Message::Stop).await;
    }
}
