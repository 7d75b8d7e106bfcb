//! Whether this process can accept an order now, for load balancers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::engine::EngineHandle;
use crate::outage::Outage;
use crate::store::{Store, StoreError, is_migrated, leases};

/// How long a report is reused, so that frequent requests do not add load.
const REPORT_AGE: Duration = Duration::from_secs(1);
/// A check that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The lease that the write check takes. All processes share one holder: nobody waits for it.
const LEASE: &str = "readiness";

static OUTAGE: Outage =
    Outage::warning("readiness", "this process is not ready", "this process is ready again");

/// The result of a check, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Ok,
    Failed,
}

/// The checks and their conclusion.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct Report {
    status: Status,
    checks: Checks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReadinessStatus)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ready,
    NotReady,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Checks {
    /// All parts of the process run, and it is not shutting down.
    process: Check,
    /// The engine executes requests: not all of its lanes wait for the database.
    engine: Check,
    /// A row can be written.
    database: Check,
    /// All migrations of this version have run.
    schema: Check,
    /// Some process publishes events.
    publisher: Check,
}

impl Report {
    pub fn is_ready(&self) -> bool {
        self.status == Status::Ready
    }
}

/// Runs the checks, at most once a second. Clones share the report.
#[derive(Clone)]
pub struct Readiness {
    store: Store,
    engine: EngineHandle,
    is_stopping: Arc<AtomicBool>,
    last: Arc<Mutex<Option<(Instant, Report)>>>,
}

impl Readiness {
    pub fn new(store: Store, engine: EngineHandle) -> Self {
        Self { store, engine, is_stopping: Arc::default(), last: Arc::default() }
    }

    /// Not ready from now on: the process is shutting down.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// The report of this second.
    pub async fn report(&self) -> Report {
        // Concurrent requests wait for the same checks.
        let mut last = self.last.lock().await;
        let is_stopping = self.is_stopping.load(Ordering::Relaxed);
        if let Some((at, report)) = *last
            && at.elapsed() < REPORT_AGE
            && !is_stopping
        {
            return report;
        }
        let process = if is_stopping { Check::Failed } else { Check::Ok };
        let engine = self.engine();
        let (database, schema, publisher) =
            tokio::join!(self.database(), self.schema(), self.publisher());
        let checks = Checks { process, engine, database, schema, publisher };
        let all_ok = [process, engine, database, schema, publisher].iter().all(|c| *c == Check::Ok);
        let report =
            Report { status: if all_ok { Status::Ready } else { Status::NotReady }, checks };
        match report.status {
            Status::Ready => OUTAGE.recovered(),
            Status::NotReady if is_stopping => {}
            Status::NotReady => OUTAGE.failed(&format_args!("{checks:?}")),
        }
        *last = Some((Instant::now(), report));
        report
    }

    fn engine(&self) -> Check {
        if self.engine.is_responsive(TIMEOUT) { Check::Ok } else { Check::Failed }
    }

    async fn database(&self) -> Check {
        let write = |c: &mut _| leases::take(c, LEASE, LEASE, Duration::ZERO);
        check(self.store.transact(write)).await
    }

    async fn schema(&self) -> Check {
        check(self.store.read(is_migrated)).await
    }

    async fn publisher(&self) -> Check {
        check(self.store.read(|c| leases::is_held(c, leases::PUBLISHER))).await
    }
}

/// `Ok` if the work returns true in time.
async fn check(work: impl Future<Output = Result<bool, StoreError>>) -> Check {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(Ok(true)) => Check::Ok,
        _ => Check::Failed,
    }
}
