//! Changes of the status of users while they order, deposit and log in, through two processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::NaiveDateTime;
use diesel::prelude::*;
use matchcast::store::admin_tokens::AdminAbility::{Funds, Users};
use matchcast::store::schema::{accounts, orders, users};
use serde_json::json;

use crate::admin_users::{LONG_CACHE, change, freeze, refused};
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::{admin, rounds, run_concurrently, wait_for};

/// A user with money and without accounts in other assets, whose token both processes have cached.
async fn funded(apps: &[TestApp; 2], operator: &Client, name: &str) -> [Client; 2] {
    let mut user = apps[0].visitor();
    user.register(name).await;
    let deposit = json!({ "user_id": user.user_id, "asset": "USD", "amount": "10000",
        "reference": name });
    let deposited = operator.post("/api/admin/deposits", &deposit.to_string()).await;
    assert_eq!(deposited.status, 201, "{}", deposited.body);
    let clients = apps.each_ref().map(|app| user.at(app.address));
    for client in &clients {
        assert_eq!(client.get("/api/user").await.status, 200);
    }
    clients
}

fn changed_at(database: &Database, user: i64) -> NaiveDateTime {
    let time = users::table.find(user).select(users::status_changed_at);
    let time: Option<NaiveDateTime> = time.first(&mut database.connect()).unwrap();
    time.expect("the status was changed")
}

on_both! {
    /// Orders that are answered as placed were committed before the freeze, and none is placed
    /// after its response.
    async fn no_order_is_executed_after_the_response_of_a_freeze(database: Database) {
        let apps = [
            TestApp::start_with(&database, &LONG_CACHE).await,
            TestApp::start_with(&database, &LONG_CACHE).await,
        ];
        let operator = admin::client(&apps[0], &database, &[Users, Funds]);
        for round in 0..rounds(3) {
            let clients = funded(&apps, &operator, &format!("user{round}")).await;
            let user = clients[0].user_id;
            if round % 2 == 1 {
                // So that the orders create accounts while the user is frozen.
                database.execute(&format!(
                    "DELETE FROM accounts WHERE user_id = {user} AND available = 0"
                ));
            }
            let is_frozen = Arc::new(AtomicBool::new(false));
            let tasks = (0..8).map(|n| {
                let (client, is_frozen) = (clients[n % 2].clone(), is_frozen.clone());
                let symbol = ["BTC", "ETH"][n / 4];
                tokio::spawn(async move {
                    let (mut placed, mut late) = (0, 0);
                    loop {
                        let began_late = is_frozen.load(Ordering::SeqCst);
                        let response = client.place(symbol, "buy", "1", "0.01").await;
                        match response.status {
                            200 if began_late => late += 1,
                            200 => placed += 1,
                            // The process that freezes does not accept the token either.
                            401 => {}
                            _ => assert_eq!(response.refusal(), refused(403, "account_frozen")),
                        }
                        if began_late {
                            return (placed, late);
                        }
                    }
                })
            });
            let tasks: Vec<_> = tasks.collect();
            let count = || -> i64 {
                let own = orders::table.filter(orders::user_id.eq(user)).count();
                own.get_result(&mut database.connect()).unwrap()
            };
            wait_for("orders", || async { (count() >= 10).then_some(()) }).await;
            freeze(&operator.at(apps[round % 2].address), user).await;
            is_frozen.store(true, Ordering::SeqCst);
            let mut placed = 0;
            for task in tasks {
                let (before, late) = task.await.unwrap();
                assert_eq!(late, 0, "orders that were placed after the freeze");
                placed += before;
            }
            assert_eq!(count(), placed, "each order is answered as placed");
            let own = orders::table.filter(orders::user_id.eq(user));
            let last: Option<NaiveDateTime> = own
                .select(diesel::dsl::max(orders::created_at))
                .first(&mut database.connect())
                .unwrap();
            assert!(last.unwrap() <= changed_at(&database, user));
            database.audit();
        }
        for app in apps {
            app.stop();
        }
    }

    /// One of them wins: no money on a closed user, and no deposit that is lost.
    async fn a_deposit_and_a_close_at_once_leave_no_money_on_a_closed_user(database: Database) {
        let apps = [TestApp::start(&database).await, TestApp::start(&database).await];
        let operator = admin::client(&apps[0], &database, &[Users, Funds]);
        let mut wins = [0, 0];
        for round in 0..rounds(12) {
            let mut user = apps[0].visitor();
            user.register(&format!("user{round}")).await;
            let id = user.user_id;
            if round % 3 == 2 {
                database.execute(&format!("DELETE FROM accounts WHERE user_id = {id}"));
            }
            let (first, second) = (operator.clone(), operator.at(apps[1].address));
            let deposit = json!({ "user_id": id, "asset": "USD", "amount": "1",
                "reference": format!("r-{round}") });
            let calls = [true, false].map(|is_deposit| {
                let (first, second, body) = (first.clone(), second.clone(), deposit.to_string());
                async move {
                    match is_deposit {
                        true => second.post("/api/admin/deposits", &body).await,
                        false => change(&first, id, "close", &json!({})).await,
                    }
                }
            });
            let [deposited, closed] = run_concurrently(calls).await.try_into().unwrap();
            match (deposited.status, closed.status) {
                (201, 409) => {
                    assert_eq!(closed.refusal(), refused(409, "account_not_empty"));
                    wins[0] += 1;
                }
                (409, 200) => {
                    assert_eq!(deposited.refusal(), refused(409, "account_closed"));
                    wins[1] += 1;
                }
                _ => panic!("{} and {}", deposited.body, closed.body),
            }
            let held = accounts::table.filter(accounts::user_id.eq(id));
            let held: Option<i64> = held
                .filter(accounts::available.gt(0))
                .select(accounts::available)
                .first(&mut database.connect())
                .optional()
                .unwrap();
            assert_eq!(held.is_some(), deposited.status == 201);
            database.audit();
        }
        assert_eq!(wins.iter().sum::<usize>(), rounds(12), "{wins:?}");
        for app in apps {
            app.stop();
        }
    }

    /// Also with log-ins among them: each one ends with the last freeze.
    async fn freezes_and_unfreezes_at_once_are_one_after_the_other(database: Database) {
        let apps = [TestApp::start(&database).await, TestApp::start(&database).await];
        let operator = admin::client(&apps[0], &database, &[Users]);
        let calls = (0..24).map(|n: usize| {
            let client = operator.at(apps[n % 2].address);
            let visitor = apps[n % 2].visitor();
            async move {
                if n % 3 == 2 {
                    let body = json!({ "email": "alice@example.com", "password": "password" });
                    let response = visitor.post("/api/login", &body.to_string()).await;
                    assert!([200, 403].contains(&response.status), "{}", response.body);
                    return;
                }
                let what = if n.is_multiple_of(3) { "freeze" } else { "unfreeze" };
                change(&client, 1, what, &json!({})).await.data();
            }
        });
        run_concurrently(calls).await;
        freeze(&operator, 1).await;
        let tokens = matchcast::store::schema::tokens::table;
        let of_alice = matchcast::store::schema::tokens::user_id.eq(1);
        let count: i64 =
            tokens.filter(of_alice).count().get_result(&mut database.connect()).unwrap();
        assert_eq!(count, 0);
        for app in apps {
            app.stop();
        }
        database.audit();
    }
}
