//! Limits of the store: connections, and how long anything waits for them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use futures_util::future::join_all;
use matchcast::store::StoreError;

use crate::on_both;
use crate::support::wait_for;

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
