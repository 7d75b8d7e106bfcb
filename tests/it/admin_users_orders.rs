//! The orders of frozen users: those that rest, those that wait, and those that are refused.

use diesel::prelude::*;
use matchcast::market::Action;
use matchcast::store::admin_tokens::AdminAbility::{Funds, Read, Users};
use matchcast::store::schema::{accounts, ledger_entries, orders};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_users::{LONG_CACHE, acts, change, freeze, refused};
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::outbox::start_with_events;
use crate::support::{admin, process, wait_for};

async fn send(client: &Client, method: Method, path: &str, body: Value) -> Response {
    let headers = [("content-type", "application/json")];
    client.send(method, path, &headers, body.to_string().into_bytes()).await
}

async fn amend(client: &Client, order: i64, body: Value) -> Response {
    send(client, Method::PATCH, &format!("/api/orders/{order}"), body).await
}

/// The status and the cancel reason of an order, as they are stored.
fn stored(database: &Database, id: i64) -> (i16, Option<i16>) {
    let order = orders::table.find(id).select((orders::status, orders::cancel_reason));
    order.first(&mut database.connect()).unwrap()
}

const OPEN: (i16, Option<i16>) = (1, None);
const FILLED: (i16, Option<i16>) = (2, None);
const CANCELLED_AS_FROZEN: (i16, Option<i16>) = (3, Some(9));

/// A client of a user on another process, which has the user's token in its cache for long.
async fn remembered(app: &TestApp, user: &Client) -> Client {
    let client = user.at(app.address);
    assert_eq!(client.get("/api/user").await.status, 200);
    client
}

on_both! {
    /// A process may accept a token from its cache for a while. The orders do not depend on that.
    async fn no_process_accepts_an_order_of_a_frozen_user(database: Database) {
        let app = TestApp::start(&database).await;
        let other = TestApp::start_with(&database, &LONG_CACHE).await;
        let operator = admin::client(&app, &database, &[Users]);
        let alice = remembered(&other, &app.log_in("alice").await).await;
        alice.place("BTC", "buy", "90", "0.1").await.data();
        let before = alice.available("USD").await;
        freeze(&operator, 1).await;
        let account_frozen = refused(403, "account_frozen");
        for (price, symbol) in [("90", "BTC"), ("1", "ETH")] {
            let placed = alice.place(symbol, "buy", price, "0.1").await;
            assert_eq!(placed.refusal(), account_frozen);
        }
        let body = json!({ "symbol": "BTC", "side": "buy", "price": "90", "amount": "0.1" });
        let batch = json!({ "orders": [body, body], "atomic": false });
        let batch = alice.post("/api/orders/batch", &batch.to_string()).await;
        assert!(batch.body.contains("account_frozen"), "{}", batch.body);
        let amended = amend(&alice, 1, json!({ "price": "89" })).await;
        assert_eq!(amended.refusal(), account_frozen);
        let smaller = amend(&alice, 1, json!({ "amount": "0.05" })).await;
        assert_eq!(smaller.refusal(), account_frozen);
        // Neither do sign-ins that would outlast the freeze.
        let token = alice.post("/api/tokens", r#"{"name":"bot","abilities":["trade"]}"#).await;
        assert_eq!(token.status, 401, "{}", token.body);
        let password = json!({ "current_password": "password", "password": "other password",
            "password_confirmation": "other password" });
        let password = send(&alice, Method::PUT, "/api/user/password", password).await;
        assert_eq!(password.status, 401, "{}", password.body);
        assert_eq!(alice.available("USD").await, before);
        assert_eq!(stored(&database, 1), OPEN);
        // The same request is not answered with the refusal for ever.
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        let again = || async {
            let body = body.to_string().into_bytes();
            alice.send(Method::POST, "/api/orders", &headers, body).await
        };
        assert_eq!(again().await.refusal(), account_frozen);
        change(&operator, 1, "unfreeze", &json!({})).await.data();
        assert_eq!(again().await.status, 200);
        for app in [app, other] {
            app.stop();
        }
        database.audit();
    }

    async fn resting_orders_of_a_frozen_user_keep_their_place(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let operator = admin::client(&app, &database, &[Users, Read]);
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        alice.place("BTC", "buy", "90", "0.1").await.data();
        app.log_in("charlie").await.place("BTC", "buy", "90", "0.1").await.data();
        freeze(&operator, 1).await;
        bob.place("BTC", "sell", "90", "0.1").await.data();
        assert_eq!((stored(&database, 1), stored(&database, 2)), (FILLED, OPEN));
        let shown = operator.get("/api/admin/users/1").await.data();
        assert_eq!((&shown["status"], &shown["open_orders"]), (&json!("frozen"), &json!(0)));
        app.stop();
        database.audit();
    }

    async fn open_orders_are_cancelled_with_the_freeze_on_request(database: Database) {
        database.number_consecutively();
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let operator = admin::client(&app, &database, &[Users, Read]);
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let balance = alice.available("USD").await;
        alice.place("BTC", "buy", "90", "0.1").await.data();
        alice.place("ETH", "buy", "9", "0.1").await.data();
        bob.place("ETH", "buy", "9", "0.1").await.data();
        let stop = json!({ "symbol": "ETH", "side": "buy", "amount": "0.1",
            "type": "stop_market", "stop_price": "100" });
        alice.post("/api/orders", &stop.to_string()).await.data();
        let set = async |arguments: &str| {
            let (exit, output) = process::run(arguments, &database.url, &[]).await;
            assert_eq!(exit, 0, "{output}");
        };
        set("market BTC halted").await;
        let request = json!({ "cancel_orders": true, "reason": "R" });
        let frozen = change(&operator, 1, "freeze", &request).await.data();
        let cancelled = json!({ "order_ids": [2, 4], "halted_symbols": ["BTC"] });
        assert_eq!(frozen["cancelled"], cancelled);
        let states = [1, 2, 3, 4].map(|id| stored(&database, id));
        assert_eq!(states, [OPEN, CANCELLED_AS_FROZEN, OPEN, CANCELLED_AS_FROZEN]);
        let events = database.events_named("order.updated");
        let reasons = events.iter().filter(|row| row.json()["cancel_reason"] == "account_frozen");
        assert_eq!(reasons.count(), 2);
        set("market BTC cancel_only").await;
        // As after a process that died between the freeze and the last market.
        let frozen = change(&operator, 1, "freeze", &request).await.data();
        assert_eq!(frozen["cancelled"], json!({ "order_ids": [1] }));
        let frozen = change(&operator, 1, "freeze", &request).await.data();
        assert_eq!(frozen["cancelled"], json!({ "order_ids": [] }));
        assert_eq!(stored(&database, 1), CANCELLED_AS_FROZEN);

        let mut acts = acts(&operator).await;
        acts.retain(|act| act["action"] != "market.status_changed");
        let actions: Vec<&Value> = acts.iter().map(|act| &act["action"]).collect();
        assert_eq!(actions, ["user.frozen", "user.orders_cancelled", "user.orders_cancelled"]);
        let state = |symbol: &str, ids: Value| {
            json!({ "user_id": 1, "symbol": symbol, "open_orders": ids })
        };
        assert_eq!(acts[1]["before"], state("ETH", json!([2, 4])));
        assert_eq!(acts[1]["after"], state("ETH", json!([])));
        assert_eq!(acts[2]["before"], state("BTC", json!([1])));
        assert!(acts.iter().all(|act| act["token_id"].is_i64() && act["request_id"].is_string()));
        change(&operator, 1, "unfreeze", &json!({})).await.data();
        let alice = app.log_in("alice").await;
        assert_eq!(alice.available("USD").await, balance);
        let order = alice.get("/api/orders/2").await.data()["order"].clone();
        assert_eq!(order["cancel_reason"], "account_frozen");
        app.stop();
        database.audit();
    }

    async fn a_stop_order_of_a_frozen_user_is_cancelled_when_it_is_triggered(database: Database) {
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let operator = admin::client(&app, &database, &[Users]);
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let balance = alice.available("USD").await;
        let stop = json!({ "symbol": "BTC", "side": "buy", "amount": "0.1",
            "type": "stop_market", "stop_price": "100" });
        alice.post("/api/orders", &stop.to_string()).await.data();
        bob.place("BTC", "sell", "100", "0.2").await.data();
        freeze(&operator, 1).await;
        app.log_in("charlie").await.place("BTC", "buy", "100", "0.1").await.data();
        // By the batch after the one of the trade.
        let state = || async { (stored(&database, 1) == CANCELLED_AS_FROZEN).then_some(()) };
        wait_for("the cancellation", state).await;
        let events = database.events_named("order.updated");
        let cancelled = events.iter().map(|row| row.json()).find(|event| event["order_id"] == 1
            && event["cancel_reason"] == "account_frozen");
        assert!(cancelled.is_some());
        change(&operator, 1, "unfreeze", &json!({})).await.data();
        assert_eq!(app.log_in("alice").await.available("USD").await, balance);
        app.stop();
        database.audit();
    }

    /// An account that trading or a deposit creates later has the status of its user.
    async fn an_account_that_is_created_later_is_frozen_too(database: Database) {
        let app = TestApp::start(&database).await;
        let other = TestApp::start_with(&database, &LONG_CACHE).await;
        let operator = admin::client(&app, &database, &[Users, Funds]);
        let mut dora = app.visitor();
        dora.register("dora").await;
        let dora = remembered(&other, &dora).await;
        database.execute(&format!("DELETE FROM accounts WHERE user_id = {}", dora.user_id));
        freeze(&operator, dora.user_id).await;
        let deposit = json!({ "user_id": dora.user_id, "asset": "USD", "amount": "100",
            "reference": "r" });
        let deposited = operator.post("/api/admin/deposits", &deposit.to_string()).await;
        assert_eq!(deposited.status, 201, "{}", deposited.body);
        let placed = dora.place("BTC", "buy", "90", "0.1").await;
        assert_eq!(placed.refusal(), refused(403, "account_frozen"));
        change(&operator, dora.user_id, "unfreeze", &json!({})).await.data();
        assert_eq!(dora.place("BTC", "buy", "90", "0.1").await.status, 200);
        for app in [app, other] {
            app.stop();
        }
        database.audit();
    }

    /// Whatever a frozen user and others do: nothing is reserved, and no order is added.
    async fn balances_of_a_frozen_user_change_by_others_only(database: Database) {
        database.number_consecutively();
        let app = TestApp::start(&database).await;
        let other = TestApp::start_with(&database, &LONG_CACHE).await;
        let operator = admin::client(&app, &database, &[Users, Funds]);
        let alice = remembered(&other, &app.log_in("alice").await).await;
        let bob = app.log_in("bob").await;
        for price in ["90", "91", "110", "111"] {
            let side = if price.len() == 2 { "buy" } else { "sell" };
            alice.place("BTC", side, price, "0.05").await.data();
        }
        let highest = |of_user: i64| -> (i64, i64) {
            let own = orders::table.filter(orders::user_id.eq(of_user));
            let mut connection = database.connect();
            let order: Option<i64> =
                own.select(diesel::dsl::max(orders::id)).first(&mut connection).unwrap();
            let entry: Option<i64> = ledger_entries::table
                .select(diesel::dsl::max(ledger_entries::id))
                .first(&mut connection)
                .unwrap();
            (order.unwrap(), entry.unwrap())
        };
        freeze(&operator, 1).await;
        let (last_order, last_entry) = highest(1);
        let mut numbers = StdRng::seed_from_u64(29);
        for step in 0..60 {
            let price = numbers.random_range(88..=113).to_string();
            let side = if numbers.random_bool(0.5) { "buy" } else { "sell" };
            match numbers.random_range(0..5) {
                0 => {
                    let placed = alice.place("BTC", side, &price, "0.01").await;
                    assert_eq!(placed.refusal(), refused(403, "account_frozen"));
                }
                1 => {
                    let order = numbers.random_range(1..=4);
                    let amended = amend(&alice, order, json!({ "amount": "0.06" })).await;
                    assert!([400, 403].contains(&amended.status), "{}", amended.body);
                }
                2 => {
                    let body = json!({ "user_id": 1, "asset": "USD", "amount": "1",
                        "reference": format!("r-{step}") });
                    let made = operator.post("/api/admin/deposits", &body.to_string()).await;
                    assert_eq!(made.status, 201, "{}", made.body);
                }
                3 => drop(alice.cancel(numbers.random_range(1..=4)).await),
                _ => drop(bob.place("BTC", side, &price, "0.01").await),
            }
        }
        assert_eq!(highest(1).0, last_order);
        let own = ledger_entries::table
            .inner_join(accounts::table)
            .filter(accounts::user_id.eq(1))
            .filter(ledger_entries::id.gt(last_entry));
        let actions: Vec<i16> =
            own.select(ledger_entries::action).load(&mut database.connect()).unwrap();
        assert!(!actions.is_empty());
        let reserved = Action::OrderReserved.code();
        assert!(!actions.contains(&reserved), "{actions:?}");
        for app in [app, other] {
            app.stop();
        }
        database.audit();
    }
}
