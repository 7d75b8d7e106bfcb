//! The channels that are signed if the operator has chosen another pattern: the user's own, and
//! nothing else.

use std::collections::BTreeSet;

use serde_json::json;

use crate::broadcasting::{MASTER_KEY, PATHS, PROVIDER, check_rejected, shared_secret, signature};
use crate::on_both;
use crate::support::app::TestApp;
use crate::support::client::Client;

const CHANNEL: &str = "MATCHCAST__EVENTS__ORDER_MATCHED__CHANNEL";
const BOTH_KINDS: (&str, &str) = ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", MASTER_KEY);

/// Patterns that look like those of other channels, or like each other with some id.
const PATTERNS: [&str; 10] = [
    "private-users.{id}",
    "private-App.Models.User.{id}",
    "private-{id}",
    "private-1{id}",
    "private-{id}1",
    "private-user.{id}1",
    "private-user.1{id}",
    "private-encrypted.{id}",
    "private-private-user.{id}",
    "private-market.{id}.@=-_,;",
];
/// Parts of channels that are of no user of the tests, or of another one.
const IDS: [&str; 9] = ["", "1", "2", "11", "12", "21", "01", "{id}", "１"];

/// Names that could be signed by mistake: those of all patterns with all ids.
fn names() -> BTreeSet<String> {
    let patterns = PATTERNS.into_iter().chain(["private-user.{id}", "user.{id}", "market.BTC{id}"]);
    let mut names = BTreeSet::new();
    for pattern in patterns {
        for id in IDS {
            let name = pattern.replace("{id}", id);
            let rest = name.trim_start_matches("private-").to_owned();
            let others = [
                format!("private-encrypted-{rest}"),
                format!("private-encrypted-{name}"),
                format!("presence-{rest}"),
                format!("{name}:x"),
                name.to_uppercase(),
            ];
            names.extend(others);
            names.insert(name);
        }
    }
    names.retain(|name| !name.trim().is_empty());
    names
}

async fn ask(client: &Client, channel: &str) -> crate::support::client::Response {
    let fields = [("socket_id", "1234.1234"), ("channel_name", channel)];
    client.post_form(PATHS[0], &serde_urlencoded::to_string(fields).unwrap()).await
}

/// Every one of `names` is signed exactly if it is one of `own`.
async fn check(client: &Client, names: &BTreeSet<String>, own: &[String], pattern: &str) {
    let mut signed = Vec::new();
    for name in names.iter().chain(own) {
        let response = ask(client, name).await;
        if response.status != 200 {
            check_rejected(&response, name);
            assert_eq!(response.status, 403, "{pattern}: {name}: {}", response.body);
            continue;
        }
        let mut expected = json!({ "auth": signature(&format!("1234.1234:{name}")) });
        if name.starts_with("private-encrypted-") {
            expected["shared_secret"] = shared_secret(name).into();
        }
        assert_eq!(response.json(), expected, "{pattern}: {name}");
        signed.push(name.clone());
    }
    let signed: BTreeSet<String> = signed.into_iter().collect();
    assert_eq!(signed, own.iter().cloned().collect(), "{pattern}");
}

on_both! {
    async fn only_the_users_own_channel_is_signed_whatever_the_pattern_is(database: Database) {
        let names = names();
        assert!(names.len() > 400, "{}", names.len());
        for (number, pattern) in PATTERNS.into_iter().enumerate() {
            let has_both = number % 2 == 0;
            let mut variables = PROVIDER.to_vec();
            variables.push((CHANNEL, pattern));
            variables.extend(has_both.then_some(BOTH_KINDS));
            let app = TestApp::start_with(&database, &variables).await;
            let rest = pattern.strip_prefix("private-").unwrap();
            let mut patterns = vec![pattern.to_owned()];
            patterns.extend(has_both.then(|| format!("private-encrypted-{rest}")));
            let listed = app.visitor().get("/api/config").await.data()["user_channels"].clone();
            assert_eq!(listed, json!(patterns));
            let client = app.log_in(if has_both { "alice" } else { "bob" }).await;
            let id = client.user_id.to_string();
            let own: Vec<String> =
                patterns.iter().map(|pattern| pattern.replace("{id}", &id)).collect();
            check(&client, &names, &own, pattern).await;
            app.stop();
        }
    }

    async fn a_log_out_is_told_to_the_provider_on_the_users_channel(database: Database) {
        let variables = [
            ("BROADCAST_CONNECTION", "pusher"),
            ("PUSHER_HOST", "127.0.0.1"),
            // Nothing listens there, so that the event stays in the outbox.
            ("PUSHER_PORT", "1"),
            ("PUSHER_SCHEME", "http"),
            ("PUSHER_APP_ID", "1"),
            ("PUSHER_APP_KEY", "k"),
            (CHANNEL, "private-users.{id}"),
        ];
        let app = TestApp::start_with(&database, &variables).await;
        let alice = app.log_in("alice").await;
        assert_eq!(alice.post("/api/logout", "").await.status, 200);
        app.stop();
        let found: Vec<(String, String)> =
            database.events().into_iter().map(|row| (row.channel, row.name)).collect();
        assert_eq!(found, [("private-users.1".to_owned(), "terminate_connections".to_owned())]);
    }
}
