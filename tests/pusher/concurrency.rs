//! Many calls at the same time through one client, as the publisher's lanes make them.

use std::sync::Arc;

use futures_util::future::join_all;
use matchcast::pusher::{Client, Outcome};
use tokio::task::JoinSet;

use crate::client::{EVENT, verified};
use crate::credentials;
use crate::responder::{AfterAnswer, Responder, Rule};
use crate::scripted::{client, ok};

const LANES: usize = 16;
const CALLS: usize = 30;

async fn publish_many(client: Arc<Client>) {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let client = Arc::clone(&client);
        lanes.spawn(async move {
            for call in 0..CALLS {
                let outcome = client.publish(&[EVENT]).await;
                assert_eq!(outcome, Outcome::Delivered, "lane {lane}, call {call}");
            }
        });
    }
    lanes.join_all().await;
}

async fn provider(after_answer: AfterAnswer) -> Responder {
    Responder::start(Rule { answer: Box::new(|_| ok()), after_answer, limit: None }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_die_unannounced_cost_nothing() {
    for after_answer in [AfterAnswer::Close, AfterAnswer::CloseOnRequest] {
        let provider = provider(after_answer).await;
        publish_many(Arc::new(client(provider.port, credentials()))).await;

        let received = provider.received();
        received.iter().for_each(|request| drop(verified(request)));
        // A call is attempted once more when its connection was dead, and never more often.
        let calls = LANES * CALLS;
        assert!((calls..=2 * calls).contains(&received.len()), "{after_answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_live_are_kept_for_as_many_lanes_as_there_may_be() {
    const MOST_LANES: usize = 64;
    const ROUNDS: usize = 6;
    let provider = provider(AfterAnswer::KeepOpen).await;
    let client = client(provider.port, credentials());
    for _ in 0..ROUNDS {
        let calls = [[EVENT]; MOST_LANES];
        let outcomes = join_all(calls.iter().map(|events| client.publish(events))).await;
        assert_eq!(outcomes, vec![Outcome::Delivered; MOST_LANES]);
    }
    let connections = provider.received().iter().map(|request| request.connection + 1).max();
    // A round may begin before a connection of the last one is back.
    assert!(connections < Some(2 * MOST_LANES), "{connections:?}");
}
