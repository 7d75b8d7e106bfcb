//! Settings: precedence of the sources, invalid values and their messages, secrets.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

mod database_url;
mod dotenv;
#[path = "../support/fuzz.rs"]
mod fuzz;
mod fuzz_sources;
mod keys;
mod markets;
mod matched_shape;
mod process;
mod start;
mod values;
mod withdrawals;

use matchcast::config::{Broadcasting, Config, ConfigError, Environment, Scheme, Sources};
use matchcast::market::{CommissionRates, Fixed};

const MASTER_KEY: &str = "bWF0Y2hjYXN0IHRlc3RzIG5lZWQgMzIgYnl0ZXMgLi4=";
const LONG_KEY: &str = "a key of more than thirty-two bytes, plain";
/// Part of every secret in these tests.
const SENTINEL: &str = "s3ntinel";

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_sources(&Sources::of_variables(variables.iter().copied()))
}

fn read_file(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut sources = Sources::of_variables(variables.iter().copied());
    sources.file = Some(("config/local.toml".to_owned(), file.to_owned()));
    Config::from_sources(&sources)
}

fn symbols(config: &Config) -> Vec<String> {
    config.market.listings.markets.iter().map(|listing| listing.symbol.clone()).collect()
}

/// Checks that the error is one sentence on one line, contains `name`, and contains no secret.
fn check_error(result: Result<Config, ConfigError>, name: &str, case: &str) {
    let text = result.expect_err(case).to_string();
    assert!(text.contains(name), "{case}: {text:?} does not name {name}");
    assert!(!text.contains('\n') && !text.contains(". "), "{case}: {text:?}");
    assert!(!text.contains(SENTINEL), "{case}: {text:?}");
}

#[test]
fn without_configuration_the_local_demo_starts() {
    let config = read(&[]).unwrap();
    assert_eq!(config.environment, Environment::Local);
    assert_eq!(config.broadcasting, Broadcasting::Embedded);
    assert_eq!((config.http.host.to_string().as_str(), config.http.port), ("127.0.0.1", 8080));
    assert_eq!(format!("{:?}", config.database), "SQLite at var/matchcast.sqlite");
    assert!(config.demo.enabled && config.demo.traders && !config.auth.cookies.secure);
    assert_eq!(symbols(&config), ["BTC", "ETH"]);
    assert_eq!(config.limits.log_ins_per_minute.map(|limit| limit.get()), Some(10));
    let unlimited = read(&[("MATCHCAST__LIMITS__LOG_INS_PER_MINUTE", "0")]).unwrap();
    assert_eq!(unlimited.limits.log_ins_per_minute, None);
    let buyer = Fixed::parse("0.015").unwrap();
    let commission = CommissionRates::BySide { buyer, seller: Fixed::ZERO };
    assert_eq!(config.market.listings.others.commission, commission);
    assert_eq!((config.pusher.app_id.as_str(), config.pusher.key.as_str()), ("matchcast", "local"));
    let other = read(&[]).unwrap();
    assert!(config.pusher.secret != other.pusher.secret, "the secret is random per start");
    assert!(config.pusher.secret.expose().len() >= 32);
}

#[test]
fn later_sources_take_precedence() {
    let file = "[http]\nport = 1111\nlist_cap = 7\n";
    let port = |config: Config| config.http.port;
    assert_eq!(read_file(file, &[]).map(port), Ok(1111));
    assert_eq!(read_file(file, &[("PORT", "2222")]).map(port), Ok(2222));
    assert_eq!(
        read_file(file, &[("PORT", "")]).map(port),
        Ok(1111),
        "an empty value counts as unset"
    );
    let both = [("PORT", "2222"), ("MATCHCAST__HTTP__PORT", "3333")];
    assert_eq!(read_file(file, &both).map(port), Ok(3333));
    let config = read_file(file, &both).unwrap();
    assert_eq!((config.http.list_cap.get(), config.http.body_limit.get()), (7, 65_536));
}

#[test]
fn an_unknown_setting_is_an_error() {
    for variable in [
        "MATCHCAST__HTTP__PROT",
        "MATCHCAST__HTP__PORT",
        "MATCHCAST__PORT",
        "MATCHCAST__",
        "MATCHCAST__HTTP",
        "MATCHCAST__HTTP__",
        "MATCHCAST__HTTP__PORT__X",
        "MATCHCAST__EVENTS__ORDER_MATCHED__X",
        "MATCHCAST__EVENTS__ORDER_MATCHED__NAME__X",
        "MATCHCAST__EVENTS__ORDER_MATCHED__",
    ] {
        check_error(read(&[(variable, "1")]), variable, variable);
    }
    for (file, named) in [
        ("[http]\nprot = 1", "http.prot"),
        ("[htp]\nport = 1", "htp.port"),
        ("port = 1", "port"),
        ("[http.port]\nx = 1", "http.port"),
        ("[events.order_matched]\nx = 1", "events.order_matched.x"),
        ("[events.order_matched.name]\nx = 1", "events.order_matched.name"),
        ("[events.order_updated]\nname = \"x\"", "events.order_updated"),
        ("[http", "config/local.toml"),
    ] {
        check_error(read_file(file, &[]), named, file);
        check_error(read_file(file, &[]), "config/local.toml", file);
    }
    assert!(
        read(&[("MATCHCASTLE", "1"), ("PUSHER_APP_NAME", "x")]).is_ok(),
        "variables of other programs"
    );
}

#[test]
fn an_invalid_value_names_its_setting() {
    for (variable, value) in [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "80.5"),
        ("HOST", "not an address"),
        ("APP_ENV", "staging"),
        ("APP_ENV", "../production"),
        ("BROADCAST_CONNECTION", "ably"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "var/matchcast.sqlite"),
        ("DATABASE_URL", "sqlite://"),
        ("PUSHER_PORT", "99999"),
        ("APP_KEY", "too short"),
        ("APP_KEY", "base64:%%%"),
        ("APP_KEY", "base64:c2hvcnQ="),
        ("MATCHCAST__HTTP__METRICS", "yes"),
        ("MATCHCAST__HTTP__WORKERS", "two"),
        ("MATCHCAST__HTTP__WORKERS", "-2"),
        ("MATCHCAST__HTTP__LIST_CAP", "0"),
        ("MATCHCAST__HTTP__BODY_LIMIT", "0"),
        ("MATCHCAST__HTTP__CORS_ORIGINS", "https://a.example,b.example"),
        ("MATCHCAST__HTTP__CORS_ORIGINS", "https://a.example/"),
        ("MATCHCAST__DATABASE__POOL_SIZE", "0"),
        ("MATCHCAST__ENGINE__QUEUE_LEN", "0"),
        ("MATCHCAST__ENGINE__BATCH_LEN", ""),
        ("MATCHCAST__MARKET__SYMBOLS", "BTC,usd"),
        ("MATCHCAST__MARKET__SYMBOLS", "USD"),
        ("MATCHCAST__MARKET__SYMBOLS", "A-B"),
        ("MATCHCAST__COMMISSION__BUYER", "1.5"),
        ("MATCHCAST__COMMISSION__BUYER", "-0.1"),
        ("MATCHCAST__COMMISSION__SELLER", "1.5 %"),
        ("MATCHCAST__AUTH__SECURE_COOKIES", "sometimes"),
        ("MATCHCAST__AUTH__SESSION_LIFETIME_MINUTES", "0"),
        ("MATCHCAST__DEMO__ENABLED", "maybe"),
        ("MATCHCAST__DEMO__TRADERS", "2"),
        ("MATCHCAST__PUBLISHER__BACKOFF_FACTOR", "fast"),
        ("MATCHCAST__PUBLISHER__BACKOFF_FACTOR", "0"),
        ("MATCHCAST__PUBLISHER__BACKOFF_FACTOR", "NaN"),
        ("MATCHCAST__PUBLISHER__BACKOFF_FACTOR", "inf"),
        ("MATCHCAST__PUBLISHER__BACKOFF_JITTER", "1.1"),
        ("MATCHCAST__LOG__FORMAT", "xml"),
    ] {
        check_error(read(&[(variable, value)]), variable, &format!("{variable}={value}"));
    }
    for (file, named) in [
        ("[http]\nport = \"8080\"", "http.port"),
        ("[http]\nport = 70000", "http.port"),
        ("[http]\nhost = \"nowhere\"", "http.host"),
        ("[http]\ncors_origins = [1]", "http.cors_origins"),
        ("[http]\ncors_origins = \"https://a.example\"", "http.cors_origins"),
        ("[commission]\nbuyer = 0.015", "commission.buyer"),
        ("[pusher]\nsecret = 12345", "pusher.secret"),
        ("[app]\nenv = 1", "app.env"),
        ("[log]\nformat = \"xml\"", "log.format"),
    ] {
        check_error(read_file(file, &[]), named, file);
    }
    assert!(read_file("[demo]\nenabled = false\n[publisher]\nbackoff_factor = 3", &[]).is_ok());
}

#[test]
fn a_number_out_of_range_is_rejected_with_its_range() {
    for (variable, value, expected) in [
        ("HTTP__LIST_CAP", "0", "(http.list_cap) must be a number greater than 0"),
        ("HTTP__LIST_CAP", "-1", "(http.list_cap) must be a number greater than 0"),
        ("PUBLISHER__POLL_MS", "0", "(publisher.poll_ms) must be a number greater than 0"),
        ("PUBLISHER__HOLD_MS", "0", "(publisher.hold_ms) must be a number greater than 0"),
        ("PUBLISHER__BACKOFF_JITTER", "1.1", "(publisher.backoff_jitter) must be from 0 to 1"),
        ("PUBLISHER__LANES", "0", "(publisher.lanes) must be from 1 to 64"),
        ("PUBLISHER__LANES", "65", "(publisher.lanes) must be from 1 to 64"),
        ("EVENTS__BOOK_DEPTH", "51", "(events.book_depth) must be from 1 to 50"),
    ] {
        let variable = format!("MATCHCAST__{variable}");
        let error = read(&[(&variable, value)]).unwrap_err().to_string();
        assert_eq!(error, format!("{variable} {expected}"));
    }
}

const PRODUCTION: [(&str, &str); 5] = [
    ("APP_ENV", "production"),
    ("APP_KEY", LONG_KEY),
    ("PUSHER_APP_ID", "1"),
    ("PUSHER_APP_KEY", "key"),
    ("PUSHER_APP_SECRET", SENTINEL),
];

#[test]
fn the_demo_has_traders_where_their_events_cost_nothing() {
    let with = |variables: &[(&str, &str)]| read(variables).unwrap().demo.traders;
    let external = ("PUSHER_APP_KEY", "key");
    let pusher = [external, ("PUSHER_APP_ID", "1"), ("PUSHER_APP_SECRET", SENTINEL)];
    let on = ("MATCHCAST__DEMO__TRADERS", "true");
    assert!(!with(&pusher));
    assert!(with(&[pusher[0], pusher[1], pusher[2], on]));
    assert!(!with(&[("BROADCAST_CONNECTION", "null")]));
    assert!(!with(&[("MATCHCAST__DEMO__TRADERS", "false")]));
    let no_demo = ("MATCHCAST__DEMO__ENABLED", "false");
    assert!(!with(&[no_demo]));
    check_error(read(&[no_demo, on]), "MATCHCAST__DEMO__TRADERS", "traders without a demo");
}

#[test]
fn production_requires_keys_and_rejects_the_demo() {
    let config = read(&PRODUCTION).unwrap();
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.broadcasting, Broadcasting::Pusher);
    assert!(!config.demo.enabled && !config.demo.traders && config.auth.cookies.secure);
    for missing in ["APP_KEY", "PUSHER_APP_ID", "PUSHER_APP_KEY", "PUSHER_APP_SECRET"] {
        let without: Vec<_> = PRODUCTION.into_iter().filter(|(n, _)| *n != missing).collect();
        check_error(read(&without), missing, missing);
        let empty: Vec<_> = without.iter().copied().chain([(missing, "")]).collect();
        check_error(read(&empty), missing, missing);
    }
    for (variable, value) in [
        ("MATCHCAST__DEMO__ENABLED", "true"),
        ("MATCHCAST__DEMO__TRADERS", "true"),
        ("APP_KEY", "short"),
        ("PUSHER_SCHEME", "ftp"),
        ("MATCHCAST__PUSHER__PATH", "no-slash"),
    ] {
        let with: Vec<_> = PRODUCTION.into_iter().chain([(variable, value)]).collect();
        check_error(read(&with), variable, variable);
    }
    // Production uses anything but a provider only if it is configured explicitly.
    for (connection, expected) in [
        ("embedded", Broadcasting::Embedded),
        ("log", Broadcasting::Log),
        ("null", Broadcasting::Null),
    ] {
        let variables = [
            ("APP_ENV", "production"),
            ("APP_KEY", LONG_KEY),
            ("BROADCAST_CONNECTION", connection),
        ];
        assert_eq!(read(&variables).map(|config| config.broadcasting), Ok(expected));
    }
}

#[test]
fn the_provider_is_chosen_by_the_key_unless_it_is_configured() {
    let keyed = [("PUSHER_APP_ID", "1"), ("PUSHER_APP_KEY", "k"), ("PUSHER_APP_SECRET", "s")];
    let with = |more: &[(&'static str, &'static str)]| {
        let variables: Vec<_> = keyed.iter().chain(more).copied().collect();
        read(&variables).unwrap()
    };
    assert_eq!(with(&[]).broadcasting, Broadcasting::Pusher, "there is a key");
    assert_eq!(with(&[("PUSHER_HOST", "")]).pusher.host, "", "empty counts as unset");
    assert_eq!(with(&[("PUSHER_HOST", "ws.example")]).pusher.host, "ws.example");
    assert_eq!(with(&[("PUSHER_APP_CLUSTER", "")]).pusher.cluster, "mt1");
    assert_eq!(with(&[("PUSHER_SCHEME", ""), ("PUSHER_PORT", "")]).pusher.scheme, Scheme::Https);
    let embedded = with(&[("BROADCAST_CONNECTION", "embedded")]);
    assert_eq!(embedded.broadcasting, Broadcasting::Embedded);
    assert_eq!(embedded.pusher.key, "k");
}

#[test]
fn keys_and_lists_are_parsed() {
    let key = |text: &str| read(&[("APP_KEY", text)]).unwrap().app_key.expose().to_vec();
    assert_eq!(key(LONG_KEY), LONG_KEY.as_bytes());
    let encoded = "base64:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    assert_eq!(key(encoded), b"01234567890123456789012345678901");
    assert_ne!(key(""), key(""), "the key is random per start");
    let symbols = |text| symbols(&read(&[("MATCHCAST__MARKET__SYMBOLS", text)]).unwrap()).join(" ");
    assert_eq!(symbols("BTC, ETH ,SOL,"), "BTC ETH SOL");
    assert_eq!(symbols(""), "");
    let origins = |text| read(&[("MATCHCAST__HTTP__CORS_ORIGINS", text)]).unwrap();
    assert_eq!(origins("https://a.example,http://b:1").http.cors_origins.len(), 2);
}

#[test]
fn secrets_appear_in_no_debug_output() {
    let key = format!("{SENTINEL} and more text to make it long");
    let url = format!("postgres://user:{SENTINEL}@localhost/name");
    let variables = [
        ("APP_KEY", key.as_str()),
        ("PUSHER_APP_ID", "1"),
        ("PUSHER_APP_KEY", "k"),
        ("PUSHER_APP_SECRET", SENTINEL),
        ("DATABASE_URL", &url),
    ];
    let sources = Sources::of_variables(variables);
    let config = Config::from_sources(&sources).unwrap();
    let file = Some(("config/local.toml".to_owned(), format!("[app]\nkey = \"{SENTINEL}\"")));
    let bytes = SENTINEL.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    for shown in [
        format!("{config:?} {config:#?}"),
        format!("{sources:?}"),
        format!("{:?}", Sources { file, ..Sources::default() }),
    ] {
        assert!(!shown.contains(SENTINEL) && !shown.contains(&bytes), "{shown}");
    }
    // Invalid TOML in the line of the secret.
    for file in [
        format!("[pusher]\nsecret = \"{SENTINEL}"),
        format!("[pusher]\nsecret = {SENTINEL}"),
        format!("[pusher]\nsecret = [\"{SENTINEL}\"]"),
        format!("[database]\nurl = \"{SENTINEL}\""),
    ] {
        let text = read_file(&file, &[]).expect_err(&file).to_string();
        assert!(!text.contains(SENTINEL), "{text}");
    }
}
