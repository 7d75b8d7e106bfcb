//! Outages of the provider: orders are accepted, and each event is delivered in order later, kept,
//! or becomes a dead letter, depending on the provider's response.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::crash::assert_published;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::provider::{Action, Provider, ReceivedEvent, ok, respond, response};
use crate::support::published::assert_well_behaved;
use crate::support::wait_for;

/// Small waits, so that many attempts fit into a test.
const SHORT_TIMEOUTS: [(&str, &str); 6] = [
    ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "10"),
    ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "40"),
    ("MATCHCAST__PUBLISHER__HOLD_MS", "40"),
    ("MATCHCAST__PUBLISHER__RETRY_AFTER_CAP_MS", "60000"),
    ("MATCHCAST__PUSHER__CONNECT_TIMEOUT_MS", "5000"),
    ("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "5000"),
];

/// Alice sells to Bob through a matchcast whose events go to `provider`.
struct Market {
    app: TestApp,
    seller: Client,
    buyer: Client,
}

impl Market {
    async fn open(database: &Database, provider: &Provider, more: &[(&str, &str)]) -> Self {
        let variables = provider.variables();
        let given = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<(&str, &str)> =
            given.chain(SHORT_TIMEOUTS).chain(more.iter().copied()).collect();
        let app = TestApp::start_with(database, &all).await;
        let (seller, buyer) = (app.log_in("alice").await, app.log_in("bob").await);
        Self { app, seller, buyer }
    }

    /// Each trade is two orders that must be answered. Gives the trades' ids.
    async fn trade(&self, count: usize) -> Vec<i64> {
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            self.seller.place("BTC", "sell", "10", "0.001").await.data();
            let bought = self.buyer.place("BTC", "buy", "10", "0.001").await.data();
            ids.push(bought["trade"]["id"].as_i64().expect("they meet"));
        }
        ids
    }

    fn channels(&self) -> [String; 2] {
        [&self.seller, &self.buyer].map(|person| format!("private-user.{}", person.user_id))
    }
}

async fn until_calls(provider: &Provider, count: usize) {
    wait_for(&format!("{count} calls"), || async {
        (provider.posts().len() >= count).then_some(())
    })
    .await;
}

/// Waits until every event is delivered or a dead letter.
pub async fn wait_until_outbox_empty(database: &Database) {
    wait_for("an empty outbox", || async { (database.pending_count() == 0).then_some(()) }).await;
}

/// Both parties hear of each trade once, in the order of the trades.
fn assert_received_in_order(received: &[ReceivedEvent], channels: &[String], trades: &[i64]) {
    for channel in channels {
        let on_it: Vec<&ReceivedEvent> =
            received.iter().filter(|event| event.channel == *channel).collect();
        let ids: Vec<i64> = on_it.iter().map(|event| event.trade_id).collect();
        assert_eq!(ids, trades, "{channel}");
        let distinct: BTreeSet<&str> = on_it.iter().map(|event| event.event_id.as_str()).collect();
        assert_eq!(distinct.len(), trades.len(), "{channel}");
    }
    assert_eq!(received.len(), channels.len() * trades.len());
}

/// Failures of the whole destination. Every event is kept and delivered afterwards.
fn troubles() -> Vec<(&'static str, Action)> {
    let half_an_answer = "HTTP/1.1 500 Internal Server Er".to_owned();
    vec![
        ("500", respond("500 Internal Server Error", "oops")),
        ("503", respond("503 Service Unavailable", "")),
        ("429", respond("429 Too Many Requests", "slow down")),
        ("closed", Action::Close),
        ("reset", Action::Reset),
        ("half an answer", Action::RespondAndClose(half_an_answer)),
        ("garbage", Action::RespondAndClose("SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned())),
        (
            "401",
            respond("401 Unauthorized", "Invalid signature: you should have sent something else"),
        ),
        ("403", respond("403 Forbidden", "The app is disabled")),
        ("400 for everything", respond("400 Bad Request", "Unknown auth_key")),
        ("404 for everything", respond("404 Not Found", "No app with this id")),
        (
            "a redirect",
            Action::Respond(response("302 Found", &["Location: http://127.0.0.1:1/"], "")),
        ),
    ]
}

on_both! {
    async fn events_are_kept_during_an_outage_and_delivered_in_order(database: Database) {
        let provider = Provider::start().await;
        let market = Market::open(&database, &provider, &[]).await;
        let mut trades = Vec::new();
        for (name, action) in troubles() {
            provider.always(action);
            let failed_before = provider.posts().len();
            trades.extend(market.trade(3).await);
            until_calls(&provider, failed_before + 2).await;
            trades.extend(market.trade(1).await);
            assert_eq!(database.pending_count(), 8, "{name}: everything is kept");
            assert_eq!(database.dead_letters(), [], "{name}: no dead letter");
            provider.accept_all();
            wait_until_outbox_empty(&database).await;
            assert_received_in_order(&provider.received(), &market.channels(), &trades);
        }
        assert_well_behaved(&provider);
        market.app.stop();
        database.audit();
    }

    async fn events_of_an_unreachable_provider_are_delivered_when_it_listens(database: Database) {
        let mut provider = Provider::down();
        let market = Market::open(&database, &provider, &[]).await;
        let mut trades = market.trade(15).await;
        assert_eq!(database.pending_count(), 30);
        provider.listen();
        wait_until_outbox_empty(&database).await;
        trades.extend(market.trade(1).await);
        wait_until_outbox_empty(&database).await;
        assert_received_in_order(&provider.received(), &market.channels(), &trades);
        assert_well_behaved(&provider);
        market.app.stop();
        database.audit();
    }

    async fn orders_are_accepted_while_a_request_hangs(database: Database) {
        let provider = Provider::start().await;
        let patience = [("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "14000")];
        let market = Market::open(&database, &provider, &patience).await;
        provider.always(Action::Hang);
        let mut trades = market.trade(1).await;
        // One for each of them: their channels are in different lanes.
        wait_for("calls that hang", || async { (provider.hanging() == 2).then_some(()) }).await;
        // Each of these is answered while those calls have no answer, and no other call is made.
        trades.extend(market.trade(20).await);
        assert_eq!((provider.hanging(), provider.posts().len()), (2, 2));
        provider.accept_all();
        provider.close_hanging();
        wait_until_outbox_empty(&database).await;
        assert_received_in_order(&provider.received(), &market.channels(), &trades);
        assert_well_behaved(&provider);
        market.app.stop();
        database.audit();
    }

    async fn a_request_that_takes_too_long_is_sent_again(database: Database) {
        let provider = Provider::start().await;
        let mut to_hang = 3;
        provider.on_request(move |_| {
            if to_hang == 0 {
                return Action::Respond(ok());
            }
            to_hang -= 1;
            Action::Hang
        });
        let hurry = [("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", "500")];
        let market = Market::open(&database, &provider, &hurry).await;
        market.trade(4).await;
        wait_until_outbox_empty(&database).await;
        market.app.stop();
        // On a busy machine a good answer may come too late as well: then an event comes twice.
        assert_published(&database, &provider);
        assert!(provider.posts().len() > 3);
        database.audit();
    }

    async fn a_slow_provider_gets_one_request_per_lane_at_a_time(database: Database) {
        let provider = Provider::start().await;
        provider.always(Action::RespondWhenReleased(ok()));
        let market = Market::open(&database, &provider, &[]).await;
        let trades = market.trade(30).await;
        provider.always(Action::RespondAfter(Duration::from_millis(30), ok()));
        provider.release();
        wait_until_outbox_empty(&database).await;
        assert_received_in_order(&provider.received(), &market.channels(), &trades);
        assert_well_behaved(&provider);
        let fullest = provider.posts().iter().map(|call| call.events.len()).max();
        assert_eq!(fullest, Some(10), "pending events are sent together");
        market.app.stop();
        database.audit();
    }

    async fn connections_that_were_closed_while_idle_cost_nothing(database: Database) {
        let provider = Provider::start().await;
        provider.always(Action::RespondAndClose(ok()));
        // An attempt that fails would wait for longer than this test.
        let never = [
            ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", "600000"),
            ("MATCHCAST__PUBLISHER__BACKOFF_CAP_MS", "600000"),
        ];
        let market = Market::open(&database, &provider, &never).await;
        let mut trades = Vec::new();
        for _ in 0..6 {
            trades.extend(market.trade(2).await);
            wait_until_outbox_empty(&database).await;
        }
        assert_received_in_order(&provider.received(), &market.channels(), &trades);
        assert_well_behaved(&provider);
        market.app.stop();
        database.audit();
    }

    async fn retry_after_is_honoured(database: Database) {
        const ASKED: Duration = Duration::from_secs(2);
        let provider = Provider::start().await;
        let mut first = true;
        provider.on_request(move |_| {
            let status = "429 Too Many Requests";
            let refuse = std::mem::replace(&mut first, false);
            Action::Respond(if refuse { response(status, &["Retry-After: 2"], "") } else { ok() })
        });
        // With one lane, the second call is the one that has waited.
        let one_lane = [("MATCHCAST__PUBLISHER__LANES", "1")];
        let market = Market::open(&database, &provider, &one_lane).await;
        let trades = market.trade(3).await;
        wait_until_outbox_empty(&database).await;
        let calls = provider.posts();
        let waited = calls[1].at - calls[0].at;
        // The wait begins when the answer is read, so it can only seem longer from here.
        assert!(waited >= ASKED, "{waited:?}");
        assert_ne!(calls[0].signature, calls[1].signature, "signed anew");
        assert_ne!(calls[0].timestamp, calls[1].timestamp);
        assert_received_in_order(&provider.received(), &market.channels(), &trades);
        assert_well_behaved(&provider);
        market.app.stop();
        database.audit();
    }

    async fn only_the_unacceptable_event_becomes_a_dead_letter(database: Database) {
        let refusals = [
            // Which trade's event is the bad one: the first of all, or a later one.
            (0, "413 Payload Too Large", "too big"),
            (2, "422 Unprocessable", "no"),
            (0, "400 Bad Request", "malformed"),
            (5, "404 Not Found", "no such channel"),
        ];
        for (number, (position, status, body)) in refusals.into_iter().enumerate() {
            let provider = Provider::start().await;
            provider.always(Action::Close);
            let market = Market::open(&database, &provider, &[]).await;
            let trades = market.trade(6).await;
            let bad = trades[position];
            let channel = market.channels()[number % 2].clone();
            let on = channel.clone();
            provider.on_request(move |call| {
                let is_bad = |event: &ReceivedEvent| event.trade_id == bad && event.channel == on;
                let refused = call.events.iter().any(is_bad);
                if refused { respond(status, body) } else { Action::Respond(ok()) }
            });
            wait_until_outbox_empty(&database).await;

            let dead_letters = database.dead_letters();
            let code = status.split(' ').next().unwrap_or_default();
            assert_eq!(dead_letters.len(), number + 1, "{dead_letters:?}");
            assert_eq!(dead_letters[number], (channel.clone(), format!("{code} {body}")));
            let all: Vec<ReceivedEvent> = provider.received();
            assert_eq!(all.len(), 11);
            for name in market.channels() {
                let expected: Vec<i64> =
                    trades.iter().copied().filter(|id| name != channel || *id != bad).collect();
                let ids = all.iter().filter(|event| event.channel == name).map(|e| e.trade_id);
                assert_eq!(ids.collect::<Vec<_>>(), expected, "{name}");
            }
            assert_well_behaved(&provider);
            market.app.stop();
            database.audit();
        }
    }

    async fn a_wrong_key_is_diagnosed_in_few_requests(database: Database) {
        let mut provider = Provider::down();
        let market = Market::open(&database, &provider, &[]).await;
        market.trade(30).await;
        market.app.stop();

        provider.always(respond("400 Bad Request", "Unknown auth_key"));
        provider.listen();
        // With more lanes, as many calls more may be under way when the first one is refused.
        let hold =
            [("MATCHCAST__PUBLISHER__HOLD_MS", "600000"), ("MATCHCAST__PUBLISHER__LANES", "1")];
        let market = Market::open(&database, &provider, &hold).await;
        // Its last call before it holds asks what is wrong.
        wait_for("the question", || async { (provider.get_count() == 1).then_some(()) }).await;
        let calls = provider.posts().len();
        assert!(calls <= 11, "{calls} calls: ten events together, then each alone, tell enough");
        market.trade(3).await;
        assert_eq!((provider.posts().len(), database.pending_count()), (calls, 66));
        assert_eq!(database.dead_letters(), []);
        market.app.stop();
        database.audit();
    }

    async fn a_configuration_that_is_corrected_meanwhile_costs_no_event(database: Database) {
        let provider = Provider::start().await;
        provider.always(Action::Close);
        let one_lane = [("MATCHCAST__PUBLISHER__LANES", "1")];
        let market = Market::open(&database, &provider, &one_lane).await;
        let trades = market.trade(3).await;
        // The events together and the first one alone are refused, everything after that passes.
        let mut refusals = 2;
        provider.on_request(move |call| {
            if refusals == 0 || call.method == "GET" {
                return Action::Respond(ok());
            }
            refusals -= 1;
            respond("404 Not Found", "No app with this id")
        });
        wait_until_outbox_empty(&database).await;
        assert_eq!(database.dead_letters(), []);
        assert_received_in_order(&provider.received(), &market.channels(), &trades);
        market.app.stop();
        database.audit();
    }
}
