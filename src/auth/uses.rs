//! When sign-ins are used, and by which client. No request waits for it: uses are gathered for a
//! moment and written together, each sign-in once a minute. If that fails, the sign-in is valid
//! nevertheless.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::outage::Outage;
use crate::store::sign_in_uses::{self, SignInUse};
use crate::store::sign_ins::SignIn;
use crate::store::{ClientInfo, Store, now};

static NOTES: Outage = Outage::warning(
    "sign_in_use",
    "the last use of tokens and sessions cannot be written",
    "the last use of tokens and sessions is written again",
);

/// How often the use of a sign-in is noted.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);
/// How long uses are gathered before they are written.
const GATHERING: Duration = Duration::from_millis(250);
/// The most uses that one transaction writes.
const BATCH: usize = 500;
/// Most entries of the cache of noted uses, and of the uses to be written. Some 300 bytes each.
const NOTED_LEN: usize = 100_000;

/// The uses that are to be written. Clones share them.
#[derive(Clone)]
pub struct Uses {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    /// The sign-ins whose use was noted within the last minute.
    noted: Cache<SignIn, ()>,
    pending: Mutex<Vec<SignInUse>>,
    has_pending: Notify,
}

impl Uses {
    pub fn new(store: Store) -> Self {
        let len = u64::try_from(NOTED_LEN).unwrap_or(u64::MAX);
        let noted = Cache::builder().max_capacity(len).time_to_live(NOTE_INTERVAL).build();
        let (pending, has_pending) = (Mutex::default(), Notify::new());
        Self { inner: Arc::new(Inner { store, noted, pending, has_pending }) }
    }

    /// Notes the use of a sign-in, unless one was noted within the last minute.
    pub fn note(&self, sign_in: &SignIn, client: impl FnOnce() -> ClientInfo) {
        let Inner { noted, pending, has_pending, .. } = &*self.inner;
        if noted.contains_key(sign_in) || !noted.entry_by_ref(sign_in).or_insert(()).is_fresh() {
            return;
        }
        let mut pending = pending.lock();
        if pending.len() < NOTED_LEN {
            pending.push(SignInUse { sign_in: sign_in.clone(), at: now(), client: client() });
            has_pending.notify_one();
        }
    }

    /// A log-in is the first use of its token or session, which is written with it.
    pub fn begin(&self, sign_in: SignIn) {
        self.inner.noted.insert(sign_in, ());
    }

    /// Writes the uses. Never completes.
    pub async fn run(self) {
        let Inner { store, pending, has_pending, .. } = &*self.inner;
        loop {
            has_pending.notified().await;
            tokio::time::sleep(GATHERING).await;
            let uses = std::mem::take(&mut *pending.lock());
            for batch in uses.chunks(BATCH) {
                let batch = batch.to_vec();
                match store.transact(move |c| sign_in_uses::note(c, &batch)).await {
                    Ok(()) => NOTES.recovered(),
                    Err(error) => NOTES.failed(&error),
                }
            }
        }
    }
}
