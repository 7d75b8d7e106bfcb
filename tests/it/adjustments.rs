//! Adjustments of balances: at once, or by two administrators.

use matchcast::store::admin_tokens::AdminAbility::{Funds, Read};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::process::Process;
use crate::support::{admin, process, rounds, run_concurrently};

const ADJUSTMENTS: &str = "/api/admin/adjustments";
const FOUR_EYES: (&str, &str) = ("MATCHCAST__ADMIN__FOUR_EYES", "true");

async fn adjust(client: &Client, amount: &str) -> Response {
    let body = json!({ "user_id": 2, "asset": "BTC", "amount": amount, "reason": "a mistake" });
    client.post(ADJUSTMENTS, &body.to_string()).await
}

async fn decide(client: &Client, id: &Value, how: &str) -> Response {
    client.post(&format!("{ADJUSTMENTS}/{id}/{how}"), "").await
}

on_both! {
    async fn an_adjustment_changes_a_balance_at_once(database: Database) {
        let app = TestApp::start(&database).await;
        let (bob, funds) = (app.log_in("bob").await, admin::client(&app, &database, &[Funds]));
        let auditor = admin::client(&app, &database, &[Read]);
        let taken = adjust(&funds, "-0.25").await;
        assert_eq!(taken.status, 201, "{}", taken.body);
        let data = taken.data();
        assert_eq!(data, json!({
            "id": 1, "user_id": 2, "asset": "BTC", "amount": -0.25, "reason": "a mistake",
            "status": "applied", "proposed_by": data["proposed_by"], "decided_by": null,
            "created_at": data["created_at"], "decided_at": null,
        }));
        assert_eq!(bob.available("BTC").await, "0.75");
        assert_eq!(adjust(&funds, "1").await.status, 201);
        assert_eq!(bob.available("BTC").await, "1.75");
        let row = bob.get("/api/balance-history?currency=BTC").await.data()[1].clone();
        assert_eq!((&row["action"], &row["debit"]), (&json!("adjustment"), &json!(0.25)));
        assert_eq!(row["reference_id"], Value::Null);
        let act = auditor.get("/api/admin/log").await.data()[1].clone();
        assert_eq!(act["action"], "adjustment.created");
        assert_eq!(act["before"], json!({ "available": "1" }));
        assert_eq!(act["after"], json!({
            "id": 1, "user_id": 2, "asset": "BTC", "amount": "-0.25", "reason": "a mistake",
            "available": "0.75",
        }));
        // More than there is, and more than an account can hold.
        let insufficient = (400, "insufficient_funds".to_owned());
        assert_eq!(adjust(&funds, "-1.75000001").await.refusal(), insufficient);
        assert_eq!(adjust(&funds, "92233720368").await.status, 422);
        assert_eq!(bob.available("BTC").await, "1.75");
        database.audit();
        app.stop();
    }

    async fn invalid_adjustments_change_nothing(database: Database) {
        let app = TestApp::start(&database).await;
        let (bob, funds) = (app.log_in("bob").await, admin::client(&app, &database, &[Funds]));
        for (field, values) in [
            ("user_id", vec![json!(null), json!(0), json!(99)]),
            ("asset", vec![json!(null), json!("DOGE")]),
            ("amount", vec![json!(null), json!(0), json!("-0"), json!("--1"), json!("-+1"),
                json!("-0.000000001"), json!("x"), json!("-92233720369")]),
            ("reason", vec![json!(null), json!(" "), json!(7), json!("x".repeat(1001))]),
        ] {
            for value in values {
                let mut body = json!({
                    "user_id": 2, "asset": "BTC", "amount": "1", "reason": "a mistake",
                });
                body[field] = value.clone();
                let refused = funds.post(ADJUSTMENTS, &body.to_string()).await;
                let case = format!("{field} {value}: {}", refused.body);
                assert_eq!(refused.status, 422, "{case}");
                let errors = refused.json()["errors"].clone();
                let fields: Vec<&String> = errors.as_object().unwrap().keys().collect();
                assert_eq!(fields, [field], "{case}");
            }
        }
        assert_eq!(bob.available("BTC").await, "1");
        app.stop();
    }

    async fn with_four_eyes_another_administrator_approves(database: Database) {
        let app = TestApp::start_with(&database, &[FOUR_EYES]).await;
        let bob = app.log_in("bob").await;
        let (first, second) = (
            admin::client(&app, &database, &[Funds]), admin::client(&app, &database, &[Funds]),
        );
        let proposed = adjust(&first, "0.5").await;
        assert_eq!((proposed.status, &proposed.data()["status"]), (201, &json!("proposed")));
        assert_eq!(bob.available("BTC").await, "1");
        let id = &proposed.data()["id"];
        let same = (403, "same_administrator".to_owned());
        assert_eq!(decide(&first, id, "approve").await.refusal(), same);
        assert_eq!(bob.available("BTC").await, "1");
        for _ in 0..2 {
            let approved = decide(&second, id, "approve").await;
            assert_eq!((approved.status, &approved.data()["status"]), (200, &json!("applied")));
            assert_eq!(bob.available("BTC").await, "1.5");
        }
        let decided = (409, "adjustment_decided".to_owned());
        assert_eq!(decide(&second, id, "reject").await.refusal(), decided);
        // Its own proposer may withdraw one.
        let id = &adjust(&first, "7").await.data()["id"];
        for _ in 0..2 {
            let rejected = decide(&first, id, "reject").await;
            assert_eq!((rejected.status, &rejected.data()["status"]), (200, &json!("rejected")));
        }
        assert_eq!(decide(&second, id, "approve").await.refusal(), decided);
        assert_eq!(bob.available("BTC").await, "1.5");
        let unknown = (404, "adjustment_not_found".to_owned());
        for id in [json!(99), json!("x")] {
            assert_eq!(decide(&second, &id, "approve").await.refusal(), unknown);
            assert_eq!(decide(&second, &id, "reject").await.refusal(), unknown);
        }
        let auditor = admin::client(&app, &database, &[Read]);
        let log = auditor.get("/api/admin/log").await.data();
        let actions: Vec<&str> =
            log.as_array().unwrap().iter().filter_map(|act| act["action"].as_str()).collect();
        let (actions, tokens) = (&actions[1..5], &actions[5..]);
        assert_eq!(tokens, ["token.created"; 2]);
        assert_eq!(actions, [
            "adjustment.rejected", "adjustment.proposed", "adjustment.approved",
            "adjustment.proposed",
        ]);
        let applied = auditor.get(&format!("{ADJUSTMENTS}?status=applied")).await.data();
        assert_eq!(applied.as_array().unwrap().len(), 1, "{applied}");
        database.audit();
        app.stop();
    }

    /// Over two processes, with approvals and rejections of several administrators.
    async fn one_decision_at_the_same_instant_wins(database: Database) {
        let variables = [(FOUR_EYES.0, FOUR_EYES.1.to_owned())];
        let processes = [
            Process::start(&database, &variables).await,
            Process::start(&database, &variables).await,
        ];
        let bob = processes[0].log_in("bob").await;
        let tokens: Vec<String> = (0..3)
            .map(|_| admin::create(&database, &admin::new_token(&[Funds])).1)
            .collect();
        let administrator = |number: usize, process: usize| {
            let mut client = bob.at(processes[process].address);
            client.token = Some(tokens[number].clone());
            client
        };
        let mut expected = 1;
        for round in 0..rounds(6) {
            let id = adjust(&administrator(0, 0), "1").await.data()["id"].clone();
            let calls = (0..16).map(|number| {
                let client = administrator(1 + number % 2, number / 2 % 2);
                let (id, how) = (id.clone(), ["approve", "reject"][number / 4 % 2]);
                async move { (how, decide(&client, &id, how).await) }
            });
            let responses = run_concurrently(calls).await;
            let of = |how: &str, status: u16| {
                responses.iter().filter(|(h, r)| *h == how && r.status == status).count()
            };
            let is_approved = of("approve", 200) > 0;
            let expected_counts = if is_approved { (8, 0, 0, 8) } else { (0, 8, 8, 0) };
            let counts =
                (of("approve", 200), of("reject", 200), of("approve", 409), of("reject", 409));
            assert_eq!(counts, expected_counts, "round {round}");
            expected += i32::from(is_approved);
            assert_eq!(bob.available("BTC").await, expected.to_string(), "round {round}");
        }
        database.audit();
        for process in processes {
            process.stop().await;
        }
    }

    async fn the_command_adjusts_balances(database: Database) {
        let app = TestApp::start(&database).await;
        let bob = app.log_in("bob").await;
        let run = async |arguments: &str| process::run(arguments, &database.url, &[]).await;
        let (code, output) =
            run("adjustment create bob@example.com BTC -0.5 --reason mistake --json").await;
        assert!(code == 0 && output.contains(r#""status":"applied""#), "{output}");
        assert_eq!(bob.available("BTC").await, "0.5");
        let (code, output) = run("adjustment create 2 BTC -0.6 --reason mistake").await;
        assert_eq!(code, 1, "{output}");
        assert!(output.contains("does not cover the adjustment; nothing was changed"), "{output}");
        let four_eyes = [(FOUR_EYES.0, FOUR_EYES.1.to_owned())];
        let proposal = "adjustment create 2 BTC 3 --reason mistake";
        let (code, output) = process::run(proposal, &database.url, &four_eyes).await;
        assert_eq!(code, 0, "{output}");
        // Refused adjustments may take numbers too.
        let id = output.strip_prefix("adjustment ").unwrap().split(' ').next().unwrap().to_owned();
        assert!(output.contains(&format!("adjustment {id} is proposed")), "{output}");
        let (code, output) = run(&format!("adjustment approve {id}")).await;
        assert!(code == 1 && output.contains("must be approved with a token"), "{output}");
        let funds = admin::client(&app, &database, &[Funds]);
        assert_eq!(decide(&funds, &id.parse().unwrap(), "approve").await.status, 200);
        assert_eq!(bob.available("BTC").await, "3.5");
        let (code, output) = run(&format!("adjustment reject {id}")).await;
        assert!(code == 1 && output.contains("was approved; nothing was changed"), "{output}");
        let (code, output) = run("adjustment approve 99").await;
        assert!(code == 1 && output.contains("there is no adjustment 99"), "{output}");
        let (code, output) = run("adjustment list").await;
        assert!(code == 0 && output.contains("mistake"), "{output}");
        database.audit();
        app.stop();
    }
}
