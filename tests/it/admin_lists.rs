//! The orders, trades and ledger entries of all users, as administrators list and export them.

use std::collections::BTreeSet;

use matchcast::store::admin_tokens::AdminAbility;
use serde_json::{Value, json};

use super::admin_exports::parse;
use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::load::Load;

const LISTS: [&str; 3] = ["/api/admin/orders", "/api/admin/trades", "/api/admin/ledger"];

/// All rows of a list, page after page.
async fn all_rows(client: &Client, path: &str, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut page = Some(client.get(&format!("{path}?{query}")).await);
    while let Some(response) = page {
        all.extend(response.data().as_array().unwrap().clone());
        page = client.next_page(path, &response).await;
    }
    all
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// A market with orders and trades of two users, and an administrator who may read.
async fn trade(database: &Database) -> (TestApp, [Client; 2], Client) {
    let app = TestApp::start_with(database, &[("BROADCAST_CONNECTION", "null")]).await;
    let people = [app.log_in("alice").await, app.log_in("bob").await];
    let load = Load::start(&people, &["BTC", "ETH"]);
    load.wait_for_acknowledged(80).await;
    load.stop().await;
    let auditor = admin::client(&app, database, &[AdminAbility::Read]);
    (app, people, auditor)
}

on_both! {
    async fn lists_have_the_rows_of_all_users(database: Database) {
        let (app, people, auditor) = trade(&database).await;
        for path in LISTS {
            let whole = all_rows(&auditor, path, "limit=1000").await;
            assert!(whole.len() > 20, "{path}: {}", whole.len());
            assert!(ids(&whole).windows(2).all(|pair| pair[0] > pair[1]), "{path}");
            assert_eq!(all_rows(&auditor, path, "limit=7").await, whole, "{path}");
        }
        let orders = all_rows(&auditor, LISTS[0], "").await;
        let mut expected = database.order_ids();
        expected.reverse();
        assert_eq!(ids(&orders), expected);
        let trades: BTreeSet<i64> = database.trades().into_iter().map(|(id, ..)| id).collect();
        let listed = ids(&all_rows(&auditor, LISTS[1], "limit=11").await);
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), trades);

        // Of one user they have what the user sees.
        for person in &people {
            let id = person.user_id;
            for (all, own, query) in [
                (LISTS[0], "/api/my-orders", "limit=9"),
                (LISTS[0], "/api/my-orders", "limit=9&symbol=ETH&status=2&side=sell"),
                (LISTS[1], "/api/my-trades", "limit=9"),
                (LISTS[1], "/api/my-trades", "limit=9&symbol=BTC"),
                (LISTS[2], "/api/balance-history", "limit=9&currency=all"),
                (LISTS[2], "/api/balance-history", "limit=9&currency=USD&asset=USD"),
            ] {
                let theirs = all_rows(person, own, query).await;
                let rows = all_rows(&auditor, all, &format!("{query}&user_id={id}")).await;
                assert_eq!(ids(&rows), ids(&theirs), "{all} {query}");
                assert!(!rows.is_empty(), "{all} {query}");
            }
        }
        app.stop();
        database.audit();
    }

    async fn filters_select_rows(database: Database) {
        let (app, people, auditor) = trade(&database).await;
        let user = people[0].user_id;
        let of_user = format!("user_id={user}");
        for (path, query, field, value) in [
            (LISTS[0], "symbol=ETH", "symbol", json!("ETH")),
            (LISTS[0], "side=buy", "side", json!("buy")),
            (LISTS[0], "status=1", "status", json!(1)),
            (LISTS[0], &of_user, "user_id", json!(user)),
            (LISTS[1], "symbol=BTC", "symbol", json!("BTC")),
            (LISTS[2], "asset=BTC", "asset", json!("BTC")),
            (LISTS[2], "action=commission_collected", "action", json!("commission_collected")),
            (LISTS[2], "action=trade_completed&asset=ETH", "asset", json!("ETH")),
            (LISTS[2], &of_user, "user_id", json!(user)),
        ] {
            let is_selected = |row: &&Value| row[field] == value;
            let whole = all_rows(&auditor, path, "limit=1000").await;
            let mut expected: Vec<Value> = whole.iter().filter(is_selected).cloned().collect();
            if query.starts_with("action=trade_completed") {
                expected.retain(|row| row["action"] == "trade_completed");
            }
            let selected = all_rows(&auditor, path, &format!("{query}&limit=5")).await;
            assert_eq!(selected, expected, "{path} {query}");
            assert!(!selected.is_empty() && selected.len() < whole.len(), "{path} {query}");
        }
        // Nobody's rows are none, not all.
        for path in LISTS {
            assert_eq!(all_rows(&auditor, path, "user_id=999").await, [] as [Value; 0], "{path}");
            let future = "from=2100-01-31T12:00:00Z";
            assert_eq!(all_rows(&auditor, path, future).await, [] as [Value; 0], "{path}");
        }
        app.stop();
    }

    async fn exports_have_the_rows_of_the_lists(database: Database) {
        let (app, people, auditor) = trade(&database).await;
        let of_user = format!("user_id={}", people[1].user_id);
        for path in LISTS {
            for query in ["", &of_user, "symbol=BTC&asset=BTC", "from=2100-01-31T12:00:00Z"] {
                let mut rows = all_rows(&auditor, path, query).await;
                let table = parse(&auditor.get(&format!("{path}.csv?{query}")).await.body);
                let (columns, lines) = table.split_first().unwrap();
                // The whole ledger is exported by account.
                let position = |id: &str| lines.iter().position(|line| line[0] == id);
                rows.sort_by_key(|row| position(&row["id"].to_string()));
                assert_eq!(lines.len(), rows.len(), "{path} {query}");
                for (row, line) in rows.iter().zip(lines) {
                    for (column, cell) in columns.iter().zip(line) {
                        let expected = match &row[column] {
                            Value::String(text) => text.clone(),
                            Value::Null => String::new(),
                            other => other.to_string(),
                        };
                        assert_eq!(*cell, expected, "{path} {query}: {column} of {row}");
                    }
                }
            }
        }
        app.stop();
    }

    async fn invalid_parameters_are_named(database: Database) {
        let app = TestApp::start(&database).await;
        let auditor = admin::client(&app, &database, &[AdminAbility::Read]);
        for path in LISTS {
            let mut cases = vec![
                ("user_id=x", "user_id"), ("user_id=-1", "user_id"), ("user_id=0", "user_id"),
                ("from=yesterday", "from"), ("to=1", "to"), ("cursor=x", "cursor"),
                ("limit=0", "limit"),
            ];
            cases.extend(match path {
                "/api/admin/ledger" => vec![("asset=DOGE", "asset"), ("action=theft", "action")],
                _ => vec![("symbol=DOGE", "symbol")],
            });
            if path == "/api/admin/orders" {
                cases.extend([("status=4", "status"), ("side=up", "side")]);
            }
            for (query, field) in cases {
                for path in [path.to_owned(), format!("{path}.csv")] {
                    let refused = auditor.get(&format!("{path}?{query}")).await;
                    assert_eq!(refused.status, 422, "{path} {query}: {}", refused.body);
                    let errors = refused.json()["errors"].clone();
                    let fields: Vec<&String> = errors.as_object().unwrap().keys().collect();
                    assert_eq!(fields, [field], "{path} {query}");
                }
            }
        }
        app.stop();
    }
}
