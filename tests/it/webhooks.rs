//! Webhooks: which events are posted where, how they are signed, and what happens when a receiver
//! fails.

use std::time::Duration;

use matchcast::store::now;
use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::receiver::{Received, Receiver};
use crate::support::{process, wait_for};

const NOT_PRIVATE: (&str, &str) = ("MATCHCAST__WEBHOOKS__ALLOW_PRIVATE", "false");

/// Registers the receiver for these events; returns the webhook's id and secret.
async fn register(client: &Client, receiver: &Receiver, events: &[&str]) -> (i64, String) {
    let body = json!({ "url": receiver.url(), "events": events }).to_string();
    let response = client.post("/api/webhooks", &body).await;
    assert_eq!(response.status, 201, "{}", response.body);
    let data = response.data();
    let secret = data["secret"].as_str().unwrap().to_owned();
    (data["webhook"]["id"].as_i64().unwrap(), secret)
}

async fn delete(client: &Client, path: &str) -> u16 {
    client.send(Method::DELETE, path, &[], Vec::new()).await.status
}

/// Trades 0.01 BTC at 100 between bob and alice.
async fn trade(alice: &Client, bob: &Client) {
    bob.place("BTC", "sell", "100", "0.01").await.data();
    alice.place("BTC", "buy", "100", "0.01").await.data();
}

/// Waits until at least this many requests have arrived.
async fn arrived(receiver: &Receiver, count: usize) -> Vec<Received> {
    wait_for("requests at the receiver", || async {
        let received = receiver.received();
        (received.len() >= count).then_some(received)
    })
    .await
}

/// Waits until the newest message of a webhook is as `is_wanted` says.
async fn newest(client: &Client, id: i64, is_wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("the log of the webhook", || async {
        let log = client.get(&format!("/api/webhooks/{id}/messages")).await.data();
        Some(log[0].clone()).filter(|message| is_wanted(message))
    })
    .await
}

async fn webhook(client: &Client, id: i64) -> Value {
    client.get(&format!("/api/webhooks/{id}")).await.data()["webhook"].clone()
}

on_both! {
    async fn the_events_of_a_user_are_posted_and_signed(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let receiver = Receiver::start().await;
        let (id, secret) =
            register(&alice, &receiver, &["order.matched", "balance.updated"]).await;
        trade(&alice, &bob).await;
        // One trade, and alice's two accounts; nothing of bob's.
        let received = arrived(&receiver, 3).await;
        let types: Vec<Value> = received.iter().map(|one| one.json()["type"].clone()).collect();
        assert_eq!(types.iter().filter(|name| **name == "order.matched").count(), 1, "{types:?}");
        for one in &received {
            assert!(one.is_signed_with(&secret), "{one:?}");
            assert_eq!(one.signatures.len(), 1);
            let age = now().and_utc().timestamp() - one.timestamp.parse::<i64>().unwrap();
            assert!((0..60).contains(&age), "{age} s");
            assert_eq!(one.json()["user_id"], 1, "{}", one.body);
        }
        let matched = received.iter().find(|one| one.json()["type"] == "order.matched").unwrap();
        assert_eq!(matched.json()["data"]["trade_id"], 1, "{}", matched.body);
        let delivered = newest(&alice, id, |message| message["status"] == "delivered").await;
        assert_eq!(delivered["attempts"], 1);
        assert_eq!(delivered["response_status"], 200);
        assert_eq!(webhook(&alice, id).await["status"], "active");

        assert_eq!(delete(&alice, &format!("/api/webhooks/{id}")).await, 200);
        assert_eq!(delete(&alice, &format!("/api/webhooks/{id}")).await, 404);
        trade(&alice, &bob).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(receiver.received().len(), 3, "a deleted webhook gets nothing");
        app.stop();
        database.audit();
    }

    async fn a_webhook_is_its_users_and_its_fields_are_checked(database: Database) {
        let app = TestApp::start_with(&database, &[NOT_PRIVATE]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let create = |client: &Client, body: Value| {
            let client = client.clone();
            async move { client.post("/api/webhooks", &body.to_string()).await }
        };
        for (body, field, text) in [
            (json!({ "events": ["order.matched"] }), "url", "required"),
            (json!({ "url": 5, "events": ["order.matched"] }), "url", "string"),
            (json!({ "url": "https://example.com" }), "events", "required"),
            (json!({ "url": "https://example.com", "events": [] }), "events", "list"),
            (json!({ "url": "https://example.com", "events": "order.matched" }), "events", "list"),
            (json!({ "url": "https://example.com", "events": ["x"] }), "events", "order.matched"),
            (json!({ "url": "https://example.com", "events": ["trade.executed"] }), "events",
                "list of: order.matched"),
            (json!({ "url": "http://example.com", "events": ["order.matched"] }), "url", "https"),
            (json!({ "url": "https://169.254.169.254/", "events": ["order.matched"] }), "url",
                "public"),
            (json!({ "url": "https://[::ffff:127.0.0.1]/", "events": ["order.matched"] }), "url",
                "public"),
            (json!({ "url": "https://localhost/", "events": ["order.matched"] }), "url", "public"),
            (json!({ "url": "https://a:b@example.com", "events": ["order.matched"] }), "url",
                "password"),
        ] {
            let response = create(&alice, body.clone()).await;
            assert_eq!(response.status, 422, "{body}: {}", response.body);
            let error = response.json()["errors"][field][0].as_str().unwrap_or_default().to_owned();
            assert!(error.contains(text), "{body}: {}", response.body);
        }
        let good = json!({ "url": "https://example.com/a", "events": ["order.matched"] });
        let id = create(&alice, good.clone()).await.data()["webhook"]["id"].clone();
        let listed = alice.get("/api/webhooks").await;
        assert_eq!(listed.data()[0]["url"], "https://example.com/a");
        assert!(!listed.body.contains("whsec_"), "a secret is shown once");
        assert_eq!(bob.get("/api/webhooks").await.data(), json!([]));
        for path in ["", "/messages"] {
            assert_eq!(bob.get(&format!("/api/webhooks/{id}{path}")).await.status, 404);
        }
        for path in ["enable", "rotate-secret", "replay"] {
            let response = bob.post(&format!("/api/webhooks/{id}/{path}"), "{}").await;
            assert_eq!(response.status, 404, "{path}: {}", response.body);
        }
        assert_eq!(delete(&bob, &format!("/api/webhooks/{id}")).await, 404);
        assert_eq!(alice.get("/api/webhooks/x").await.status, 404);
        let path = format!("/api/webhooks/{id}/messages?cursor=x");
        assert_eq!(alice.get(&path).await.json()["errors"]["cursor"][0],
            "The cursor field is invalid.");
        let replay = alice.post(&format!("/api/webhooks/{id}/replay"), "{}").await;
        assert!(replay.json()["errors"]["from"].is_array(), "{}", replay.body);

        for _ in 0..9 {
            create(&alice, good.clone()).await.data();
        }
        let refused = create(&alice, good).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("too_many_webhooks")));
        app.stop();
    }

    async fn messages_are_listed_in_pages(database: Database) {
        let receiver = Receiver::start().await;
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let (id, _) = register(&alice, &receiver, &["order.matched"]).await;
        for _ in 0..5 {
            trade(&alice, &bob).await;
        }
        let path = format!("/api/webhooks/{id}/messages");
        let ids = |response: &Response| {
            let rows = response.data().as_array().unwrap().clone();
            rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all = ids(&alice.get(&path).await);
        assert_eq!(all.len(), 5);
        let (mut page, mut listed) = (alice.get(&format!("{path}?limit=2")).await, Vec::new());
        loop {
            let rows = ids(&page);
            assert!(rows.len() <= 2, "{rows:?}");
            listed.extend(rows);
            match alice.next_page(&path, &page).await {
                Some(next) => page = next,
                None => break,
            }
        }
        assert_eq!(listed, all);
        let none = alice.get(&format!("{path}?to=2020-01-01T00:00:00Z")).await;
        assert_eq!(ids(&none), Vec::<String>::new());
        app.stop();
    }

    async fn a_webhook_is_created_once_per_idempotency_key(database: Database) {
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        let send = |url: &'static str| {
            let headers = [("idempotency-key", "one"), ("content-type", "application/json")];
            let body = json!({ "url": url, "events": ["order.matched"] }).to_string();
            let alice = alice.clone();
            async move {
                alice.send(Method::POST, "/api/webhooks", &headers, body.into_bytes()).await
            }
        };
        let first = send("https://example.com/a").await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
        let again = send("https://example.com/a").await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let other = send("https://example.com/b").await;
        assert_eq!((other.status, &other.json()["code"]), (422, &json!("idempotency_key_reused")));
        assert_eq!(alice.get("/api/webhooks").await.data().as_array().unwrap().len(), 1);
        app.stop();
    }

    async fn a_failed_message_is_posted_again_with_the_same_id(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let (failing, healthy) = (Receiver::start().await, Receiver::start().await);
        failing.respond_with(503);
        let (id, secret) = register(&alice, &failing, &["order.matched"]).await;
        register(&bob, &healthy, &["order.matched"]).await;
        trade(&alice, &bob).await;
        let first = arrived(&failing, 1).await.remove(0);
        arrived(&healthy, 1).await;
        let failed = newest(&alice, id, |message| message["attempts"] == 1).await;
        assert_eq!(failed["status"], "pending");
        assert_eq!(failed["response_status"], 503);
        assert_eq!(failed["error"], "The receiver responded with 503.");
        assert_eq!(webhook(&alice, id).await["status"], "failing");

        failing.respond_with(200);
        let second = arrived(&failing, 2).await.remove(1);
        assert_eq!((&second.id, &second.body), (&first.id, &first.body));
        assert!(second.is_signed_with(&secret), "at its own time");
        newest(&alice, id, |message| message["status"] == "delivered").await;
        assert_eq!(webhook(&alice, id).await["status"], "active");
        app.stop();
    }

    async fn redirects_are_not_followed(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
        receiver.redirect_to(&elsewhere.url());
        let (id, _) = register(&alice, &receiver, &["order.matched"]).await;
        trade(&alice, &bob).await;
        let failed = newest(&alice, id, |message| message["attempts"] == 1).await;
        assert_eq!(failed["response_status"], 302);
        assert!(failed["error"].as_str().unwrap().contains("not followed"), "{failed}");
        assert_eq!(elsewhere.received().len(), 0);
        app.stop();
    }

    async fn nothing_is_posted_to_a_private_address_unless_it_is_allowed(database: Database) {
        let allowing = TestApp::start(&database).await;
        let (alice, bob) = (allowing.log_in("alice").await, allowing.log_in("bob").await);
        let receiver = Receiver::start().await;
        let (id, _) = register(&alice, &receiver, &["order.matched"]).await;
        allowing.stop();

        // The rule is the one of the process that posts.
        let app = TestApp::start_with(&database, &[NOT_PRIVATE]).await;
        let (alice, bob) = (alice.at(app.address), bob.at(app.address));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        trade(&alice, &bob).await;
        let failed = newest(&alice, id, |message| message["attempts"] == 1).await;
        assert_eq!(failed["response_status"], Value::Null);
        assert_eq!(receiver.received().len(), 0);
        app.stop();
    }

    async fn a_receiver_that_is_gone_gets_nothing_until_it_is_enabled(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let receiver = Receiver::start().await;
        receiver.respond_with(410);
        let from = now();
        let (id, _) = register(&alice, &receiver, &["order.matched"]).await;
        trade(&alice, &bob).await;
        let disabled = wait_for("the webhook is disabled", || async {
            Some(webhook(&alice, id).await).filter(|one| one["status"] == "disabled")
        })
        .await;
        assert!(disabled["disabled_reason"].as_str().unwrap().contains("410"), "{disabled}");
        receiver.respond_with(200);

        let enabled = alice.post(&format!("/api/webhooks/{id}/enable"), "{}").await.data();
        assert_eq!(enabled["webhook"]["status"], "active");
        let from = format!("{}Z", from.format("%FT%T"));
        let replay = json!({ "from": from }).to_string();
        let replayed = alice.post(&format!("/api/webhooks/{id}/replay"), &replay).await.data();
        assert_eq!(replayed["replayed"], 1);
        let received = arrived(&receiver, 2).await;
        assert_eq!(received[0].id, received[1].id);
        newest(&alice, id, |message| message["status"] == "delivered").await;
        let past = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z" });
        let nothing = alice.post(&format!("/api/webhooks/{id}/replay"), &past.to_string()).await;
        assert_eq!(nothing.data()["replayed"], 0);
        app.stop();
    }

    async fn a_replaced_secret_signs_as_well_for_a_while(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let receiver = Receiver::start().await;
        let (id, old) = register(&alice, &receiver, &["order.matched"]).await;
        let path = format!("/api/webhooks/{id}/rotate-secret");
        let new = alice.post(&path, "{}").await.data()["secret"].as_str().unwrap().to_owned();
        assert_ne!(old, new);
        trade(&alice, &bob).await;
        let received = arrived(&receiver, 1).await.remove(0);
        assert_eq!(received.signatures.len(), 2);
        assert!(received.is_signed_with(&old) && received.is_signed_with(&new));
        app.stop();
    }

    async fn the_operator_gets_the_events_of_all_users_once(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let receiver = Receiver::start().await;
        let run = |arguments: String| {
            let url = database.url.clone();
            async move { process::run(&format!("webhook {arguments}"), &url, &[]).await }
        };
        let (exit, output) = run(format!(
            "add {} --event order.matched --event market.updated", receiver.url()
        ))
        .await;
        assert_eq!(exit, 0, "{output}");
        let secret = output.split_whitespace().last().unwrap().to_owned();
        // Until this process has read the subscriptions again.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        trade(&alice, &bob).await;
        let received = arrived(&receiver, 1).await.remove(0);
        assert!(received.is_signed_with(&secret), "{received:?}");
        assert_eq!(received.json()["user_id"], Value::Null, "a trade is nobody's alone");
        let (exit, output) =
            process::run("market BTC cancel_only", &database.url, &[]).await;
        assert_eq!(exit, 0, "{output}");
        let changed = arrived(&receiver, 2).await.remove(1);
        assert_eq!(changed.json()["data"]["status"], "cancel_only", "{}", changed.body);
        assert_eq!(receiver.received().len(), 2, "one message for both counterparties");

        let (exit, output) = run("list".to_owned()).await;
        assert!(exit == 0 && output.contains("order.matched,market.updated"), "{output}");
        assert!(!output.contains("whsec_"), "{output}");
        assert_eq!(alice.get("/api/webhooks").await.data(), json!([]));
        for (arguments, exit, text) in [
            ("remove 1", 0, "webhook 1 was removed"),
            ("remove 1", 1, "there is no webhook 1"),
            ("add https://example.com --event x", 1, "the event must be one of"),
            ("add ftp://example.com --event order.matched", 1, "must begin with https"),
        ] {
            let (found, output) = run(arguments.to_owned()).await;
            assert!(found == exit && output.contains(text), "{arguments}: {found} {output}");
        }
        app.stop();
    }

    async fn a_slow_receiver_delays_no_other_and_two_processes_post_once(database: Database) {
        let (first, second) = (TestApp::start(&database).await, TestApp::start(&database).await);
        let (alice, bob) = (first.log_in("alice").await, second.log_in("bob").await);
        let (slow, fast) = (Receiver::start().await, Receiver::start().await);
        slow.delay_by(Duration::from_secs(3));
        register(&alice, &slow, &["order.matched"]).await;
        register(&bob, &fast, &["order.matched"]).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        for _ in 0..20 {
            trade(&alice, &bob).await;
        }
        arrived(&fast, 20).await;
        assert!(slow.received().len() <= 8, "at most eight at a time");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut ids: Vec<String> = fast.received().into_iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), 20, "each message once");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20);
        first.stop();
        second.stop();
        database.audit();
    }
}
