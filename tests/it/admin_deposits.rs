//! Deposits of administrators: credited once per reference and per idempotency key, with an event,
//! a ledger entry and a row of the log.

use diesel::prelude::*;
use matchcast::store::admin_tokens::AdminAbility::{Funds, Read};
use matchcast::store::schema::outbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::crash::short_timeouts;
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::provider::{Provider, respond};
use crate::support::{admin, process, run_concurrently};

const DEPOSITS: &str = "/api/admin/deposits";

fn payment(reference: &str) -> Value {
    json!({ "user_id": 2, "asset": "BTC", "amount": "0.5", "reference": reference })
}

async fn deposit(client: &Client, body: &Value) -> Response {
    client.post(DEPOSITS, &body.to_string()).await
}

async fn with_key(client: &Client, body: &Value, key: &str) -> Response {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send(Method::POST, DEPOSITS, &headers, body.to_string().into_bytes()).await
}

/// A server whose provider accepts nothing, so that events stay in the outbox.
pub async fn without_delivery(database: &Database) -> (TestApp, Provider) {
    let provider = Provider::start().await;
    provider.always(respond("503 Service Unavailable", ""));
    let variables = short_timeouts(&provider);
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let variables: Vec<_> =
        variables.chain([("MATCHCAST__EVENTS__BALANCE_UPDATED", "true")]).collect();
    (TestApp::start_with(database, &variables).await, provider)
}

/// The payload of the only event, which is `balance.updated` for bob.
fn only_event(database: &Database) -> Value {
    let all = outbox::table.select((outbox::channel, outbox::name, outbox::data));
    let all: Vec<(String, String, String)> = all.load(&mut database.connect()).unwrap();
    let [(channel, name, data)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((channel.as_str(), name.as_str()), ("private-user.2", "balance.updated"));
    serde_json::from_str(data).unwrap()
}

on_both! {
    async fn a_deposit_is_credited_and_recorded(database: Database) {
        let (app, _provider) = without_delivery(&database).await;
        let (bob, payments) = (app.log_in("bob").await, admin::client(&app, &database, &[Funds]));
        let auditor = admin::client(&app, &database, &[Read]);
        assert_eq!(bob.available("BTC").await, "1");
        let body = json!({
            "user_id": "2", "asset": "BTC", "amount": 0.25, "reference": " SEPA 7 ", "note": "Jan",
        });
        let headers = [("content-type", "application/json"), ("x-request-id", "from-the-bank")];
        let body = body.to_string().into_bytes();
        let created = payments.send(Method::POST, DEPOSITS, &headers, body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let data = created.data();
        let token_id = data["token_id"].as_i64().unwrap();
        assert_eq!(data, json!({
            "id": 1, "user_id": 2, "asset": "BTC", "amount": 0.25, "reference": "SEPA 7",
            "note": "Jan", "token_id": token_id, "created_at": data["created_at"],
        }));
        assert_eq!(bob.available("BTC").await, "1.25");

        let entry = bob.get("/api/balance-history?currency=BTC").await.data()[0].clone();
        assert_eq!((&entry["action"], &entry["credit"]), (&json!("deposit"), &json!(0.25)));
        assert_eq!((&entry["balance"], &entry["reference_id"]), (&json!(1.25), &Value::Null));
        assert_eq!(entry["description"], "Deposit of 0.25 BTC");
        let event = only_event(&database);
        assert_eq!(event["currency"], "BTC", "{event}");
        assert_eq!(event["available"], "1.25", "{event}");

        let act = auditor.get("/api/admin/log?limit=1").await.data()[0].clone();
        assert_eq!(act["action"], "deposit.created");
        assert_eq!(act["token_id"], data["token_id"]);
        assert_eq!(act["request_id"], "from-the-bank");
        assert_eq!(act["before"], json!({ "available": "1" }));
        assert_eq!(act["after"], json!({
            "id": 1, "user_id": 2, "asset": "BTC", "amount": "0.25", "reference": "SEPA 7",
            "note": "Jan", "available": "1.25",
        }));
        assert_eq!(act["created_at"], data["created_at"]);
        assert_eq!(auditor.get(DEPOSITS).await.data(), json!([data]));
        database.audit();
        app.stop();
    }

    async fn a_reference_is_used_once_for_ever(database: Database) {
        let app = TestApp::start(&database).await;
        let (bob, payments) = (app.log_in("bob").await, admin::client(&app, &database, &[Funds]));
        let other = admin::client(&app, &database, &[Funds]);
        let first = deposit(&payments, &payment("p-1")).await;
        assert_eq!(first.status, 201, "{}", first.body);
        // The first one is the answer, whatever the note and the token.
        let mut again = payment("p-1");
        again["note"] = json!("a second report");
        for client in [&payments, &other] {
            let repeated = deposit(client, &again).await;
            assert_eq!((repeated.status, repeated.data()), (200, first.data()));
        }
        for (field, value) in [
            ("user_id", json!(1)), ("asset", json!("ETH")), ("amount", json!("0.50000001")),
        ] {
            let mut changed = payment("p-1");
            changed[field] = value;
            let refused = deposit(&payments, &changed).await;
            let code = json!("deposit_reference_taken");
            assert_eq!((refused.status, &refused.json()["code"]), (409, &code), "{field}");
        }
        assert_eq!(bob.available("BTC").await, "1.5");
        assert_eq!(deposit(&payments, &payment("p-2")).await.status, 201);
        assert_eq!(bob.available("BTC").await, "2");
        let auditor = admin::client(&app, &database, &[Read]);
        let log = auditor.get("/api/admin/log").await.data();
        let is_deposit = |act: &&Value| act["action"] == "deposit.created";
        assert_eq!(log.as_array().unwrap().iter().filter(is_deposit).count(), 2, "{log}");
        database.audit();
        app.stop();
    }

    async fn a_deposit_with_a_key_has_the_same_response_again(database: Database) {
        let app = TestApp::start(&database).await;
        let (bob, payments) = (app.log_in("bob").await, admin::client(&app, &database, &[Funds]));
        let first = with_key(&payments, &payment("p-1"), "k").await;
        let again = with_key(&payments, &payment("p-1"), "k").await;
        assert_eq!((first.status, again.status), (201, 201));
        assert!(again.headers.contains_key("idempotency-replayed"));
        assert_eq!(again.body, first.body);
        let reused = with_key(&payments, &payment("p-2"), "k").await;
        let code = json!("idempotency_key_reused");
        assert_eq!((reused.status, &reused.json()["code"]), (422, &code));
        // Another key, and the key of another token or of a user, are others.
        assert_eq!(with_key(&payments, &payment("p-1"), "l").await.status, 200);
        let other = admin::client(&app, &database, &[Funds]);
        assert_eq!(with_key(&other, &payment("p-1"), "k").await.status, 200);
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        let faucet = br#"{"currency":"BTC","amount":"1"}"#.to_vec();
        let funded = bob.send(Method::POST, "/api/faucet", &headers, faucet).await;
        assert_eq!(funded.status, 200, "{}", funded.body);
        assert_eq!(bob.available("BTC").await, "2.5");
        database.audit();
        app.stop();
    }

    async fn invalid_deposits_change_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let (bob, payments) = (app.log_in("bob").await, admin::client(&app, &database, &[Funds]));
        for (field, values) in [
            ("user_id", vec![json!(null), json!(0), json!(-1), json!(99), json!("bob"),
                json!(1.5)]),
            ("asset", vec![json!(null), json!("DOGE"), json!(1), json!("btc")]),
            ("amount", vec![json!(null), json!(0), json!("-1"), json!("0.000000001"), json!("x"),
                json!("92233720368.54775807")]),
            ("reference", vec![json!(null), json!(""), json!(" "), json!(7), json!("a\nb"),
                json!("x".repeat(256))]),
            ("note", vec![json!(7), json!("x".repeat(1001))]),
        ] {
            for value in values {
                let mut body = payment("p-1");
                body[field] = value.clone();
                let refused = deposit(&payments, &body).await;
                let case = format!("{field} {value}: {}", refused.body);
                assert_eq!(refused.status, 422, "{case}");
                let errors = refused.json()["errors"].clone();
                let fields: Vec<&String> = errors.as_object().unwrap().keys().collect();
                assert_eq!(fields, [field], "{case}");
            }
        }
        assert_eq!(bob.available("BTC").await, "1");
        let auditor = admin::client(&app, &database, &[Read]);
        assert_eq!(auditor.get(DEPOSITS).await.data(), json!([]));
        database.audit();
        app.stop();
    }

    /// Also without a key, and with the deposit of a command among them.
    async fn a_deposit_that_is_sent_32_times_at_once_is_credited_once(database: Database) {
        let processes = [
            Process::start(&database, &[]).await,
            Process::start(&database, &[]).await,
        ];
        let bob = processes[0].log_in("bob").await;
        let (_, token) = admin::create(&database, &admin::new_token(&[Funds]));
        let clients = processes.each_ref().map(|process| {
            let mut client = bob.at(process.address);
            client.token = Some(token.clone());
            client
        });
        let mut expected = 10;
        for (round, has_key) in [(1, false), (2, true), (3, false), (4, true)] {
            let body = payment(&format!("p-{round}"));
            let calls = (0..32).map(|n| {
                let (client, body) = (clients[n % 2].clone(), body.clone());
                async move {
                    match has_key {
                        true => with_key(&client, &body, &format!("k-{round}")).await,
                        false => deposit(&client, &body).await,
                    }
                }
            });
            let responses = run_concurrently(calls).await;
            let created = |response: &&Response| {
                response.status == 201 && !response.headers.contains_key("idempotency-replayed")
            };
            assert_eq!(responses.iter().filter(created).count(), 1, "round {round}");
            for response in &responses {
                let code = &response.json()["code"];
                let is_in_flight = response.status == 409 && code == "idempotency_key_in_flight";
                let is_success = [200, 201].contains(&response.status);
                assert!(is_success || (has_key && is_in_flight), "{}", response.body);
                if is_success {
                    assert_eq!(response.json()["data"]["reference"], body["reference"]);
                }
            }
            expected += 5;
            let available: f64 = bob.available("BTC").await.parse().unwrap();
            assert_eq!(available, f64::from(expected) / 10.0, "round {round}");
        }
        for process in processes {
            process.stop().await;
        }
        database.audit();
    }

    /// Deposits of many references to a few accounts, by two processes, in transactions that wait
    /// for each other.
    async fn deposits_through_two_processes_keep_the_log_a_chain(database: Database) {
        let apps = [TestApp::start(&database).await, TestApp::start(&database).await];
        let client = admin::client(&apps[0], &database, &[Funds]);
        let calls = (0..60).map(|n: i64| {
            let client = client.at(apps[usize::try_from(n % 2).unwrap()].address);
            let mut body = payment(&format!("p-{}", n / 3));
            body["user_id"] = json!(1 + n % 3);
            async move { deposit(&client, &body).await }
        });
        let statuses = run_concurrently(calls).await.into_iter().map(|response| response.status);
        let statuses: Vec<u16> = statuses.collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 20, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 40, "{statuses:?}");
        for app in apps {
            app.stop();
        }
        database.audit();
    }

    async fn a_command_makes_a_deposit(database: Database) {
        let (app, _provider) = without_delivery(&database).await;
        let bob = app.log_in("bob").await;
        let run = async |arguments: &str| process::run(arguments, &database.url, &[]).await;
        let command = "deposit bob@example.com BTC 0.5 --reference p-1";
        let (code, output) = run(&format!("{command} --note January --json")).await;
        assert_eq!(code, 0, "{output}");
        // Log lines may follow, from standard error.
        let created: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        assert_eq!(created, json!({
            "id": 1, "user_id": 2, "asset": "BTC", "amount": "0.5", "reference": "p-1",
            "note": "January", "created_at": created["created_at"], "is_new": true,
        }));
        assert_eq!(bob.available("BTC").await, "1.5");
        let (code, output) = run("deposit 2 BTC 0.50 --reference p-1").await;
        let expected = "deposit 1 was made before; nothing was changed\n";
        assert!(code == 0 && output.starts_with(expected), "{code} {output}");
        let payments = admin::client(&app, &database, &[Funds]);
        assert_eq!(deposit(&payments, &payment("p-1")).await.status, 200);
        for (arguments, expected) in [
            ("deposit 2 BTC 0.6 --reference p-1", "another deposit has this reference"),
            ("deposit 99 BTC 1 --reference p-2", "there is no user 99"),
            ("deposit nobody BTC 1 --reference p-2", "there is no user nobody"),
            ("deposit 2 DOGE 1 --reference p-2", "there is no asset DOGE"),
            ("deposit 2 BTC 0 --reference p-2", "the amount must be a positive number"),
            ("deposit 2 BTC 92233720368 --reference p-2", "the account cannot hold this amount"),
        ] {
            let (code, output) = run(arguments).await;
            assert!(code == 1 && output.contains(expected), "{arguments}: {code} {output}");
        }
        assert_eq!(bob.available("BTC").await, "1.5");
        let auditor = admin::client(&app, &database, &[Read]);
        let log = auditor.get("/api/admin/log").await.data();
        let act = log.as_array().unwrap().iter().find(|act| act["action"] == "deposit.created");
        assert!(act.unwrap()["token_id"].is_null() && act.unwrap()["request_id"].is_null());
        assert_eq!(only_event(&database)["available"], "1.5");
        database.audit();
        app.stop();
    }

    async fn deposits_of_administrators_are_no_calls_of_the_faucet(database: Database) {
        let variables = [("MATCHCAST__DEMO__FAUCET_CALLS_PER_DAY", "2")];
        let app = TestApp::start_with(&database, &variables).await;
        let payments = admin::client(&app, &database, &[Funds]);
        let dora = {
            let mut dora = app.visitor();
            dora.register("dora").await;
            dora
        };
        for number in 0..3 {
            let mut body = payment(&format!("p-{number}"));
            body["user_id"] = json!(dora.user_id);
            assert_eq!(deposit(&payments, &body).await.status, 201);
        }
        let statuses = [
            dora.post("/api/faucet", r#"{"currency":"BTC"}"#).await.status,
            dora.post("/api/faucet", r#"{"currency":"BTC"}"#).await.status,
            dora.post("/api/faucet", r#"{"currency":"BTC"}"#).await.status,
        ];
        assert_eq!(statuses, [200, 200, 429]);
        app.stop();
    }
}
