//! Concurrent requests through one client, as the lanes of the publisher make them.

use std::sync::Arc;

use futures_util::future::join_all;
use matchcast::pusher::{Client, Outcome};
use tokio::task::JoinSet;

use crate::client::{EVENT, verified};
use crate::credentials;
use crate::responder::{AfterResponse, Responder, Rule};
use crate::scripted::{client, ok};

const LANES: usize = 16;
const REQUESTS: usize = 30;

async fn publish_many(client: Arc<Client>) {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let client = Arc::clone(&client);
        lanes.spawn(async move {
            for request in 0..REQUESTS {
                let outcome = client.publish(&[EVENT]).await;
                assert_eq!(outcome, Outcome::Delivered, "lane {lane}, request {request}");
            }
        });
    }
    lanes.join_all().await;
}

async fn provider(after_response: AfterResponse) -> Responder {
    Responder::start(Rule { respond: Box::new(|_| ok()), after_response, limit: None }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_closed_without_notice_lose_no_events() {
    for after_response in [AfterResponse::Close, AfterResponse::CloseOnRequest] {
        let provider = provider(after_response).await;
        publish_many(Arc::new(client(provider.port, credentials()))).await;

        let received = provider.received();
        received.iter().for_each(|request| drop(verified(request)));
        // A request is attempted a second time if its connection was closed, and no more often.
        let requests = LANES * REQUESTS;
        assert!((requests..=2 * requests).contains(&received.len()), "{after_response:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_pool_keeps_a_connection_for_every_lane() {
    const MAX_LANES: usize = 64;
    const ROUNDS: usize = 6;
    let provider = provider(AfterResponse::KeepOpen).await;
    let client = client(provider.port, credentials());
    for _ in 0..ROUNDS {
        let requests = [[EVENT]; MAX_LANES];
        let outcomes = join_all(requests.iter().map(|events| client.publish(events))).await;
        assert_eq!(outcomes, vec![Outcome::Delivered; MAX_LANES]);
    }
    let connections = provider.received().iter().map(|request| request.connection + 1).max();
    // A round may begin before a connection of the previous one is back in the pool.
    assert!(connections < Some(2 * MAX_LANES), "{connections:?}");
}
