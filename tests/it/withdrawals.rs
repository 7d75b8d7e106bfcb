//! Withdrawals: requested by users, settled by administrators, each once.

use diesel::prelude::*;
use matchcast::store::admin_tokens::AdminAbility::{Funds, Read, Users};
use matchcast::store::schema::outbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_deposits::without_delivery;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::{admin, process, rounds, run_concurrently};

const TERMS: &str = r#"
[[withdrawals]]
asset = "USD"
min = "10"
fee = "1.5"
daily_limit = "500"
"#;

pub async fn request(client: &Client, asset: &str, amount: &str) -> Response {
    let body = json!({ "asset": asset, "amount": amount, "destination": "a bank account" });
    client.post("/api/withdrawals", &body.to_string()).await
}

/// Requests a withdrawal of bitcoins, which have no terms; returns its id.
async fn requested(client: &Client, amount: &str) -> i64 {
    let response = request(client, "BTC", amount).await;
    assert_eq!(response.status, 201, "{}", response.body);
    response.data()["id"].as_i64().unwrap()
}

async fn end(administrator: &Client, id: i64, how: &str) -> Response {
    administrator.post(&format!("/api/admin/withdrawals/{id}/{how}"), "{}").await
}

async fn cancel(client: &Client, id: i64) -> Response {
    client.post(&format!("/api/withdrawals/{id}/cancel"), "").await
}

/// Available and locked.
async fn balance(client: &Client, currency: &str) -> (String, String) {
    let balances = client.get("/api/balances").await.data();
    let balances = balances.as_array().unwrap().clone();
    let own = balances.iter().find(|balance| balance["currency"] == currency).unwrap().clone();
    (own["available"].to_string(), own["locked"].to_string())
}

fn pair(available: &str, locked: &str) -> (String, String) {
    (available.to_owned(), locked.to_owned())
}

async fn start_two(database: &Database) -> [Process; 2] {
    [Process::start(database, &[]).await, Process::start(database, &[]).await]
}

on_both! {
    async fn a_withdrawal_is_locked_and_then_settled(database: Database) {
        let app = TestApp::start_from(&database, &[], Some(TERMS)).await;
        let bob = app.log_in("bob").await;
        let (payments, auditor) = (
            admin::client(&app, &database, &[Funds]), admin::client(&app, &database, &[Read]),
        );
        let requested = request(&bob, "USD", "100").await;
        assert_eq!(requested.status, 201, "{}", requested.body);
        let pending = requested.data();
        assert_eq!(pending, json!({
            "id": 1, "user_id": 2, "asset": "USD", "amount": 100, "fee": 1.5, "net_amount": 98.5,
            "destination": "a bank account", "status": "pending", "reference": null,
            "created_at": pending["created_at"], "ended_at": null,
        }));
        assert_eq!(balance(&bob, "USD").await, pair("9900", "100"));
        assert_eq!(bob.get("/api/withdrawals/1").await.data(), pending);
        database.audit();

        let body = r#"{"reference":"SEPA 8","note":"in time"}"#;
        let headers = [("content-type", "application/json"), ("x-request-id", "from-the-bank")];
        let path = "/api/admin/withdrawals/1/complete";
        let completed = payments.send(Method::POST, path, &headers, body.into()).await;
        assert_eq!(completed.status, 200, "{}", completed.body);
        let completed = completed.data();
        assert_eq!(completed["status"], "completed");
        assert_eq!(completed["reference"], "SEPA 8");
        assert_eq!(completed["note"], "in time");
        assert!(completed["ended_at"].is_string() && completed["token_id"].is_i64());
        assert_eq!(balance(&bob, "USD").await, pair("9900", "0"));
        assert_eq!(auditor.get("/api/admin/withdrawals").await.data(), json!([completed]));
        // What is only for administrators is not shown to the user.
        let own = bob.get("/api/withdrawals").await.data()[0].clone();
        assert_eq!((&own["reference"], &own["status"]), (&json!("SEPA 8"), &json!("completed")));
        assert!(own.get("note").is_none() && own.get("token_id").is_none());

        let history = bob.get("/api/balance-history?limit=2").await.data();
        for (row, action, debit) in [
            (&history[0], "withdrawal_completed", 0), (&history[1], "withdrawal_requested", 100),
        ] {
            assert_eq!((&row["action"], &row["debit"]), (&json!(action), &json!(debit)), "{row}");
            assert_eq!(row["reference_type"], "Withdrawal");
            assert_eq!((&row["reference_id"], &row["balance"]), (&json!(1), &json!(9900)));
        }
        let act = auditor.get("/api/admin/log?limit=1").await.data()[0].clone();
        assert_eq!(act["action"], "withdrawal.completed");
        assert_eq!(act["token_id"], completed["token_id"]);
        assert_eq!(act["request_id"], "from-the-bank");
        assert_eq!(act["before"], json!({ "status": "pending", "available": "9900" }));
        assert_eq!(act["after"]["status"], "completed");
        database.audit();
        app.stop();
    }

    async fn each_change_is_an_event_for_its_user(database: Database) {
        database.number_consecutively();
        let (app, _provider) = without_delivery(&database).await;
        let bob = app.log_in("bob").await;
        let payments = admin::client(&app, &database, &[Funds]);
        let (first, second) = (requested(&bob, "0.1").await, requested(&bob, "0.2").await);
        assert_eq!(end(&payments, first, "reject").await.status, 200);
        assert_eq!(end(&payments, first, "reject").await.status, 200);
        assert_eq!(cancel(&bob, second).await.status, 200);
        let all = outbox::table.select((outbox::channel, outbox::name, outbox::data));
        let all: Vec<(String, String, String)> =
            all.order(outbox::id).load(&mut database.connect()).unwrap();
        let of_withdrawals = all.iter().filter(|(_, name, _)| name == "withdrawal.updated");
        let ids: Vec<String> = of_withdrawals
            .map(|(channel, _, data)| {
                assert_eq!(channel, "private-user.2");
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(data["destination"], "a bank account");
                data["event_id"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(ids, [
            "withdrawal.updated-1-pending", "withdrawal.updated-2-pending",
            "withdrawal.updated-1-rejected", "withdrawal.updated-2-cancelled",
        ]);
        app.stop();
    }

    async fn a_withdrawal_ends_once(database: Database) {
        let app = TestApp::start(&database).await;
        let bob = app.log_in("bob").await;
        let payments = admin::client(&app, &database, &[Funds]);
        for (how, available, locked) in
            [("complete", "0.9", "0"), ("reject", "0.9", "0"), ("cancel", "0.9", "0")]
        {
            let id = requested(&bob, "0.1").await;
            let first = match how {
                "cancel" => cancel(&bob, id).await,
                how => end(&payments, id, how).await,
            };
            assert_eq!(first.status, 200, "{how}: {}", first.body);
            let after = balance(&bob, "BTC").await;
            for again in ["complete", "reject", "cancel"] {
                let second = match again {
                    "cancel" => cancel(&bob, id).await,
                    again => end(&payments, id, again).await,
                };
                if again == how {
                    assert_eq!((second.status, second.data()), (200, first.data()), "{how}");
                } else {
                    let refused = (409, "withdrawal_not_pending".to_owned());
                    assert_eq!(second.refusal(), refused, "{how}, then {again}");
                }
            }
            assert_eq!(balance(&bob, "BTC").await, after, "{how}");
            assert_eq!(after, pair(available, locked), "{how}");
        }
        database.audit();
        app.stop();
    }

    async fn a_withdrawal_is_its_users_own(database: Database) {
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let id = requested(&bob, "0.1").await;
        let unknown = (404, "withdrawal_not_found".to_owned());
        assert_eq!(cancel(&alice, id).await.refusal(), unknown);
        assert_eq!(alice.get(&format!("/api/withdrawals/{id}")).await.refusal(), unknown);
        assert_eq!(cancel(&alice, 99).await.refusal(), unknown);
        assert_eq!(alice.get("/api/withdrawals").await.data(), json!([]));
        let payments = admin::client(&app, &database, &[Funds]);
        assert_eq!(end(&payments, 99, "complete").await.refusal(), unknown);
        assert_eq!(balance(&bob, "BTC").await, pair("0.9", "0.1"));
        app.stop();
    }

    async fn the_terms_of_an_asset_apply(database: Database) {
        let app = TestApp::start_from(&database, &[], Some(TERMS)).await;
        let bob = app.log_in("bob").await;
        let payments = admin::client(&app, &database, &[Funds]);
        let small = request(&bob, "USD", "9.99").await;
        assert_eq!(small.status, 422, "{}", small.body);
        let text = json!(["The amount field must be at least 10."]);
        assert_eq!(small.json()["errors"]["amount"], text);
        let limit = (400, "withdrawal_limit".to_owned());
        assert_eq!(request(&bob, "USD", "500.01").await.refusal(), limit);
        let id = |response: Response| response.data()["id"].as_i64().unwrap();
        let first = id(request(&bob, "USD", "300").await);
        let second = id(request(&bob, "USD", "200").await);
        assert_eq!(request(&bob, "USD", "10").await.refusal(), limit);
        // What is rejected does not count, and what was completed does.
        assert_eq!(end(&payments, first, "complete").await.status, 200);
        assert_eq!(request(&bob, "USD", "10").await.refusal(), limit);
        assert_eq!(end(&payments, second, "reject").await.status, 200);
        assert_eq!(request(&bob, "USD", "200").await.status, 201);
        // What is older than a day does not count.
        let long_ago = "UPDATE withdrawals SET created_at = '2020-01-01 00:00:00' WHERE status = 2";
        database.execute(long_ago);
        assert_eq!(request(&bob, "USD", "300").await.status, 201);
        // Bitcoins have no terms.
        assert_eq!(request(&bob, "BTC", "0.00000001").await.status, 201);
        let funds = (400, "insufficient_funds".to_owned());
        assert_eq!(request(&bob, "BTC", "1").await.refusal(), funds);
        database.audit();
        app.stop();
    }

    async fn invalid_withdrawals_change_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let bob = app.log_in("bob").await;
        for (field, values) in [
            ("asset", vec![json!(null), json!("DOGE"), json!(7)]),
            ("amount", vec![json!(null), json!(0), json!("-1"), json!("0.000000001"), json!("x")]),
            ("destination", vec![json!(null), json!(" "), json!(7), json!("a\nb"),
                json!("x".repeat(256))]),
        ] {
            for value in values {
                let mut body = json!({ "asset": "BTC", "amount": "0.1", "destination": "a bank" });
                body[field] = value.clone();
                let refused = bob.post("/api/withdrawals", &body.to_string()).await;
                let case = format!("{field} {value}: {}", refused.body);
                assert_eq!(refused.status, 422, "{case}");
                let errors = refused.json()["errors"].clone();
                let fields: Vec<&String> = errors.as_object().unwrap().keys().collect();
                assert_eq!(fields, [field], "{case}");
            }
        }
        assert_eq!(balance(&bob, "BTC").await, pair("1", "0"));
        app.stop();
    }

    async fn a_frozen_user_cannot_withdraw_and_a_pending_withdrawal_can_end(database: Database) {
        let long_cache = [("MATCHCAST__AUTH__CACHE_SECONDS", "600")];
        let app = TestApp::start_with(&database, &long_cache).await;
        // The other process does not know yet that the token is not valid.
        let other = TestApp::start_with(&database, &long_cache).await;
        let bob = app.log_in("bob").await.at(other.address);
        let pending = requested(&bob, "0.1").await;
        let second = requested(&bob, "0.1").await;
        let administrator = admin::client(&app, &database, &[Funds, Users]);
        let close = administrator.post("/api/admin/users/2/close", "{}").await;
        assert_eq!(close.refusal(), (409, "account_not_empty".to_owned()));
        assert_eq!(administrator.post("/api/admin/users/2/freeze", "{}").await.status, 200);
        let frozen = (403, "account_frozen".to_owned());
        assert_eq!(request(&bob, "BTC", "0.1").await.refusal(), frozen);
        assert_eq!(end(&administrator, pending, "complete").await.status, 200);
        assert_eq!(end(&administrator, second, "reject").await.status, 200);
        database.audit();
        app.stop();
        other.stop();
    }

    /// Over two processes: exactly one end is accepted, and it is the one that has happened.
    async fn one_of_several_ends_at_the_same_instant_wins(database: Database) {
        let processes = start_two(&database).await;
        let bob = processes[0].log_in("bob").await;
        let (_, token) = admin::create(&database, &admin::new_token(&[Funds]));
        for round in 0..rounds(4) {
            let id = requested(&bob, "0.1").await;
            let hows = ["complete", "reject", "cancel"].into_iter().cycle().take(24).enumerate();
            let calls = hows.map(|(number, how)| {
                let mut client = bob.at(processes[number % 2].address);
                if how != "cancel" {
                    client.token = Some(token.clone());
                }
                async move {
                    match how {
                        "cancel" => (how, cancel(&client, id).await),
                        how => (how, end(&client, id, how).await),
                    }
                }
            });
            let responses = run_concurrently(calls).await;
            let mut accepted: Vec<&str> = Vec::new();
            for (how, response) in &responses {
                assert!([200, 409].contains(&response.status), "{how}: {}", response.body);
                accepted.extend((response.status == 200).then_some(*how));
            }
            accepted.dedup();
            accepted.sort_unstable();
            accepted.dedup();
            let [winner] = accepted.as_slice() else { panic!("round {round}: {accepted:?}") };
            let stored = bob.get(&format!("/api/withdrawals/{id}")).await.data();
            let word = match *winner {
                "complete" => "completed",
                "reject" => "rejected",
                _ => "cancelled",
            };
            assert_eq!(stored["status"], word, "round {round}");
        }
        database.audit();
        for process in processes {
            process.stop().await;
        }
    }

    async fn requests_at_the_same_instant_withdraw_no_more_than_there_is(database: Database) {
        let processes = start_two(&database).await;
        let bob = processes[0].log_in("bob").await;
        let calls = (0..32).map(|number| {
            let client = bob.at(processes[number % 2].address);
            async move { request(&client, "BTC", "0.15").await.status }
        });
        let statuses = run_concurrently(calls).await;
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 6, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 26, "{statuses:?}");
        assert_eq!(balance(&bob, "BTC").await, pair("0.1", "0.9"));
        database.audit();
        for process in processes {
            process.stop().await;
        }
    }

    async fn the_command_lists_and_ends_withdrawals(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let bob = app.log_in("bob").await;
        for _ in 0..2 {
            requested(&bob, "0.1").await;
        }
        let run = async |arguments: &str| process::run(arguments, &database.url, &[]).await;
        let (code, _) = run("withdrawals complete 1 --reference SEPA-8").await;
        assert_eq!(code, 0);
        let (code, _) = run("withdrawals complete 1").await;
        assert_eq!(code, 0, "again");
        let (code, output) = run("withdrawals reject 1").await;
        assert_eq!(code, 1, "{output}");
        assert!(output.contains("withdrawal 1 is completed; nothing was changed"), "{output}");
        let (code, output) = run("withdrawals reject 2 --json").await;
        assert_eq!(code, 0, "{output}");
        let (code, output) = run("withdrawals reject 99").await;
        assert!(code == 1 && output.contains("there is no withdrawal 99"), "{output}");
        let (code, output) = run("withdrawals list --status completed").await;
        assert!(code == 0 && output.contains("a bank account"), "{output}");
        assert!(!output.contains("rejected"), "{output}");
        assert_eq!(balance(&bob, "BTC").await, pair("0.9", "0"));
        database.audit();
        app.stop();
    }

    /// Their accounts collect commission and fees.
    async fn house_users_cannot_log_in(database: Database) {
        let app = TestApp::start(&database).await;
        for email in ["house.btc@matchcast.invalid", "withdrawals@matchcast.invalid"] {
            for password in ["", "password", "null"] {
                let body = json!({ "email": email, "password": password });
                let response = app.visitor().post("/api/login", &body.to_string()).await;
                assert_eq!(response.status, 422, "{password:?}: {}", response.body);
            }
        }
        app.stop();
    }
}
