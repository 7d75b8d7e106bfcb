//! Read replicas: standby servers of PostgreSQL that answer reads in place of the primary.
//!
//! No read is older than its request, wherever it is answered. Before a replica is asked, the
//! primary is asked for its position in the log of writes, which contains everything that was
//! acknowledged until then; one answer serves all reads that wait at that moment. The replica
//! answers once it has replayed the log up to this position. If it does not in time, or fails, the
//! primary answers, and the replica is left out until it keeps up again ([`Replicas::watch`]).

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use futures_util::future::{FutureExt, join_all};
use parking_lot::Mutex;

use super::{AnyConnection, DatabaseUrl, Found, SharedReads, Store, StoreError, Timeouts};
use crate::outage::Outage;

/// Bytes of the log that a primary has made durable, or that a standby has replayed.
const POSITION: &str = "(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
     ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::bigint";
/// How often each replica is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How often a read looks whether the replica has replayed enough.
const REPLAY_INTERVAL: Duration = Duration::from_millis(1);
/// The part of the time of a read that a replica may take: the rest is for the primary.
const SHARE_OF_TIMEOUT: u32 = 3;

static REPLICA: Outage =
    Outage::warning("replica", "a read replica is left out", "all read replicas are used again");

/// Reads that any server may answer. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    primary: Store,
    /// `None`: there are none.
    replicas: Option<Arc<Replicas>>,
}

/// The replicas of a database.
pub struct Replicas {
    all: Vec<Replica>,
    /// The replica whose turn it is.
    turn: AtomicUsize,
    /// The position of the primary.
    position: SharedReads<(), i64>,
    /// Of the primary.
    timeouts: Timeouts,
    pool_size: u32,
    max_lag: Duration,
}

/// Why a replica has not answered.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it lags by more than {} ms", .0.as_millis())]
    Late(Duration),
    #[error("{0}")]
    Failed(StoreError),
}

struct Replica {
    /// Its position in the setting, for logs and metrics: 1 for the first.
    number: String,
    url: DatabaseUrl,
    /// `None`: it could not be reached yet.
    store: Mutex<Option<Store>>,
    is_used: AtomicBool,
}

impl Reader {
    /// A reader that asks these replicas first, if there are any.
    pub fn of(primary: &Store, replicas: Option<&Arc<Replicas>>) -> Self {
        Self { primary: primary.clone(), replicas: replicas.cloned() }
    }

    /// Reads that requests share, and that any server may answer.
    pub fn share<K, V, R>(&self, read: R) -> SharedReads<K, V>
    where
        K: Copy + Eq + Hash + Send + Sync + 'static,
        V: Clone + Send + 'static,
        R: Fn(&mut AnyConnection, &[K]) -> Result<Found<K, V>, StoreError> + Send + Sync + 'static,
    {
        let (reader, read) = (self.clone(), Arc::new(read));
        SharedReads::by(self.primary.inner.timeouts.request, move |keys: Vec<K>| {
            let (reader, read) = (reader.clone(), Arc::clone(&read));
            async move { reader.read(move |c| read(c, &keys)).await }.boxed()
        })
    }

    /// [`Store::read`] on any server: what was acknowledged before this call is seen.
    pub async fn read<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Clone + Send + 'static,
    {
        if let Some(replicas) = &self.replicas
            && let Some((replica, store)) = replicas.next()
            && let Ok(wanted) = replicas.position().await
        {
            match replicas.read(&store, wanted, work.clone()).await {
                Ok(value) => {
                    replica.count("served");
                    return Ok(value);
                }
                Err(failure) => replica.failed(&failure),
            }
        }
        self.primary.read(work).await
    }
}

impl Replicas {
    /// The replicas of `primary`, whose hosts `url` names. Each has a pool of this size. One that
    /// has not replayed what the primary wrote `max_lag` ago is left out. None is used before
    /// [`Self::watch`] has found that it keeps up.
    pub fn new(primary: Store, url: &DatabaseUrl, pool_size: u32, max_lag: Duration) -> Self {
        let replica = |(index, url): (usize, DatabaseUrl)| Replica {
            number: (index + 1).to_string(),
            url,
            store: Mutex::new(None),
            is_used: AtomicBool::new(false),
        };
        Self {
            all: url.hosts().into_iter().enumerate().map(replica).collect(),
            turn: AtomicUsize::new(0),
            timeouts: primary.inner.timeouts,
            position: SharedReads::new(primary, |c, _| Ok([((), position(c)?)].into())),
            pool_size,
            max_lag,
        }
    }

    /// The next replica that is used.
    fn next(&self) -> Option<(&Replica, Store)> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.all.len()).map(|step| &self.all[(first + step) % self.all.len()]);
        in_turn
            .filter(|replica| replica.is_used.load(Ordering::Relaxed))
            .find_map(|replica| Some((replica, replica.store.lock().clone()?)))
    }

    async fn position(&self) -> Result<i64, StoreError> {
        let no_position = || StoreError::Other("the primary has no position".to_owned());
        self.position.get(()).await?.ok_or_else(no_position)
    }

    /// Reads once the replica is at this position.
    async fn read<T, W>(&self, store: &Store, wanted: i64, mut work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnMut(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let max_lag = self.max_lag;
        let read = move |c: &mut AnyConnection| {
            if has_replayed(c, wanted, max_lag)? { work(c).map(Some) } else { Ok(None) }
        };
        store.read(read).await.map_err(Failure::Failed)?.ok_or(Failure::Late(max_lag))
    }

    /// Finds out again and again which replicas keep up. Never completes.
    pub async fn watch(&self) {
        loop {
            let checks = self.all.iter().map(|replica| self.check(replica));
            let causes = join_all(checks).await;
            match causes.into_iter().flatten().next() {
                Some(cause) => REPLICA.failed(&cause),
                None => REPLICA.recovered(),
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Why the replica is left out. `None`: it is used.
    async fn check(&self, replica: &Replica) -> Option<String> {
        // Without the primary there is nothing to compare with, and nothing to serve.
        let wanted = self.position().await.ok()?;
        let started = Instant::now();
        let checked = match replica.open(self.timeouts, self.pool_size).await {
            Ok(store) => self.read(&store, wanted, |_| Ok(())).await,
            Err(error) => Err(Failure::Failed(error)),
        };
        let labels = [("replica", replica.number.clone())];
        let is_used = checked.is_ok();
        replica.is_used.store(is_used, Ordering::Relaxed);
        metrics::gauge!("matchcast_replica_used", &labels).set(if is_used { 1.0 } else { 0.0 });
        if !matches!(checked, Err(Failure::Failed(_))) {
            // The time for replaying what the primary had written when it was asked.
            metrics::gauge!("matchcast_replica_lag_seconds", &labels).set(started.elapsed());
        }
        checked.err().map(|failure| format!("replica {}: {failure}", replica.number))
    }
}

impl Replica {
    /// The pool of the replica, opened if it is not open yet.
    async fn open(&self, timeouts: Timeouts, pool_size: u32) -> Result<Store, StoreError> {
        if let Some(store) = self.store.lock().clone() {
            return Ok(store);
        }
        let url = self.url.clone();
        let timeouts = Timeouts { request: timeouts.request / SHARE_OF_TIMEOUT, ..timeouts };
        let open = move || Store::open_with(url, pool_size, timeouts);
        let opened = tokio::task::spawn_blocking(open).await;
        let store = opened.map_err(|error| StoreError::Other(error.to_string()))??;
        *self.store.lock() = Some(store.clone());
        Ok(store)
    }

    /// The primary answers instead.
    fn failed(&self, failure: &Failure) {
        self.count(if matches!(failure, Failure::Late(_)) { "late" } else { "failed" });
        // A conflict of the read with what is being replayed says nothing about the next one.
        if !matches!(failure, Failure::Failed(StoreError::Conflict(_))) {
            self.is_used.store(false, Ordering::Relaxed);
        }
        tracing::debug!(replica = self.number, %failure, "the primary answers a read");
    }

    fn count(&self, outcome: &'static str) {
        let labels = [("replica", self.number.clone()), ("outcome", outcome.to_owned())];
        metrics::counter!("matchcast_replica_reads_total", &labels).increment(1);
    }
}

fn position(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let AnyConnection::Postgres(c) = connection else {
        return Err(StoreError::Other("SQLite has no replicas".to_owned()));
    };
    Ok(diesel::select(sql::<BigInt>(POSITION)).get_result(c)?)
}

/// Waits until the server has replayed the log up to this position. False if it has not in time.
#[expect(clippy::disallowed_methods, reason = "a blocking thread, outside transactions")]
fn has_replayed(
    connection: &mut AnyConnection,
    wanted: i64,
    at_most: Duration,
) -> Result<bool, StoreError> {
    let started = Instant::now();
    while position(connection)? < wanted {
        if started.elapsed() >= at_most {
            return Ok(false);
        }
        std::thread::sleep(REPLAY_INTERVAL);
    }
    Ok(true)
}
