//! Reads that requests share: the reader's equivalent of a batch of the engine.
//!
//! A request that needs a row waits for a read that **began after the request arrived**, and all
//! requests that wait at that moment are served by it. So the database executes one query for
//! dozens of requests, and no request is answered from anything older than its own arrival: neither
//! an acknowledged write of another process nor the user's own is ever missing. There is no timer:
//! a request that is alone is served at once, and the others gather while a read is in flight.
//!
//! One read is in flight at a time, unless it is slow (see [`SLOW`]). It belongs to no request:
//! a request that is dropped, or whose deadline passes, takes nothing from the others. If a read
//! fails, all requests that waited for it get its error.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{AnyConnection, Store, StoreError};
use crate::deadline::Deadline;

/// A read that has been in flight for longer does not delay others: its server may hang.
const SLOW: Duration = Duration::from_secs(1);
/// Most reads in flight, all but one of them slow.
const MAX_IN_FLIGHT: usize = 4;
/// How often a request waits again because the thread of its read has ended.
const ATTEMPTS: usize = 2;

/// The values that were found, by key.
pub type Found<K, V> = HashMap<K, V>;
/// Reads the values of some keys.
type Read<K, V> =
    dyn Fn(Vec<K>) -> BoxFuture<'static, Result<Found<K, V>, StoreError>> + Send + Sync;
type Answer<V> = Result<Option<V>, StoreError>;
type Waiting<K, V> = HashMap<K, Vec<oneshot::Sender<Answer<V>>>>;

/// One kind of read, by key. Clones share their reads.
pub struct SharedReads<K, V> {
    inner: Arc<Inner<K, V>>,
}

impl<K, V> Clone for SharedReads<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<K, V> {
    read: Box<Read<K, V>>,
    timeout: Duration,
    slow: Duration,
    queue: Mutex<Queue<K, V>>,
}

struct Queue<K, V> {
    /// Those that wait for the next read.
    waiting: Waiting<K, V>,
    in_flight: usize,
    /// When the last read began.
    last_began: Instant,
}

impl<K, V> SharedReads<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// `read` finds the values of many keys, preferably with one statement.
    pub fn new<R>(store: Store, read: R) -> Self
    where
        R: Fn(&mut AnyConnection, &[K]) -> Result<Found<K, V>, StoreError> + Send + Sync + 'static,
    {
        Self::with_slow(store, SLOW, read)
    }

    fn with_slow<R>(store: Store, slow: Duration, read: R) -> Self
    where
        R: Fn(&mut AnyConnection, &[K]) -> Result<Found<K, V>, StoreError> + Send + Sync + 'static,
    {
        let (timeout, read) = (store.inner.timeouts.request, Arc::new(read));
        let on_store = move |keys: Vec<K>| {
            let (store, read) = (store.clone(), Arc::clone(&read));
            async move { store.read(move |c| read(c, &keys)).await }.boxed()
        };
        Self::of(timeout, slow, on_store)
    }

    /// [`Self::new`] with reads of another kind, for which a request waits `timeout` at most.
    pub(super) fn by<R>(timeout: Duration, read: R) -> Self
    where
        R: Fn(Vec<K>) -> BoxFuture<'static, Result<Found<K, V>, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        Self::of(timeout, SLOW, read)
    }

    fn of<R>(timeout: Duration, slow: Duration, read: R) -> Self
    where
        R: Fn(Vec<K>) -> BoxFuture<'static, Result<Found<K, V>, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        let queue = Queue { waiting: HashMap::new(), in_flight: 0, last_began: Instant::now() };
        let inner = Inner { timeout, read: Box::new(read), slow, queue: Mutex::new(queue) };
        Self { inner: Arc::new(inner) }
    }

    /// The value of a key as it is now or was at some moment after this call began. `None`: there
    /// is none.
    ///
    /// # Errors
    /// Those of the read, and [`StoreError::Unavailable`] if it does not end in time.
    pub async fn get(&self, key: K) -> Answer<V> {
        let deadline = Deadline::within(self.inner.timeout);
        for _ in 0..ATTEMPTS {
            let answer = self.join(key);
            match tokio::time::timeout_at(deadline.instant().into(), answer).await {
                Ok(Ok(answer)) => return answer,
                // The thread that the read ran on was shut down.
                Ok(Err(_)) => {}
                Err(_) => break,
            }
        }
        Err(StoreError::Unavailable("the database did not respond in time".to_owned()))
    }

    /// Joins those that wait for the next read, and begins it if none is in flight.
    fn join(&self, key: K) -> oneshot::Receiver<Answer<V>> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = self.inner.queue.lock();
        queue.waiting.entry(key).or_default().push(sender);
        let is_free = queue.in_flight == 0
            || (queue.in_flight < MAX_IN_FLIGHT && queue.last_began.elapsed() >= self.inner.slow);
        if is_free {
            queue.last_began = Instant::now();
            queue.in_flight += 1;
            let flight = Flight { inner: Arc::clone(&self.inner), has_landed: false };
            drop(queue);
            tokio::spawn(flight.run());
        }
        receiver
    }
}

/// One read after the other, as long as somebody waits.
struct Flight<K, V> {
    inner: Arc<Inner<K, V>>,
    has_landed: bool,
}

impl<K, V> Drop for Flight<K, V> {
    /// If the thread is shut down in the middle, those who wait begin another read.
    fn drop(&mut self) {
        if !self.has_landed {
            let mut queue = self.inner.queue.lock();
            queue.in_flight -= 1;
            queue.waiting.clear();
        }
    }
}

impl<K, V> Flight<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    async fn run(mut self) {
        while let Some(waiting) = self.take() {
            let keys: Vec<K> = waiting.keys().copied().collect();
            match (self.inner.read)(keys).await {
                Ok(mut found) => {
                    for (key, waiting) in waiting {
                        answer(waiting, &Ok(found.remove(&key)));
                    }
                }
                Err(error) => {
                    for waiting in waiting.into_values() {
                        answer(waiting, &Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Those whom the next read serves. `None`: nobody waits, and the next one to arrive begins a
    /// read.
    fn take(&mut self) -> Option<Waiting<K, V>> {
        let mut queue = self.inner.queue.lock();
        if queue.waiting.is_empty() {
            queue.in_flight -= 1;
            self.has_landed = true;
            return None;
        }
        queue.last_began = Instant::now();
        Some(std::mem::take(&mut queue.waiting))
    }
}

/// Those that have left meanwhile get no answer.
fn answer<V: Clone>(waiting: Vec<oneshot::Sender<Answer<V>>>, answer: &Answer<V>) {
    for sender in waiting {
        drop(sender.send(answer.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use diesel::connection::SimpleConnection;
    use parking_lot::Mutex;
    use tokio::task::JoinSet;

    use super::{Found, SharedReads};
    use crate::deadline::Deadline;
    use crate::store::fixtures::temporary;
    use crate::store::{AnyConnection, StoreError};

    const LONG: Duration = Duration::from_secs(60);
    const KEYS: usize = 50;

    /// A kind of read whose reads wait until they are released, each with the keys that it is for.
    struct Held {
        reads: SharedReads<usize, usize>,
        began: Receiver<Vec<usize>>,
        release: Sender<Result<(), StoreError>>,
        _folder: tempfile::TempDir,
    }

    impl Held {
        fn new(slow: Duration) -> Self {
            let (folder, store) = temporary(4);
            let (begins, began) = mpsc::channel();
            let (release, released) = mpsc::channel();
            let released = Mutex::new(released);
            let read = move |_: &mut AnyConnection, keys: &[usize]| {
                begins.send(keys.to_vec()).expect("the test listens");
                released.lock().recv().expect("the test releases each read")?;
                Ok(keys.iter().map(|key| (*key, key * 10)).collect::<Found<_, _>>())
            };
            let reads = SharedReads::with_slow(store, slow, read);
            Self { reads, began, release, _folder: folder }
        }

        /// A request that waits by now.
        fn request(
            &self,
            key: usize,
        ) -> tokio::task::JoinHandle<Result<Option<usize>, StoreError>> {
            let waiting = || {
                let queue = self.reads.inner.queue.lock();
                queue.waiting.values().map(Vec::len).sum::<usize>()
            };
            let (before, reads) = (waiting(), self.reads.clone());
            let is_first = self.reads.inner.queue.lock().in_flight == 0;
            let task = tokio::spawn(async move { reads.get(key).await });
            while !is_first && waiting() == before {
                std::thread::yield_now();
            }
            task
        }
    }

    /// The number of a read is taken when it begins, so a request is served by a read that began
    /// after the request if the number is greater than those that were taken before.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_request_gets_its_own_value_from_a_read_that_began_after_it() {
        let (_folder, store) = temporary(4);
        let began = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&began);
        let reads = SharedReads::with_slow(store, Duration::ZERO, move |c, keys: &[usize]| {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            c.batch_execute("SELECT 1")?;
            Ok(keys.iter().map(|key| (*key, (*key, number))).collect::<HashMap<_, _>>())
        });
        let mut requests = JoinSet::new();
        for key in 0..KEYS {
            let (reads, began) = (reads.clone(), Arc::clone(&began));
            requests.spawn(async move {
                for round in 0..40 {
                    let key = (key * 7 + round) % KEYS;
                    let before = began.load(Ordering::SeqCst);
                    let (of, number) = reads.get(key).await.unwrap().unwrap();
                    assert_eq!(of, key);
                    assert!(number > before, "read {number} began before {before}");
                }
            });
        }
        while let Some(done) = requests.join_next().await {
            done.unwrap();
        }
        assert!(began.load(Ordering::SeqCst) < KEYS * 40, "no read was shared");
        assert_eq!(reads.inner.queue.lock().in_flight, 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_that_arrive_during_a_read_share_the_next_one() {
        let held = Held::new(LONG);
        let first = held.request(1);
        assert_eq!(held.began.recv().unwrap(), [1]);
        let others: Vec<_> = [2, 3, 2, 1].into_iter().map(|key| held.request(key)).collect();
        held.release.send(Ok(())).unwrap();
        assert_eq!(first.await.unwrap().unwrap(), Some(10));
        let mut keys = held.began.recv().unwrap();
        keys.sort_unstable();
        assert_eq!(keys, [1, 2, 3]);
        held.release.send(Ok(())).unwrap();
        for (other, expected) in others.into_iter().zip([20, 30, 20, 10]) {
            assert_eq!(other.await.unwrap().unwrap(), Some(expected));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_request_that_is_dropped_takes_nothing_from_the_others() {
        let held = Held::new(LONG);
        let first = held.request(1);
        held.began.recv().unwrap();
        // The one whose arrival began the read, and one that waits for the next.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let (dropped, stays) = (held.request(2), held.request(2));
        dropped.abort();
        held.release.send(Ok(())).unwrap();
        assert_eq!(held.began.recv().unwrap(), [2]);
        held.release.send(Ok(())).unwrap();
        assert_eq!(stays.await.unwrap().unwrap(), Some(20));
        let next = held.request(3);
        held.began.recv().unwrap();
        held.release.send(Ok(())).unwrap();
        assert_eq!(next.await.unwrap().unwrap(), Some(30));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_who_wait_for_a_read_that_fails_get_its_error_and_the_next_read_is_another() {
        let held = Held::new(LONG);
        let first = held.request(1);
        held.began.recv().unwrap();
        let others = [held.request(2), held.request(3)];
        held.release.send(Err(StoreError::Other("broken".to_owned()))).unwrap();
        let failed = first.await.unwrap();
        assert!(matches!(&failed, Err(StoreError::Other(cause)) if cause == "broken"));
        held.began.recv().unwrap();
        held.release.send(Err(StoreError::Conflict("again".to_owned()))).unwrap();
        for other in others {
            assert!(matches!(other.await.unwrap(), Err(StoreError::Conflict(_))));
        }
        let next = held.request(2);
        held.began.recv().unwrap();
        held.release.send(Ok(())).unwrap();
        assert_eq!(next.await.unwrap().unwrap(), Some(20));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_read_that_hangs_delays_no_others_and_its_requests_end_at_their_deadlines() {
        let held = Held::new(Duration::ZERO);
        let reads = held.reads.clone();
        let soon = Deadline::after(Duration::from_millis(20));
        let first = tokio::spawn(soon.scope(async move { reads.get(1).await }));
        held.began.recv().unwrap();
        let reads = held.reads.clone();
        let second = tokio::spawn(async move { reads.get(2).await });
        assert_eq!(held.began.recv().unwrap(), [2]);
        assert!(matches!(first.await.unwrap(), Err(StoreError::Unavailable(_))));
        // Both reads end, in any order.
        held.release.send(Ok(())).unwrap();
        held.release.send(Ok(())).unwrap();
        assert_eq!(second.await.unwrap().unwrap(), Some(20));
    }

    /// The runtime of a thread of the server ends with the thread.
    #[test]
    fn a_read_whose_runtime_ends_is_begun_again_by_those_who_wait() {
        let held = Held::new(LONG);
        let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (ending, other) = (runtime(), runtime());
        let entered = ending.enter();
        drop(held.request(1));
        drop(entered);
        held.began.recv().unwrap();
        let entered = other.enter();
        let waits = held.request(2);
        drop(entered);
        ending.shutdown_background();
        held.release.send(Ok(())).unwrap();
        held.began.recv().unwrap();
        held.release.send(Ok(())).unwrap();
        assert_eq!(other.block_on(waits).unwrap().unwrap(), Some(20));
    }
}
