//! The shape of `order.matched`: its name, the channels of users, and objects in the payload.

use matchcast::config::Config;
use matchcast::events::{
    ChannelPattern, Decimals, MatchedShape, Model, OwnColumn, ProfileColumn, UserChannelKinds,
};

use crate::{MASTER_KEY, check_error, read, read_file};

const SECTION: &str = "MATCHCAST__EVENTS__ORDER_MATCHED";
const ID_AND_NAME: [ProfileColumn; 2] = [ProfileColumn::Id, ProfileColumn::Name];

fn variable(key: &str) -> String {
    format!("{SECTION}__{key}")
}

/// The shape with one variable.
fn with(key: &str, value: &str) -> MatchedShape {
    read(&[(&variable(key), value)]).unwrap().events.matched_shape
}

#[test]
fn the_default_shape_is_that_of_the_catalogue() {
    let config = read(&[]).unwrap();
    assert!(config.events.order_matched);
    let [id, name] = ID_AND_NAME.map(OwnColumn::Profile);
    assert_eq!(
        config.events.matched_shape,
        MatchedShape {
            name: None,
            include: Vec::new(),
            own_columns: vec![id, name, OwnColumn::Balance],
            counterparty_columns: ID_AND_NAME.to_vec(),
            decimals: Decimals::Text,
        }
    );
    assert_eq!(config.delivery.user_channels.pattern, ChannelPattern::default());
    assert_eq!(with("NAME", "order.matched").name, None, "the default is no other name");
}

#[test]
fn a_file_and_variables_set_the_shape() {
    let file = r#"
        [events]
        order_updated = false
        [events.order_matched]
        name = 'App\Events\OrderMatched'
        channel = "private-App.Models.User.{id}"
        include = ["trade", "seller", "buyer", "trade"]
        counterparty_columns = []
        decimals = "number"
    "#;
    let config = read_file(file, &[]).unwrap();
    let shape = &config.events.matched_shape;
    assert_eq!(shape.name.as_ref().map(|name| name.as_str()), Some(r"App\Events\OrderMatched"));
    assert_eq!(shape.include, [Model::Trade, Model::Seller, Model::Buyer], "each once");
    assert_eq!((shape.counterparty_columns.len(), shape.decimals), (0, Decimals::Number));
    let pattern = &config.delivery.user_channels.pattern;
    assert_eq!(pattern.to_string(), "private-App.Models.User.{id}");

    let [name, include, own_columns] = ["NAME", "INCLUDE", "OWN_COLUMNS"].map(variable);
    let variables = [
        (name.as_str(), "OrderMatched"),
        (include.as_str(), "buyer"),
        (own_columns.as_str(), "id, email ,assets"),
    ];
    let shape = read_file(file, &variables).unwrap().events.matched_shape;
    assert_eq!(shape.name.as_ref().map(|name| name.as_str()), Some("OrderMatched"));
    assert_eq!(shape.include, [Model::Buyer]);
    let [id, email] = [ProfileColumn::Id, ProfileColumn::Email].map(OwnColumn::Profile);
    assert_eq!(shape.own_columns, [id, email, OwnColumn::Assets]);
}

#[test]
fn the_event_is_switched_off_with_or_without_its_section() {
    let enabled = |config: Config| config.events.order_matched;
    let in_section = variable("ENABLED");
    for (key, value, expected) in [
        (SECTION, "false", false),
        (SECTION, "0", false),
        (SECTION, "auto", true),
        (in_section.as_str(), "false", false),
    ] {
        assert_eq!(read(&[(key, value)]).map(enabled), Ok(expected), "{key}={value}");
    }
    for file in [
        "[events]\norder_matched = false",
        "[events]\norder_matched = \"false\"",
        "[events.order_matched]\nenabled = false",
    ] {
        assert_eq!(read_file(file, &[]).map(enabled), Ok(false), "{file}");
        assert_eq!(read_file(file, &[(SECTION, "true")]).map(enabled), Ok(true), "{file}");
    }
    check_error(read(&[(SECTION, "maybe")]), SECTION, "maybe");
}

#[test]
fn an_invalid_shape_names_its_key() {
    for (key, value, words) in [
        ("NAME", "", "1 to 200"),
        ("NAME", "order matched", "spaces"),
        ("NAME", "order.updated", "another event"),
        ("NAME", "terminate_connections", "another event"),
        ("NAME", "pusher:error", "pusher:"),
        ("CHANNEL", "", "private-"),
        ("CHANNEL", "users.{id}", "private-"),
        ("CHANNEL", "market.{id}", "private-"),
        ("CHANNEL", "presence-users.{id}", "private-"),
        ("CHANNEL", "private-users", "{id} once"),
        ("CHANNEL", "private-users.{userId}", "{id} once"),
        ("CHANNEL", "private-{id}.{id}", "{id} once"),
        ("CHANNEL", "private-users/{id}", "letters"),
        ("CHANNEL", "private-users:{id}", "letters"),
        ("CHANNEL", "private-encrypted-users.{id}", "USER_CHANNELS"),
        ("INCLUDE", "trade,order", "trade, buyer, seller"),
        ("INCLUDE", "Trade", "trade, buyer, seller"),
        ("OWN_COLUMNS", "id,password", "email_verified_at"),
        ("COUNTERPARTY_COLUMNS", "remember_token", "email_verified_at"),
        ("COUNTERPARTY_COLUMNS", "id,balance", "the user's own"),
        ("COUNTERPARTY_COLUMNS", "locked_balance", "the user's own"),
        ("COUNTERPARTY_COLUMNS", "name,assets", "the user's own"),
        ("DECIMALS", "string", "text, number"),
    ] {
        let (variable, case) = (variable(key), format!("{key}={value}"));
        let result = read(&[(&variable, value)]);
        let text = result.as_ref().expect_err(&case).to_string();
        assert!(text.contains(words), "{case}: {text}");
        let named = format!("{variable} (events.order_matched.{}) ", key.to_lowercase());
        check_error(result, &named, &case);
    }
    check_error(
        read_file("[events.order_matched]\ninclude = \"trade\"", &[]),
        "events.order_matched.include must be a list",
        "a text instead of a list",
    );
    let file = "[http]\nport = 1\n[events.order_matched]\nname = \"App\\Events\\OrderMatched\"\n";
    check_error(read_file(file, &[]), "line 4 cannot be read (a text with backslashes", file);
}

#[test]
fn the_encrypted_channel_has_the_same_pattern() {
    let channel = variable("CHANNEL");
    let config = read(&[
        (channel.as_str(), "private-users.{id}"),
        ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", MASTER_KEY),
    ]);
    let channels = config.unwrap().delivery.user_channels;
    assert_eq!(channels.kinds, UserChannelKinds::Both);
    let patterns: Vec<String> = channels.patterns().collect();
    assert_eq!(patterns, ["private-users.{id}", "private-encrypted-users.{id}"]);
}
