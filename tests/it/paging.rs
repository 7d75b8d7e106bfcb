//! Pages of lists: none is missing a row or has one twice, whatever arrives meanwhile.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::load::Load;

const LISTS: [&str; 4] =
    ["/api/my-orders", "/api/my-trades", "/api/balance-history", "/api/trades"];

fn ids(response: &Response) -> Vec<i64> {
    let data = response.data();
    data.as_array().expect("a list").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

/// All ids of a list, page after page.
async fn all_ids(client: &Client, path: &str, query: &str) -> Vec<i64> {
    let mut all = Vec::new();
    let mut page = Some(client.get(&format!("{path}?{query}")).await);
    while let Some(response) = page {
        all.extend(ids(&response));
        page = client.next_page(path, &response).await;
    }
    all
}

on_both! {
    async fn pages_are_stable_while_rows_arrive(database: Database) {
        let app = TestApp::start_with(&database, &[("BROADCAST_CONNECTION", "null")]).await;
        let people = [app.log_in("alice").await, app.log_in("bob").await];
        let load = Load::start(&people, &["BTC", "ETH"]);
        load.wait_for_acknowledged(60).await;
        let alice = &people[0];
        for path in LISTS {
            let query = "symbol=BTC&currency=all";
            let before: BTreeSet<i64> = all_ids(alice, path, query).await.into_iter().collect();
            let count = load.count();
            load.wait_for_acknowledged(count + 10).await;
            // Pages of seven rows, between which more rows arrive.
            let paged = all_ids(alice, path, &format!("{query}&limit=7")).await;
            assert!(paged.len() > 14, "{path}: {paged:?}");
            assert!(paged.windows(2).all(|pair| pair[0] > pair[1]), "{path}: {paged:?}");
            let paged: BTreeSet<i64> = paged.into_iter().collect();
            assert!(paged.is_superset(&before), "{path}: a row is missing");
        }
        load.stop().await;
        for path in LISTS {
            let whole = all_ids(alice, path, "symbol=BTC&currency=all").await;
            for limit in [1, 2, 5, 1000] {
                let query = format!("symbol=BTC&currency=all&limit={limit}");
                assert_eq!(all_ids(alice, path, &query).await, whole, "{path} {limit}");
            }
        }
        app.stop();
        database.audit();
    }

    async fn a_list_without_parameters_keeps_its_shape_and_names_the_next_page(database: Database) {
        let app = TestApp::start_with(&database, &[("MATCHCAST__HTTP__LIST_CAP", "3")]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for _ in 0..4 {
            bob.place("BTC", "sell", "100", "0.01").await.data();
            alice.place("BTC", "buy", "100", "0.01").await.data();
        }
        for path in ["/api/my-orders", "/api/my-trades", "/api/balance-history"] {
            let first = alice.get(path).await;
            assert_eq!(ids(&first).len(), 3, "{path}");
            let link = first.header("link").expect("a link");
            assert!(link.starts_with("<?cursor=") && link.ends_with(">; rel=\"next\""), "{link}");
            let second = alice.next_page(path, &first).await.expect("a second page");
            assert!(ids(&second)[0] < ids(&first)[2], "{path}");
            let too_many = alice.get(&format!("{path}?limit=4")).await;
            assert_eq!(too_many.status, 422, "{path}");
        }
        // The cursor of another list.
        let first = alice.get("/api/my-orders").await;
        let link = first.header("link").expect("a link").to_owned();
        let cursor = link.trim_start_matches("<?cursor=").split(['>', '&']).next().unwrap();
        let other = alice.get(&format!("/api/my-trades?cursor={cursor}")).await;
        assert_eq!((other.status, other.json()["errors"]["cursor"].clone()),
            (422, json!(["The cursor field is invalid."])));
        app.stop();
    }

    async fn filters_let_through_what_they_name(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        for (symbol, side, price, amount) in [
            ("BTC", "buy", "100", "0.1"), ("ETH", "sell", "90", "0.2"),
            ("BTC", "sell", "200", "0.1"), ("ETH", "buy", "80", "0.1"),
            ("BTC", "buy", "110", "0.1"), ("ETH", "sell", "300", "0.1"),
        ] {
            alice.place(symbol, side, price, amount).await.data();
        }
        bob.place("BTC", "sell", "105", "0.1").await.data();
        bob.place("ETH", "buy", "95", "0.2").await.data();
        alice.cancel(3).await;
        for (query, expected) in [
            ("", vec![6, 5, 4, 3, 2, 1]),
            ("symbol=BTC", vec![5, 3, 1]),
            ("side=sell", vec![6, 3, 2]),
            ("status=1", vec![6, 4, 1]),
            ("status=2", vec![5, 2]),
            ("status=3", vec![3]),
            ("symbol=ETH&side=sell&status=1", vec![6]),
            ("to=2020-01-01T00:00:00Z", vec![]),
            ("from=2020-01-01T00:00:00Z&symbol=ETH", vec![6, 4, 2]),
            ("from=9999-01-01T00:00:00Z", vec![]),
        ] {
            let path = format!("/api/my-orders?{query}");
            assert_eq!(ids(&alice.get(&path).await), expected, "{query}");
        }
        for (query, expected) in [
            ("", vec![2, 1]), ("side=buy", vec![1]), ("side=sell", vec![2]),
            ("symbol=ETH", vec![2]), ("symbol=ETH&side=buy", vec![]),
            ("to=2020-01-01T00:00:00Z", vec![]),
        ] {
            let path = format!("/api/my-trades?{query}");
            assert_eq!(ids(&alice.get(&path).await), expected, "{query}");
        }
        for (path, field) in [
            ("/api/my-orders?symbol=DOGE", "symbol"),
            ("/api/my-orders?status=4", "status"),
            ("/api/my-orders?status=open", "status"),
            ("/api/my-orders?side=both", "side"),
            ("/api/my-orders?from=now", "from"),
            ("/api/my-trades?symbol=DOGE", "symbol"),
            ("/api/my-trades?limit=", ""),
            ("/api/balance-history?limit=ten", "limit"),
            ("/api/balance-history?cursor=%00", "cursor"),
        ] {
            let response = alice.get(path).await;
            let errors = response.json()["errors"].clone();
            let named = errors.as_object().map(|errors| errors.keys().cloned().collect::<Vec<_>>());
            let expected = if field.is_empty() { None } else { Some(vec![field.to_owned()]) };
            assert_eq!(named, expected, "{path}: {}", response.body);
        }
        app.stop();
    }

    async fn times_limit_a_list(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let alice = app.log_in("alice").await;
        for _ in 0..6 {
            alice.place("BTC", "buy", "100", "0.01").await.data();
        }
        // The fourth one by a clock that was late.
        for (id, minute) in [(1, 0), (2, 10), (3, 20), (4, 19), (5, 30), (6, 40)] {
            let at = format!("2026-03-01 12:{minute:02}:00");
            database.execute(&format!("UPDATE orders SET created_at = '{at}' WHERE id = {id}"));
            database.execute(&format!("UPDATE ledger_entries SET created_at = '{at}' \
                WHERE reference_type = 1 AND reference_id = {id}"));
        }
        let order_ids = |response: Response, key: &str| -> Vec<Value> {
            let rows = response.data().as_array().unwrap().clone().into_iter();
            // The deposit refers to no order.
            rows.map(|row| row[key].clone()).filter(|id| !id.is_null()).collect()
        };
        let time = |minute: i64| format!("2026-03-01T12:{minute:02}:00Z");
        for (query, expected) in [
            (format!("from={}", time(20)), vec![6, 5, 3]),
            (format!("to={}", time(20)), vec![4, 2, 1]),
            (format!("from={}&to={}", time(10), time(30)), vec![4, 3, 2]),
            (format!("from={}&to={}", time(10), time(10)), vec![]),
        ] {
            let orders = alice.get(&format!("/api/my-orders?{query}")).await;
            assert_eq!(order_ids(orders, "id"), expected, "{query}");
            let history = alice.get(&format!("/api/balance-history?{query}")).await;
            assert_eq!(order_ids(history, "reference_id"), expected, "{query}");
        }
        let path = "/api/my-orders";
        let query = format!("from={}&to={}&limit=1", time(0), time(35));
        assert_eq!(all_ids(&alice, path, &query).await, [5, 4, 3, 2, 1]);
        app.stop();
    }
}
