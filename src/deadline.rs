//! The end of a request's waits: they share one deadline instead of adding up.
//!
//! [`Deadline::scope`] sets the deadline of a request. Whatever the request waits for (its body, a
//! database connection, a lock, the engine) ends at [`Deadline::within`] its own limit and that of
//! the request, whichever comes first.

use std::time::{Duration, Instant};

tokio::task_local! {
    static CURRENT: Deadline;
}

/// A point in time at which waits end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout)
    }

    /// `timeout` from now, or the deadline of the current request, whichever comes first.
    pub fn within(timeout: Duration) -> Self {
        let own = Self::after(timeout);
        Self::current().map_or(own, |current| current.min(own))
    }

    /// The deadline of the current request. `None` outside a request.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// Runs the work of a request, whose waits end at this deadline.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    pub fn instant(self) -> Instant {
        self.0
    }

    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Deadline;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn waits_end_at_the_earlier_of_their_own_limit_and_the_deadline_of_the_request() {
        assert_eq!(Deadline::current(), None);
        let request = Deadline::after(LONG);
        let (shorter, longer) =
            request.scope(async { (Deadline::within(LONG / 2), Deadline::within(LONG * 2)) }).await;
        assert!(shorter < request);
        assert_eq!(longer, request);
    }
}
