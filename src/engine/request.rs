//! A request between its caller and the lane that executes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::once::{KeyInFlight, Once};
use super::reply::{Reply, StoredResponse};
use super::{EngineError, Origin, OriginatingSocket};
use crate::market::Command;
use crate::request_id::RequestId;

const WAITING: u8 = 0;
const EXECUTING: u8 = 1;
const LEFT: u8 = 2;

/// Whether a request is executed, or left by its caller: exactly one of both can happen first.
///
/// So a caller that leaves knows that nothing happened and nothing will, or that it cannot know.
#[derive(Clone, Debug, Default)]
pub struct Claim(Arc<ClaimState>);

#[derive(Debug, Default)]
struct ClaimState {
    state: AtomicU8,
    /// Until the request is left or has a reply.
    key: Mutex<Option<KeyInFlight>>,
}

impl Claim {
    pub fn with_key(key: KeyInFlight) -> Self {
        let (state, key) = (AtomicU8::new(WAITING), Mutex::new(Some(key)));
        Self(Arc::new(ClaimState { state, key }))
    }

    /// For the lane: the request is about to be executed. False if its caller has left it.
    fn begin(&self) -> bool {
        self.change(WAITING, EXECUTING) != Err(LEFT)
    }

    /// For the lane: the request is not executed for now.
    fn put_back(&self) {
        let _ = self.change(EXECUTING, WAITING);
    }

    /// For the caller: the request must not be executed. False if its execution has begun.
    pub fn leave(&self) -> bool {
        let is_left = self.change(WAITING, LEFT) != Err(EXECUTING);
        if is_left {
            self.release_key();
        }
        is_left
    }

    fn is_left(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == LEFT
    }

    /// Another request with the same key may follow.
    fn release_key(&self) {
        self.0.key.lock().take();
    }

    fn change(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.0.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// Leaves the request when its caller is dropped.
pub struct LeaveOnDrop(pub Claim);

impl Drop for LeaveOnDrop {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A request in a queue.
pub struct QueuedRequest {
    pub command: Command,
    pub socket: Option<OriginatingSocket>,
    pub once: Option<Once>,
    pub origin: Origin,
    /// That of the HTTP request, for the log. `None`: no client has sent it.
    pub id: Option<RequestId>,
    pub queued_at: Instant,
    claim: Claim,
    /// `None` once there was one, or if nobody waits.
    reply: Mutex<Option<Reply>>,
}

impl QueuedRequest {
    pub fn new(
        command: Command,
        socket: Option<OriginatingSocket>,
        once: Option<Once>,
        claim: Claim,
        reply: Reply,
    ) -> Self {
        let (id, queued_at) = (RequestId::current(), Instant::now());
        let (origin, reply) = (Origin::default(), Mutex::new(Some(reply)));
        Self { command, socket, once, origin, id, queued_at, claim, reply }
    }

    /// The request, which comes from there.
    pub fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// A request that nobody waits for.
    pub fn unasked(command: Command) -> Self {
        let (claim, queued_at) = (Claim::default(), Instant::now());
        let (origin, reply) = (Origin::default(), Mutex::new(None));
        Self { command, socket: None, once: None, origin, id: None, queued_at, claim, reply }
    }

    /// Whether somebody waits for it.
    pub fn has_caller(&self) -> bool {
        self.reply.lock().is_some()
    }

    /// The request is about to be executed. False if it must not be: its caller has left, or it has
    /// waited for more than `max_wait`.
    pub fn begin(&self, max_wait: Duration, now: Instant) -> bool {
        if now.duration_since(self.queued_at) > max_wait {
            self.claim.leave();
        }
        self.claim.begin()
    }

    /// Whether it will never be executed.
    pub fn is_left(&self) -> bool {
        self.claim.is_left()
    }

    /// The request waits again.
    pub fn put_back(&self) {
        self.claim.put_back();
    }

    /// Takes the way back to the caller. `None` if there was a reply.
    pub fn take_reply(&self) -> Option<Reply> {
        self.claim.release_key();
        self.reply.lock().take()
    }

    /// Replies with the response of an earlier request with the same key. `None`: that was another
    /// request.
    pub fn replay(&self, response: Option<StoredResponse>) {
        match (self.take_reply(), response) {
            // The caller may be gone.
            (Some(Reply::Response(sender)), Some(response)) => drop(sender.send(Ok(response))),
            (Some(reply), _) => reply.fail(EngineError::KeyReused),
            (None, _) => {}
        }
    }

    /// Replies with an error, unless there was a reply.
    pub fn fail(&self, error: EngineError) {
        if let Some(reply) = self.take_reply() {
            reply.fail(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Claim;

    #[test]
    fn a_request_is_either_executed_or_left() {
        let left = Claim::default();
        assert!(left.leave());
        assert!(!left.begin() && left.is_left());
        // The caller may ask again.
        assert!(left.leave());

        let executed = Claim::default();
        assert!(executed.begin());
        assert!(!executed.leave());
        // A transaction that is tried again executes it again.
        assert!(executed.begin());
        executed.put_back();
        assert!(executed.leave());
        assert!(!executed.begin());
        executed.put_back();
        assert!(executed.is_left());
    }
}
