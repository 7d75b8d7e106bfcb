//! Limits of the store: connections, and how long anything waits for them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::future::join_all;
use matchcast::store::{AnyConnection, DatabaseUrl, Store, StoreError};

use crate::on_both;
use crate::support::database::Database;
use crate::support::{DEADLINE, wait_for};

type Call = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Starts each call, without waiting for its result.
fn start(calls: &mut [Call]) {
    for call in calls {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

on_both! {
    async fn a_dropped_call_keeps_its_connection_until_it_ends(database: Database) {
        const CONNECTIONS: usize = 4;
        let (store, _) = database.open_store();
        let executed = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::RwLock::new(()));
        let closed = gate.write().await;
        let calls = || -> Vec<Call> {
            let call = |_| -> Call {
                let (store, executed, gate) = (store.clone(), executed.clone(), gate.clone());
                Box::pin(async move {
                    let work = move |_: &mut _| {
                        executed.fetch_add(1, Ordering::SeqCst);
                        drop(gate.blocking_read());
                        Ok(())
                    };
                    store.read(work).await
                })
            };
            (0..20).map(call).collect()
        };
        let mut first = calls();
        start(&mut first);
        let all_in_use = || async {
            (executed.load(Ordering::SeqCst) == CONNECTIONS).then_some(())
        };
        wait_for("a call on each connection", all_in_use).await;
        drop(first);
        let mut second = calls();
        start(&mut second);
        drop(second);
        drop(closed);
        let pings = join_all((0..20).map(|_| store.ping())).await;
        assert!(pings.iter().all(Result::is_ok), "{pings:?}");
        assert_eq!(executed.load(Ordering::SeqCst), CONNECTIONS);
    }
}

/// The kernel accepts for this listener, and nobody reads.
#[test]
fn a_server_that_accepts_and_is_silent_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = DatabaseUrl::parse(&format!("postgres://app@127.0.0.1:{port}/name")).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(AnyConnection::open(&url).map(drop)));
    let opened = receiver.recv_timeout(DEADLINE).expect("the attempt ends");
    assert!(matches!(opened, Err(StoreError::Unavailable(_))), "{opened:?}");
}

/// SQLite has one writer at a time; PostgreSQL does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_for_the_file_do_not_delay_readers() {
    // More than the deadline of a request, less than two of them.
    const ONE_DEADLINE: Duration = Duration::from_secs(8);
    let database = Database::sqlite();
    let (store, _) = database.open_store();
    let held = database.lock_market("BTC");
    let write =
        |store: Store| -> Call { Box::pin(async move { store.transact(|_| Ok(())).await }) };
    let mut writers: Vec<Call> = (0..9).map(|_| write(store.clone())).collect();
    start(&mut writers);
    let reads = join_all((0..20).map(|_| store.ping())).await;
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    let written = tokio::time::timeout(ONE_DEADLINE, join_all(writers)).await;
    for outcome in written.expect("every writer is refused within one deadline") {
        let refused = matches!(outcome, Err(StoreError::Unavailable(_) | StoreError::Conflict(_)));
        assert!(refused, "{outcome:?}");
    }
    drop(held);
    store.transact(|_| Ok(())).await.expect("the file is free");
}
