//! Measures the engine without HTTP: typed requests in, committed results out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use matchcast::engine::{self, EngineSettings, EventSettings, Notifiers};
use matchcast::store::Store;
use matchcast::store::markets::SharedCatalog;

use crate::database::Database;
use crate::setup;

/// Committed orders, and the time that they took.
#[derive(Clone, Copy, Debug)]
pub struct Committed {
    pub orders: u64,
    pub elapsed: Duration,
}

impl Committed {
    pub fn per_second(self) -> f64 {
        self.orders as f64 / self.elapsed.as_secs_f64()
    }
}

/// Places orders in an empty database.
pub async fn measure(database: &Database, clients: usize, duration: Duration) -> Committed {
    let (store, catalog) = setup::prepare(database);
    run(store, catalog, clients, duration).await
}

/// Each client waits for the result before it sends the next order.
pub async fn run(
    store: Store,
    catalog: SharedCatalog,
    clients: usize,
    duration: Duration,
) -> Committed {
    // Publishes only order.matched, the one event of existing backends, for a fair comparison.
    let events = EventSettings::default();
    let max_wait = Duration::from_secs(60);
    let settings = EngineSettings {
        queue_len: 4096,
        batch_len: 1000,
        max_wait,
        events,
        ..EngineSettings::default()
    };
    let (handle, thread) =
        engine::start(store, catalog, Default::default(), Notifiers::default(), settings)
            .expect("the engine starts");
    let committed = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (handle, committed) = (handle.clone(), committed.clone());
            tokio::spawn(async move {
                while started.elapsed() < duration {
                    handle.place(setup::random_order(), None).await.expect("funds suffice");
                    committed.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no client panics");
    }
    let elapsed = started.elapsed();
    handle.stop().await;
    thread.join().expect("the engine does not panic");
    Committed { orders: committed.load(Ordering::Relaxed), elapsed }
}
