//! Commission by market and day, balance sheets of past moments, and the last audit.

use diesel::prelude::*;
use matchcast::store::admin_tokens::AdminAbility::Read;
use matchcast::store::schema::ledger_entries;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::database::Database;
use crate::support::load::Load;
use crate::support::process::{self, Process};
use crate::support::wait_for;

const COMMISSION: &str = "/api/admin/commission";
const SHEET: &str = "/api/admin/balance-sheet";

/// The asset in a balance sheet.
fn of_asset(sheet: &Value, asset: &str) -> Value {
    let all = sheet["assets"].as_array().unwrap();
    all.iter().find(|row| row["asset"] == asset).unwrap().clone()
}

on_both! {
    async fn commission_is_summed_by_market_and_day(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let auditor = admin::client(&app, &database, &[Read]);
        assert_eq!(auditor.get(COMMISSION).await.data(), json!([]));
        for symbol in ["BTC", "BTC", "ETH", "BTC"] {
            bob.place(symbol, "sell", "100", "0.1").await.data();
            alice.place(symbol, "buy", "100", "0.1").await.data();
        }
        for (id, at) in [
            (1, "2026-01-30 23:59:59.999999"), (2, "2026-01-31 00:00:00"),
            (3, "2026-01-31 12:00:00"), (4, "2026-01-31 23:59:59"),
        ] {
            database.execute(&format!("UPDATE trades SET created_at = '{at}' WHERE id = {id}"));
        }
        let row = |day: &str, symbol: &str, trades: i64, value: i64, commission: &str| {
            let commission: Value = serde_json::from_str(commission).unwrap();
            json!({ "day": day, "symbol": symbol, "currency": "USD", "trades": trades,
                "value": value, "commission": commission })
        };
        let all = [
            row("2026-01-31", "BTC", 2, 20, "0.3"),
            row("2026-01-31", "ETH", 1, 10, "0.15"),
            row("2026-01-30", "BTC", 1, 10, "0.15"),
        ];
        assert_eq!(auditor.get(COMMISSION).await.data(), json!(all));
        for (query, expected) in [
            ("from=2026-01-31T00:00:00Z", json!([all[0], all[1]])),
            ("to=2026-01-31T00:00:00Z", json!([all[2]])),
            ("from=2026-01-31T12:00:00Z&to=2026-01-31T12:00:00.000001Z", json!([all[1]])),
            ("from=2026-01-31T12:00:00Z&to=2026-01-31T12:00:00Z", json!([])),
            ("from=2027-01-31T00:00:00Z", json!([])),
        ] {
            let found = auditor.get(&format!("{COMMISSION}?{query}")).await.data();
            assert_eq!(found, expected, "{query}");
        }
        for field in ["from", "to"] {
            let refused = auditor.get(&format!("{COMMISSION}?{field}=monday")).await;
            assert_eq!(refused.status, 422);
            assert!(refused.json()["errors"][field].is_array(), "{}", refused.body);
        }
        // Sums are larger than any one amount.
        database.execute("UPDATE trades SET value = 9223372036854775807 WHERE market_id = 1");
        let found = auditor.get(&format!("{COMMISSION}?from=2026-01-31T00:00:00Z")).await;
        assert!(found.body.contains("\"value\":184467440737.09551614"), "{}", found.body);
        app.stop();
    }

    async fn a_balance_sheet_is_balanced_at_every_moment(database: Database) {
        let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
        let people = [app.log_in("alice").await, app.log_in("bob").await];
        let load = Load::start(&people, &["BTC", "ETH"]);
        load.wait_for_acknowledged(60).await;
        load.stop().await;
        let auditor = admin::client(&app, &database, &[Read]);
        let times = ledger_entries::table.select(ledger_entries::created_at).distinct();
        let times = times.order(ledger_entries::created_at.asc());
        let times: Vec<chrono::NaiveDateTime> = times.load(&mut database.connect()).unwrap();
        assert!(times.len() > 10);
        let mut deposits = 0.0;
        for at in &times {
            let at = at.format("%FT%T%.6fZ");
            let sheet = auditor.get(&format!("{SHEET}?at={at}")).await.data();
            assert_eq!(sheet["is_balanced"], true, "{sheet}");
            assert_eq!(sheet["at"], at.to_string());
            let usd = of_asset(&sheet, "USD");
            let number = |name: &str| usd[name].as_f64().unwrap();
            assert!(number("deposits") >= deposits && number("deposits") > 0.0, "{usd}");
            assert_eq!((&usd["withdrawals"], &usd["adjustments"]), (&json!(0), &json!(0)));
            deposits = number("deposits");
        }

        // At the end it has what the accounts hold.
        let sheet = auditor.get(SHEET).await.data();
        for (asset, id) in [("USD", 1), ("BTC", 2), ("ETH", 3)] {
            let of = of_asset(&sheet, asset);
            let (mut available, mut locked, mut houses) = (0, 0, 0);
            for (user, free, reserved) in accounts(&database, id) {
                if user < 0 { houses += free + reserved } else {
                    available += free;
                    locked += reserved;
                }
            }
            let units = |name: &str| (of[name].as_f64().unwrap() * 1e8).round() as i64;
            assert_eq!(units("users_available"), available, "{of}");
            assert_eq!(units("users_locked"), locked, "{of}");
            assert_eq!(units("houses"), houses, "{of}");
            assert_eq!(units("total"), available + locked + houses, "{of}");
            assert_eq!(of["total"], of["deposits"]);
        }

        // Before the first entry there was nothing.
        let before = auditor.get(&format!("{SHEET}?at=2001-01-31T12:00:00Z")).await.data();
        let zeros = json!({
            "asset": "BTC", "users_available": 0, "users_locked": 0, "houses": 0, "total": 0,
            "deposits": 0, "withdrawals": 0, "adjustments": 0, "is_balanced": true,
        });
        assert_eq!(of_asset(&before, "BTC"), zeros);
        assert_eq!(auditor.get(&format!("{SHEET}?at=noon")).await.status, 422);
        app.stop();
        database.audit();
    }

    async fn a_balance_sheet_shows_money_from_nowhere(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[Read]);
        let balanced = auditor.get(SHEET).await.data();
        assert_eq!(balanced["is_balanced"], true);
        let start = balanced["at"].as_str().unwrap();
        database.execute("INSERT INTO ledger_entries (account_id, action, available_change, \
            locked_change, available_after, created_at) \
            VALUES (1, 5, 1, 0, 1, '2100-01-01 00:00:00')");
        let sheet = auditor.get(&format!("{SHEET}?at=2100-01-01T00:00:00Z")).await.data();
        assert_eq!(sheet["is_balanced"], false);
        assert_eq!(of_asset(&sheet, "USD")["is_balanced"], false);
        assert_eq!(of_asset(&sheet, "BTC"), of_asset(&balanced, "BTC"));
        let earlier = auditor.get(&format!("{SHEET}?at={start}")).await.data();
        assert_eq!(earlier, balanced, "the past does not change");
        app.stop();
    }

    async fn the_last_audit_is_recorded(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[Read]);
        let last = async || auditor.get("/api/admin/audit").await.data();
        let run = async |arguments: &str| process::run(arguments, &database.url, &[]).await;
        assert_eq!(last().await, Value::Null);
        assert_eq!(run("audit").await.0, 0);
        let first = last().await;
        assert_eq!((&first["findings"], &first["is_clean"]), (&json!(0), &json!(true)));

        database.execute("UPDATE accounts SET available = available + 1 WHERE id = 1");
        let (code, output) = run("audit --json").await;
        assert_eq!(code, 1, "{output}");
        let written: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        let second = last().await;
        assert_eq!(second["is_clean"], false);
        assert_eq!(second["findings"], written["findings"].as_array().unwrap().len());
        for field in ["started_at", "duration_ms", "is_clean"] {
            assert_eq!(second[field], written[field], "{field}");
        }
        assert!(second["started_at"].as_str() > first["started_at"].as_str());
        assert_eq!(written["is_recorded"], true);
        let names: Vec<&str> = written["findings"].as_array().unwrap().iter()
            .map(|finding| finding["check"].as_str().unwrap()).collect();
        assert!(names.contains(&"an account is the sum of its ledger entries"), "{names:?}");
        assert!(written["log"]["rows"].is_i64() && written["log"]["last_hash"].is_string());
        app.stop();
    }

    async fn an_audit_that_cannot_be_recorded_has_its_result_anyway(database: Database) {
        database.open_store();
        if database.is_postgres() {
            let name = database.url.rsplit('/').next().unwrap().split('?').next().unwrap();
            database.execute(&format!(
                "ALTER DATABASE {name} SET default_transaction_read_only = on"
            ));
        } else {
            database.execute("CREATE TRIGGER read_only BEFORE INSERT ON audit_runs \
                BEGIN SELECT RAISE(ABORT, 'read-only'); END");
        }
        let run = async |arguments: &str| process::run(arguments, &database.url, &[]).await;
        let (code, output) = run("audit").await;
        let expected = "everything adds up\nthis result was not recorded: ";
        assert!(code == 0 && output.contains(expected), "{code} {output}");
        let (code, output) = run("audit --json").await;
        let written: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        assert_eq!((code, &written["is_clean"]), (0, &json!(true)), "{output}");
        assert_eq!(written["is_recorded"], false, "{output}");
    }

    async fn every_process_has_metrics_of_the_last_audit(database: Database) {
        let variables = [("MATCHCAST__HTTP__METRICS", "true".to_owned())];
        let processes = [
            Process::start(&database, &variables).await,
            Process::start(&database, &variables).await,
        ];
        database.execute("INSERT INTO audit_runs (started_at, duration_ms, findings) \
            VALUES ('2026-01-31 12:00:00.5', 1500, 3)");
        for process in &processes {
            let client = process.log_in("alice").await;
            wait_for("the metrics of the audit", || async {
                let metrics = client.get("/metrics").await.body;
                let has = |line: &str| metrics.lines().any(|found| found == line);
                (has("matchcast_last_audit_timestamp_seconds 1769860800")
                    && has("matchcast_last_audit_findings 3"))
                .then_some(())
            })
            .await;
        }
        for process in processes {
            process.stop().await;
        }
    }
}

/// The user, the available and the locked amount of each account of an asset.
fn accounts(database: &Database, asset: i32) -> Vec<(i64, i64, i64)> {
    use matchcast::store::schema::accounts;
    let columns = (accounts::user_id, accounts::available, accounts::locked);
    let of_asset = accounts::table.filter(accounts::asset_id.eq(asset)).select(columns);
    of_asset.load(&mut database.connect()).unwrap()
}
