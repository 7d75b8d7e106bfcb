//! The events of an order, a trade and a cancellation: their exact contents, the settings that turn
//! them on, and their channels.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use matchcast::store::schema::{accounts, trades};

use crate::on_both;
use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::outbox::{EVENT_VARIABLES, OutboxRow, start_with_events};

/// Every event that the engine writes.
pub const ALL: [&str; 4] = ["order.matched", "order.updated", "balance.updated", "trade.executed"];

const MASTER_KEY: (&str, &str) =
    ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");

/// Channel, name and data in one line. Line breaks and indentation in `data` are removed.
fn line(channel: &str, name: &str, data: &str) -> String {
    let data: String = data.lines().map(str::trim).collect();
    format!("{channel} {name} {data}")
}

fn lines(rows: &[OutboxRow]) -> Vec<String> {
    rows.iter().map(|row| line(&row.channel, &row.name, &row.data)).collect()
}

/// The line of the event `balance.updated` in the same batch as `row`.
fn balance(database: &Database, user: i64, currency: &str, row: &OutboxRow, rest: &str) -> String {
    let asset = if currency == "USD" { 1 } else { 2 };
    let account = accounts::table
        .filter(accounts::user_id.eq(user))
        .filter(accounts::asset_id.eq(asset))
        .select(accounts::id);
    let account: i64 = account.first(&mut database.connect()).expect("an account");
    let micros = row.created_at.and_utc().timestamp_micros();
    let data = format!(
        r#"{{"event_id":"balance.updated-{account}-{micros}","currency":"{currency}",{rest}}}"#
    );
    line(&format!("private-user.{user}"), "balance.updated", &data)
}

/// The time of the first trade, in the format of the API.
fn first_trade_time(database: &Database) -> String {
    let at = trades::table.select(trades::created_at).order(trades::id);
    let at: chrono::NaiveDateTime = at.first(&mut database.connect()).expect("a trade");
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

on_both! {
    async fn each_event_has_exactly_the_expected_content(database: Database) {
        database.number_consecutively();
        let (app, _provider) = start_with_events(&database, &ALL, &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        let balance = |user, currency: &str, row: &OutboxRow, rest: &str| {
            balance(&database, user, currency, row, rest)
        };

        let order = r#"{"symbol":"BTC","side":"buy","price":50000,"amount":0.1,
            "client_order_id":"a-1"}"#;
        alice.post("/api/orders", order).await.data();
        let opened = database.events();
        assert_eq!(lines(&opened), [
            line("private-user.1", "order.updated", r#"{
                "event_id":"order.updated-1-1-10000000-0-0-1",
                "order_id":1,"symbol":"BTC","side":"buy","price":"50000","amount":"0.1",
                "filled_amount":"0","status":1,"change":"opened","cancel_reason":null,
                "client_order_id":"a-1",
                "prevented_amount":"0","stop_price":null}"#),
            balance(1, "USD", &opened[0], r#""available":"4925","locked":"5075""#),
        ]);

        bob.place("BTC", "sell", "49000.5", "0.04").await.data();
        let traded = database.events().split_off(opened.len());
        let matched = r#"{"event_id":"order.matched-1","trade_id":1,"symbol":"BTC","price":50000,
            "amount":0.04,"buyer_id":1,"seller_id":2,"buy_order_id":1,"sell_order_id":2}"#;
        let at = first_trade_time(&database);
        assert_eq!(lines(&traded), [
            line("private-user.1", "order.matched", matched),
            line("private-user.2", "order.matched", matched),
            line("market.BTC", "trade.executed", &format!(r#"{{"event_id":"trade.executed-1",
                "sequence":1,"trade_id":1,"symbol":"BTC","price":"50000","amount":"0.04",
                "side":"sell","executed_at":"{at}"}}"#)),
            line("private-user.1", "order.updated", r#"{
                "event_id":"order.updated-1-1-10000000-4000000-0-1",
                "order_id":1,"symbol":"BTC","side":"buy","price":"50000","amount":"0.1",
                "filled_amount":"0.04","status":1,"change":"partly_filled",
                "cancel_reason":null,"client_order_id":"a-1",
                "prevented_amount":"0","stop_price":null}"#),
            line("private-user.2", "order.updated", r#"{
                "event_id":"order.updated-2-2-4000000-4000000-0-2",
                "order_id":2,"symbol":"BTC","side":"sell","price":"49000.5","amount":"0.04",
                "filled_amount":"0.04","status":2,"change":"filled","cancel_reason":null,
                "client_order_id":null,
                "prevented_amount":"0","stop_price":null}"#),
            balance(1, "USD", &traded[0], r#""available":"4925","locked":"3045""#),
            balance(1, "BTC", &traded[0], r#""available":"0.54","locked":"0""#),
            balance(2, "BTC", &traded[0], r#""available":"0.96","locked":"0""#),
            balance(2, "USD", &traded[0], r#""available":"12000","locked":"0""#),
        ]);

        alice.cancel(1).await;
        bob.post("/api/faucet", r#"{"currency":"USD","amount":"0.00000001"}"#).await.data();
        let last = database.events().split_off(opened.len() + traded.len());
        assert_eq!(lines(&last), [
            line("private-user.1", "order.updated", r#"{
                "event_id":"order.updated-1-1-10000000-4000000-0-3",
                "order_id":1,"symbol":"BTC","side":"buy","price":"50000","amount":"0.1",
                "filled_amount":"0.04","status":3,"change":"cancelled",
                "cancel_reason":"user","client_order_id":"a-1",
                "prevented_amount":"0","stop_price":null}"#),
            balance(1, "USD", &last[0], r#""available":"7970","locked":"0""#),
            balance(2, "USD", &last[2], r#""available":"12000.00000001","locked":"0""#),
        ]);
        assert!(database.events().iter().all(|row| row.socket_id.is_none()));
        app.stop();
        database.audit();
    }

    async fn an_order_that_would_match_its_owners_order_is_cancelled(database: Database) {
        database.number_consecutively();
        let (app, _provider) = start_with_events(&database, &["order.updated"], &[]).await;
        let (alice, bob) = (app.log_in("alice").await, app.log_in("bob").await);
        bob.place("BTC", "sell", "100", "0.01").await.data();
        alice.place("BTC", "sell", "101", "0.01").await.data();
        // It matches Bob's order first, then reaches alice's own order: the rest is cancelled.
        alice.place("BTC", "buy", "101", "0.03").await.data();
        alice.place("BTC", "buy", "101", "0.02").await.data();
        let written: Vec<(String, String, String)> = database.events().iter().map(|row| {
            let event = row.json();
            let text = |field: &str| event[field].as_str().expect("a text").to_owned();
            (row.event_id(), text("filled_amount"), text("change"))
        }).collect();
        let expected = [
            ("order.updated-1-1-1000000-0-0-1", "0", "opened"),
            ("order.updated-2-2-1000000-0-0-1", "0", "opened"),
            ("order.updated-1-1-1000000-1000000-0-2", "0.01", "filled"),
            ("order.updated-3-3-3000000-1000000-0-3", "0.01", "cancelled"),
            ("order.updated-4-4-2000000-0-0-3", "0", "cancelled"),
        ];
        assert_eq!(written, expected.map(|(id, filled, change)| {
            (id.to_owned(), filled.to_owned(), change.to_owned())
        }));
        app.stop();
        database.audit();
    }

    async fn a_rejected_order_causes_no_event(database: Database) {
        let all = EVENT_VARIABLES.map(|(name, _)| name);
        let (app, _provider) = start_with_events(&database, &all, &[]).await;
        let alice = app.log_in("alice").await;
        for (price, amount, status) in
            [("50000", "1", 400), ("1e10", "1e10", 422), ("-1", "1", 422), ("1", "0", 422)]
        {
            let rejected = alice.place("BTC", "buy", price, amount).await;
            assert_eq!(rejected.status, status, "{}", rejected.body);
        }
        assert_eq!(alice.cancel(7).await.status, 404);
        app.stop();
        assert_eq!(lines(&database.events()), [""; 0]);
        database.audit();
    }
}

/// Two orders that match partly; the rest is cancelled. Together they cause every kind of event.
async fn trade_and_cancel(alice: &Client, bob: &Client) {
    let placed = alice.place("BTC", "buy", "100", "0.02").await.data();
    bob.place("BTC", "sell", "100", "0.01").await.data();
    let cancelled = alice.cancel(placed["order"]["id"].as_i64().expect("an id")).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
}

fn names(rows: &[OutboxRow]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

on_both! {
    async fn each_event_has_its_own_setting(database: Database) {
        let all = EVENT_VARIABLES.map(|(name, _)| name);
        let alone = all.map(|name| vec![name]);
        for on in alone.into_iter().chain([Vec::new(), all.to_vec()]) {
            let (app, _provider) = start_with_events(&database, &on, &[]).await;
            let before = database.events().len();
            trade_and_cancel(&app.log_in("alice").await, &app.log_in("bob").await).await;
            // The last state of the book is published at the latest when the process stops.
            app.stop();
            let written = database.events().split_off(before);
            assert_eq!(names(&written), BTreeSet::from_iter(on.iter().copied()), "{on:?}");
        }
        database.audit();
    }

    async fn user_events_go_to_the_configured_channels(database: Database) {
        let kinds = [
            ("private", &["private-user."][..]),
            ("encrypted", &["private-encrypted-user."][..]),
            ("both", &["private-user.", "private-encrypted-user."][..]),
        ];
        for (kind, prefixes) in kinds {
            let mode = ("MATCHCAST__BROADCASTING__USER_CHANNELS", kind);
            let (app, _provider) = start_with_events(&database, &ALL, &[MASTER_KEY, mode]).await;
            let before = database.events().len();
            trade_and_cancel(&app.log_in("alice").await, &app.log_in("bob").await).await;
            app.stop();
            let written = database.events().split_off(before);
            let mut by_channel = BTreeMap::<&str, Vec<(&str, &str)>>::new();
            for row in written.iter().filter(|row| row.channel != "market.BTC") {
                by_channel.entry(&row.channel).or_default().push((&row.name, &row.data));
            }
            assert_eq!(by_channel.len(), 2 * prefixes.len(), "{kind}: {:?}", by_channel.keys());
            for user in [1, 2] {
                let channels = prefixes.iter().map(|prefix| format!("{prefix}{user}"));
                let distinct: BTreeSet<_> =
                    channels.map(|channel| &by_channel[&*channel]).collect();
                assert_eq!(distinct.len(), 1, "{kind}: the same events in the same order");
            }
            let matched = written.iter().filter(|row| row.name == "order.matched").count();
            assert_eq!(matched, 2 * prefixes.len(), "{kind}");
            let executed = written.iter().filter(|row| row.name == "trade.executed").count();
            assert_eq!(executed, 1, "{kind}: on the public channel only");
            // For each trade, the audit counts the events that were turned on at that time.
            database.audit();
        }
    }
}
