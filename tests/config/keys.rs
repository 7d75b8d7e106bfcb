//! Every key of the default file can be set by a variable.

use toml::{Table, Value};

use crate::{LONG_KEY, MASTER_KEY, PRODUCTION, read};

const DEFAULT: &str = include_str!("../../config/default.toml");

const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://localhost/name");
const READ_URL: &str = "postgres://localhost:5433/name";

/// A value other than the default, and the variables that it requires.
fn another(
    section: &str,
    key: &str,
    default: &Value,
) -> (String, Vec<(&'static str, &'static str)>) {
    let text = match (section, key) {
        ("app", "env") => return ("production".to_owned(), PRODUCTION[1..].to_vec()),
        ("pusher", "key") => return ("other".to_owned(), vec![("PUSHER_APP_ID", "1")]),
        ("app", "key") => LONG_KEY,
        ("http", "host") => "0.0.0.0",
        ("http", "cors_origins") => "https://a.example",
        ("database", "url") => "sqlite://elsewhere",
        ("database", "read_url") => return (READ_URL.to_owned(), vec![POSTGRES]),
        ("database", "max_lag_ms") => {
            return ("250".to_owned(), vec![POSTGRES, ("DATABASE_READ_URL", READ_URL)]);
        }
        ("market", "symbols") => "SOL",
        ("market", "min_value" | "tick_size" | "lot_size" | "max_slippage") => "0.5",
        ("market", "excess_decimals") => "truncate",
        ("commission", "maker" | "taker") => {
            let both = ["MATCHCAST__COMMISSION__MAKER", "MATCHCAST__COMMISSION__TAKER"];
            return ("0.5".to_owned(), both.map(|variable| (variable, "0.1")).to_vec());
        }
        ("commission", _) => "0.5",
        ("auth", "secure_cookies") => "true",
        ("auth", "session_domain") => "example.com",
        ("auth", "session_same_site") => "strict",
        ("demo", "enabled" | "traders") | ("webhooks", "allow_private") => "false",
        ("broadcasting", "connection") => "null",
        ("broadcasting", "user_channels") => {
            return (
                "encrypted".to_owned(),
                vec![("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", MASTER_KEY)],
            );
        }
        ("pusher", "encryption_master_key_base64") => MASTER_KEY,
        ("pusher", "scheme" | "public_scheme") => "http",
        ("events.order_matched", "name") => "OrderMatched",
        ("events.order_matched", "channel") => "private-users.{id}",
        ("events.order_matched", "include") => "trade",
        ("events.order_matched", "own_columns" | "counterparty_columns") => "email",
        ("events.order_matched", "decimals") => "number",
        ("events" | "events.order_matched", _) if default.is_str() => "false",
        ("log", "format") => "json",
        _ => match default {
            Value::Integer(number) => return ((number + 1).to_string(), Vec::new()),
            Value::Float(number) => return ((number / 2.0).to_string(), Vec::new()),
            Value::Boolean(flag) => return ((!flag).to_string(), Vec::new()),
            _ => "/other",
        },
    };
    (text.to_owned(), Vec::new())
}

/// Settings that no debug output shows: secrets, and a permission that is only checked.
const HIDDEN: [(&str, &str); 4] = [
    ("app", "key"),
    ("pusher", "secret"),
    ("pusher", "encryption_master_key_base64"),
    ("database", "allow_remote_in_local"),
];

/// Sections, also those within others, and their keys.
fn sections(table: &Table, prefix: &str) -> Vec<(String, Table)> {
    let mut found = Vec::new();
    for (name, value) in table {
        let Value::Table(entries) = value else { continue };
        let name = format!("{prefix}{name}");
        found.extend(sections(entries, &format!("{name}.")));
        found.push((name, entries.clone()));
    }
    found
}

#[test]
fn each_key_can_be_set_by_a_variable() {
    let table: Table = DEFAULT.parse().unwrap();
    let mut keys = 0;
    for (section, entries) in &sections(&table, "") {
        for (key, default) in entries.iter().filter(|(_, value)| !value.is_table()) {
            let (value, more) = another(section, key, default);
            let path = section.replace('.', "__");
            let variable = format!("MATCHCAST__{path}__{key}").to_uppercase();
            // Secrets do not appear in the output, so it is enough that they are accepted.
            let fixed = [("APP_KEY", LONG_KEY), ("PUSHER_APP_SECRET", "fixed")];
            let base: Vec<_> = fixed.into_iter().chain(more).collect();
            let mut with = base.clone();
            with.push((&variable, &value));
            let before = read(&base).unwrap_or_else(|error| panic!("{variable}: {error}"));
            let after = read(&with).unwrap_or_else(|error| panic!("{variable}: {error}"));
            let differs = format!("{before:?}") != format!("{after:?}");
            let is_hidden = HIDDEN.contains(&(section.as_str(), key.as_str()));
            assert!(differs || is_hidden, "{variable}={value} changes nothing");
            keys += 1;
        }
    }
    assert!(keys > 40, "{keys}");
    let secret = read(&[("MATCHCAST__PUSHER__SECRET", "mine")]).unwrap().pusher.secret;
    assert_eq!(secret.expose(), "mine");
}
