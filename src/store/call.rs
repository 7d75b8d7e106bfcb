//! A call of the database that can be given up.
//!
//! A server that acknowledges packets and never responds blocks the thread that waits for it: libpq
//! has no time-out for a response. So the caller of such a thread gives it up at a deadline. The
//! thread keeps its connection until the server responds or is gone. [`Call`] decides what the
//! caller may say: a call that is given up before its commit does not commit later.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;
use super::hosts::Host;
use crate::deadline::Deadline;

const OPEN: u8 = 0;
const COMMITTING: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The progress of a call, shared by the thread that executes it and the one that waits for it.
#[derive(Debug, Default)]
pub struct Call {
    stage: AtomicU8,
    /// The host of the latest statement.
    host: Mutex<Option<Arc<Host>>>,
}

thread_local! {
    /// The call that this thread executes.
    static CURRENT: RefCell<Option<Arc<Call>>> = const { RefCell::new(None) };
}

/// A thread executes a call until this is dropped.
pub(super) struct Entered {
    outer: Option<Arc<Call>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.replace(self.outer.take());
    }
}

impl Call {
    /// This thread executes the call.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        Entered { outer: CURRENT.replace(Some(Arc::clone(self))) }
    }

    /// The call that this thread executes, if there is one, waits for this host from now on.
    pub(super) fn waits_for(host: &Arc<Host>) {
        CURRENT.with_borrow(|call| {
            if let Some(call) = call {
                *call.host.lock() = Some(Arc::clone(host));
            }
        });
    }

    /// Before each attempt of a transaction.
    ///
    /// # Errors
    /// [`StoreError::Abandoned`] if the call was given up.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.advance(OPEN)
    }

    /// Before the commit.
    ///
    /// # Errors
    /// [`StoreError::Abandoned`] if the call was given up.
    pub(super) fn begin_commit(&self) -> Result<(), StoreError> {
        self.advance(COMMITTING)
    }

    fn advance(&self, to: u8) -> Result<(), StoreError> {
        let not_given_up = |stage| (stage != GIVEN_UP).then_some(to);
        let advanced = self.stage.fetch_update(Ordering::AcqRel, Ordering::Acquire, not_given_up);
        advanced.map(drop).map_err(|_| StoreError::Abandoned)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.stage.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Gives the call up and returns what is known about it: [`StoreError::Unavailable`] if nothing
    /// was written and nothing will be, [`StoreError::CommitUnknown`] if its commit has begun.
    ///
    /// New connections are opened to other hosts first from then on.
    pub fn give_up(&self) -> StoreError {
        if let Some(host) = self.host.lock().as_ref() {
            host.suspect();
        }
        let cause = "the database did not respond in time".to_owned();
        match self.stage.swap(GIVEN_UP, Ordering::AcqRel) {
            COMMITTING => StoreError::CommitUnknown(cause),
            _ => StoreError::Unavailable(cause),
        }
    }
}

/// The calls that were given up and whose threads still wait for the server.
#[derive(Clone, Debug)]
pub(super) struct GivenUpCalls {
    permits: Arc<Semaphore>,
}

impl GivenUpCalls {
    pub fn at_most(count: u32) -> Self {
        let count = usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))) }
    }

    /// Runs `work` on a thread that may block, and gives it up at the deadline.
    ///
    /// `permit` allows the call, and belongs to the work, which continues if this future is
    /// dropped. It is free for another call as soon as this one is given up, unless too many have
    /// been: then the place stays taken until the server responds.
    pub async fn run<T, W>(
        &self,
        deadline: Deadline,
        permit: OwnedSemaphorePermit,
        work: W,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Arc<Call>) -> Result<T, StoreError> + Send + 'static,
    {
        let call = Arc::new(Call::default());
        let place = Arc::new(Mutex::new(Some(permit)));
        let (task_call, task_place) = (Arc::clone(&call), Arc::clone(&place));
        // Lines in the log name the request whose call it is.
        let span = tracing::Span::current();
        let task = tokio::task::spawn_blocking(move || {
            let _entered = task_call.enter();
            let outcome = span.in_scope(|| work(&task_call));
            drop(task_place.lock().take());
            outcome
        });
        match tokio::time::timeout_at(deadline.instant().into(), task).await {
            Ok(done) => done.unwrap_or_else(|error| Err(StoreError::Other(error.to_string()))),
            Err(_) => {
                let error = call.give_up();
                metrics::counter!("matchcast_store_given_up_total").increment(1);
                self.exchange(&place);
                Err(error)
            }
        }
    }

    /// Frees the place of a call that was given up for another call.
    fn exchange(&self, place: &Mutex<Option<OwnedSemaphorePermit>>) {
        let mut place = place.lock();
        // Empty if the call has ended meanwhile.
        if place.is_some()
            && let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned()
        {
            *place = Some(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::{Duration, Instant};

    use tokio::sync::Semaphore;

    use super::{Call, GivenUpCalls};
    use crate::deadline::Deadline;
    use crate::store::StoreError;
    use crate::store::hosts::Hosts;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_call_that_is_given_up_before_its_commit_does_not_commit() {
        let call = Call::default();
        call.begin().unwrap();
        assert!(matches!(call.give_up(), StoreError::Unavailable(_)));
        assert!(matches!(call.begin_commit(), Err(StoreError::Abandoned)));
        assert!(matches!(call.begin(), Err(StoreError::Abandoned)));
    }

    #[test]
    fn the_outcome_of_a_call_that_is_given_up_in_its_commit_is_unknown() {
        let call = Call::default();
        call.begin().unwrap();
        call.begin_commit().unwrap();
        assert!(matches!(call.give_up(), StoreError::CommitUnknown(_)));
        // Not even if the commit fails and would be tried again.
        assert!(matches!(call.begin(), Err(StoreError::Abandoned)));
    }

    #[test]
    fn a_call_that_is_given_up_suspects_the_host_that_it_waits_for() {
        let hosts = ["postgres://one/name", "postgres://two/name"].map(Hosts::of);
        let [first, second] = hosts.map(|hosts| hosts.connect(|_| Ok(())).unwrap().1);
        let (before, call) = (Instant::now(), Arc::new(Call::default()));
        let entered = call.enter();
        Call::waits_for(&second);
        Call::waits_for(&first);
        drop(entered);
        Call::waits_for(&second);
        call.give_up();
        assert!(first.was_suspected_after(before));
        assert!(!second.was_suspected_after(before), "not a host of this call any more");
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_frees_its_place_unless_too_many_were() {
        let places = Arc::new(Semaphore::new(1));
        let calls = GivenUpCalls::at_most(1);
        let (release, wait) = mpsc::channel::<()>();
        let permit = Arc::clone(&places).acquire_owned().await.unwrap();
        let hangs = move |_: &Arc<Call>| Ok(wait.recv().is_ok());
        let given_up = calls.run(Deadline::after(SOON), permit, hangs).await;
        assert!(matches!(given_up, Err(StoreError::Unavailable(_))), "{given_up:?}");
        assert_eq!(places.available_permits(), 1);

        let (release_second, wait) = mpsc::channel::<()>();
        let permit = Arc::clone(&places).acquire_owned().await.unwrap();
        let hangs = move |_: &Arc<Call>| Ok(wait.recv().is_ok());
        calls.run(Deadline::after(SOON), permit, hangs).await.unwrap_err();
        assert_eq!(places.available_permits(), 0);

        release.send(()).unwrap();
        release_second.send(()).unwrap();
        let permit = Arc::clone(&places).acquire_owned().await.unwrap();
        let done = calls.run(Deadline::after(LONG), permit, |_| Ok(7)).await;
        assert_eq!(done.unwrap(), 7);
    }
}
