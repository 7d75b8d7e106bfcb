//! `kill -9` between any two steps of what administrators and users do with money: the act is
//! executed once, whatever the step.
//!
//! A relay forwards a number of packets to PostgreSQL and then none, and the process is killed. The
//! number grows until the act succeeds before it.

use std::time::Duration;

use matchcast::store::admin_tokens::AdminAbility::{Funds, Read, Users};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::{Client, Response};
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::{admin, rounds, wait_for};

/// Far more packets than any act needs.
const MAX_STEPS: usize = 400;
/// Only some steps are tried, unless there are more rounds.
const STRIDE: usize = 4;

/// A process behind a relay, and its clients.
struct Server {
    database: Database,
    relay: Relay,
    process: Option<Process>,
    bob: Client,
    administrators: [Client; 2],
}

impl Server {
    async fn start(variables: &[(&'static str, String)]) -> Self {
        let database = Database::postgres();
        let relay = Relay::start(&database.url).await;
        let through = Database::existing(relay.url.clone());
        let process = Process::start(&through, &quiet(variables)).await;
        let bob = process.log_in("bob").await;
        let administrators = [(); 2].map(|()| {
            let mut client = bob.clone();
            client.token =
                Some(admin::create(&database, &admin::new_token(&[Funds, Read, Users])).1);
            client
        });
        Self { database, relay, process: Some(process), bob, administrators }
    }

    /// Kills the process and starts it again.
    async fn restart(&mut self, variables: &[(&'static str, String)]) {
        if let Some(process) = self.process.take() {
            let log = process.kill();
            assert!(!log.contains("panicked"), "{log}");
        }
        self.relay.restore();
        let through = Database::existing(self.relay.url.clone());
        let process = Process::start(&through, &quiet(variables)).await;
        self.bob = self.bob.at(process.address);
        self.administrators =
            self.administrators.each_ref().map(|client| client.at(process.address));
        self.process = Some(process);
    }

    /// Sends a request, and loses packets after some. Whether there is an answer before.
    async fn send_until(&self, step: usize, act: &Act, client: &Client) -> bool {
        // So that the database is asked for the same at each step.
        assert_eq!(self.bob.get("/api/user").await.status, 200);
        self.relay.lose_packets_after(step);
        let (act, client) = (act.clone(), client.clone());
        let sent = tokio::spawn(async move { act.send(&client).await });
        loop {
            if sent.is_finished() {
                return sent.await.expect("no panic").is_some();
            }
            if self.relay.loses_packets() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Available and locked.
    async fn balance(&self) -> (i64, i64) {
        let balances = self.bob.get("/api/balances").await.data();
        let units = |value: &Value| (value.as_f64().unwrap() * 1000.0).round() as i64;
        let all = balances.as_array().unwrap().clone();
        let own = all.iter().find(|balance| balance["currency"] == "BTC").unwrap().clone();
        (units(&own["available"]), units(&own["locked"]))
    }
}

/// Nothing but the requests of the test uses the database.
fn quiet(variables: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("BROADCAST_CONNECTION", "null".to_owned()),
        ("MATCHCAST__PUBLISHER__POLL_MS", "60000".to_owned()),
        ("MATCHCAST__WEBHOOKS__ENABLED", "false".to_owned()),
        ("MATCHCAST__AUTH__CACHE_SECONDS", "600".to_owned()),
    ];
    all.extend(variables.iter().cloned());
    all
}

/// A request that may be sent again until it has an answer.
#[derive(Clone)]
struct Act {
    path: String,
    body: Value,
    key: String,
}

impl Act {
    fn new(path: &str, body: Value, number: usize) -> Self {
        Self { path: path.to_owned(), body, key: format!("act-{number}") }
    }

    async fn send(&self, client: &Client) -> Option<Response> {
        let headers =
            [("content-type", "application/json"), ("idempotency-key", self.key.as_str())];
        let body = self.body.to_string().into_bytes();
        let sent = client.try_send(Method::POST, &self.path, &headers, body).await;
        sent.ok().filter(|response| ![409, 503].contains(&response.status))
    }

    /// Sends it until it has an answer.
    async fn complete(&self, client: &Client) -> Response {
        wait_for("an answer", || async { self.send(client).await }).await
    }
}

/// What is done at each step: the act, who sends it, and what it changes (available and locked).
struct Case {
    name: &'static str,
    act: fn(usize, i64) -> Act,
    /// The position of an administrator. `None`: bob.
    sender: Option<usize>,
    /// What has to be done before, whose id the act names.
    before: Option<fn(usize) -> Act>,
    change: (i64, i64),
}

fn withdrawal(number: usize) -> Act {
    let body = json!({ "asset": "BTC", "amount": "0.001", "destination": "a bank account" });
    Act::new("/api/withdrawals", body, number)
}

fn adjustment(number: usize) -> Act {
    let body = json!({ "user_id": 2, "asset": "BTC", "amount": "0.002", "reason": "a mistake" });
    Act::new("/api/admin/adjustments", body, number)
}

const CASES: [Case; 7] = [
    Case {
        name: "a deposit",
        act: |number, _| {
            let reference = format!("payment {number}");
            let body = json!({
                "user_id": 2, "asset": "BTC", "amount": "0.003", "reference": reference,
            });
            Act::new("/api/admin/deposits", body, number)
        },
        sender: Some(0),
        before: None,
        change: (3, 0),
    },
    Case {
        name: "a request of a withdrawal",
        act: |number, _| withdrawal(number),
        sender: None,
        before: None,
        change: (-1, 1),
    },
    Case {
        name: "the completion of a withdrawal",
        act: |number, id| {
            Act::new(&format!("/api/admin/withdrawals/{id}/complete"), json!({}), number)
        },
        sender: Some(0),
        before: Some(withdrawal),
        change: (-1, 0),
    },
    Case {
        name: "the rejection of a withdrawal",
        act: |number, id| {
            Act::new(&format!("/api/admin/withdrawals/{id}/reject"), json!({}), number)
        },
        sender: Some(0),
        before: Some(withdrawal),
        change: (0, 0),
    },
    Case {
        name: "the cancellation of a withdrawal",
        act: |number, id| Act::new(&format!("/api/withdrawals/{id}/cancel"), json!({}), number),
        sender: None,
        before: Some(withdrawal),
        change: (0, 0),
    },
    Case {
        name: "a proposal of an adjustment",
        act: |number, _| adjustment(number),
        sender: Some(0),
        before: None,
        change: (0, 0),
    },
    Case {
        name: "the approval of an adjustment",
        act: |number, id| {
            Act::new(&format!("/api/admin/adjustments/{id}/approve"), json!({}), number)
        },
        sender: Some(1),
        before: Some(adjustment),
        change: (2, 0),
    },
];

async fn check(case: &Case) {
    let four_eyes = [("MATCHCAST__ADMIN__FOUR_EYES", "true".to_owned())];
    let mut server = Server::start(&four_eyes).await;
    let stride = (STRIDE / rounds(1)).max(1);
    let first = rand::random_range(0..stride);
    let mut has_crashed = false;
    for step in (first..MAX_STEPS).step_by(stride) {
        let (mut expected, number) = (server.balance().await, step * 2);
        expected = (expected.0 + case.change.0, expected.1 + case.change.1);
        let mut id = 0;
        if let Some(before) = case.before {
            let act = before(number + 1);
            let client = if act.path.starts_with("/api/admin") {
                &server.administrators[0]
            } else {
                &server.bob
            };
            id = act.complete(client).await.data()["id"].as_i64().unwrap();
        }
        let act = (case.act)(number, id);
        let sender = |server: &Server| match case.sender {
            Some(position) => server.administrators[position].clone(),
            None => server.bob.clone(),
        };
        let is_done = server.send_until(step, &act, &sender(&server)).await;
        server.restart(&four_eyes).await;
        has_crashed |= !is_done;
        let answer = act.complete(&sender(&server)).await;
        let context = format!("{}, step {step}: {}", case.name, answer.body);
        assert!([200, 201].contains(&answer.status), "{context}");
        assert_eq!(server.balance().await, expected, "{context}");
        server.database.audit();
        if is_done {
            assert!(has_crashed, "{context}");
            return;
        }
    }
    panic!("{} needs more than {MAX_STEPS} packets", case.name);
}

macro_rules! each_case {
    ($($name:ident: $position:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::support::logs::start();
            check(&CASES[$position]).await;
        }
    )+};
}

each_case! {
    a_deposit_is_made_once: 0;
    a_withdrawal_is_requested_once: 1;
    a_withdrawal_is_completed_once: 2;
    a_withdrawal_is_rejected_once: 3;
    a_withdrawal_is_cancelled_once: 4;
    an_adjustment_is_proposed_once: 5;
    an_adjustment_is_approved_once: 6;
}

/// The freeze is one transaction, and the orders of each market are cancelled in another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_frozen_and_the_orders_are_cancelled() {
    crate::support::logs::start();
    let mut server = Server::start(&[]).await;
    let before = server.balance().await;
    let stride = (STRIDE / rounds(1)).max(1);
    let first = rand::random_range(0..stride);
    let mut has_crashed = false;
    for step in (first..MAX_STEPS).step_by(stride) {
        for symbol in ["BTC", "ETH"] {
            let placed = server.bob.place(symbol, "sell", "1000", "0.1").await;
            assert_eq!(placed.status, 200, "{}", placed.body);
        }
        let freeze = Act::new("/api/admin/users/2/freeze", json!({ "cancel_orders": true }), step);
        let is_done = server.send_until(step, &freeze, &server.administrators[0]).await;
        server.restart(&[]).await;
        has_crashed |= !is_done;
        let administrator = &server.administrators[0];
        let frozen = freeze.complete(administrator).await;
        assert_eq!(frozen.status, 200, "step {step}: {}", frozen.body);
        let user = administrator.get("/api/admin/users/2").await.data();
        assert_eq!(
            (&user["status"], &user["open_orders"]),
            (&json!("frozen"), &json!(0)),
            "{user}"
        );
        server.database.audit();
        let unfreeze = Act::new("/api/admin/users/2/unfreeze", json!({}), step);
        assert_eq!(unfreeze.complete(administrator).await.status, 200);
        server.bob.log_in("bob@example.com", "password").await;
        assert_eq!(server.balance().await, before, "step {step}");
        if is_done {
            assert!(has_crashed);
            return;
        }
    }
    panic!("a freeze needs more than {MAX_STEPS} packets");
}
