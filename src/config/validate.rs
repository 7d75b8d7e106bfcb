//! From merged settings to a [`Config`]: types, defaults that depend on others, and refusals.

use base64::Engine as _;
use rand::RngCore;
use serde::Deserialize;
use toml::Table;

use super::{
    Auth, Broadcasting, Commission, Config, ConfigError, Delivery, Demo, Engine, Environment,
    Events, Http, Log, Publisher, Pusher, Secret, SecretBytes, layers,
};
use crate::events::UserChannels;
use crate::market::Fixed;
use crate::store::DatabaseUrl;

/// What a session cookie's signature needs.
const MIN_KEY_BYTES: usize = 32;
/// So many prices on both sides fit into one event, however many digits they have.
const MAX_BOOK_DEPTH: i64 = 50;
/// Of the embedded provider, where nothing else is set.
const EMBEDDED_APP_ID: &str = "matchcast";
const EMBEDDED_KEY: &str = "local";

/// The merged table, as it is raw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    app: RawApp,
    http: Http,
    database: RawDatabase,
    engine: Engine,
    market: RawMarket,
    commission: RawCommission,
    auth: RawAuth,
    demo: RawDemo,
    broadcasting: RawBroadcasting,
    events: RawEvents,
    pusher: Pusher,
    publisher: Publisher,
    log: Log,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApp {
    env: String,
    key: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDatabase {
    url: Secret,
    pool_size: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMarket {
    symbols: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCommission {
    buyer: String,
    seller: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAuth {
    token_lifetime_minutes: u32,
    session_lifetime_minutes: u32,
    secure_cookies: String,
    cache_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDemo {
    enabled: String,
    faucet_calls_per_day: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBroadcasting {
    connection: String,
    user_channels: String,
    to_others: bool,
    only_occupied: bool,
    occupancy_refresh_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvents {
    order_matched: String,
    order_updated: String,
    balance_updated: String,
    trade_executed: String,
    book_updated: String,
    book_updates_per_second: u32,
    book_depth: i64,
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(sentence.into()))
}

pub(super) fn resolve(table: Table) -> Result<Config, ConfigError> {
    let raw: Raw = match table.clone().try_into() {
        Ok(raw) => raw,
        Err(error) => return Err(wrong_value(&table, &error)),
    };
    let environment = match raw.app.env.as_str() {
        "local" => Environment::Local,
        "production" => Environment::Production,
        other => return refuse(format!("APP_ENV must be local or production, not {other:?}")),
    };
    let (broadcasting, pusher) = provider(environment, &raw)?;
    let demo_enabled = by_environment(&raw.demo.enabled, "MATCHCAST__DEMO__ENABLED", || {
        environment == Environment::Local
    })?;
    if demo_enabled && environment == Environment::Production {
        return refuse(
            "MATCHCAST__DEMO__ENABLED must be false with APP_ENV=production: the demo's passwords \
             are public",
        );
    }
    let secure = "MATCHCAST__AUTH__SECURE_COOKIES";
    let secure_cookies = by_environment(&raw.auth.secure_cookies, secure, || {
        environment == Environment::Production
    })?;
    let config = Config {
        environment,
        app_key: SecretBytes(app_key(environment, raw.app.key.expose())?),
        database: DatabaseUrl::parse(raw.database.url.expose()).map_err(ConfigError)?,
        pool_size: raw.database.pool_size,
        markets: symbols(raw.market.symbols)?,
        commission: Commission {
            buyer: rate(&raw.commission.buyer, "MATCHCAST__COMMISSION__BUYER")?,
            seller: rate(&raw.commission.seller, "MATCHCAST__COMMISSION__SELLER")?,
        },
        auth: Auth {
            token_lifetime_minutes: raw.auth.token_lifetime_minutes,
            session_lifetime_minutes: raw.auth.session_lifetime_minutes,
            secure_cookies,
            cache_seconds: raw.auth.cache_seconds,
        },
        demo: Demo { enabled: demo_enabled, faucet_calls_per_day: raw.demo.faucet_calls_per_day },
        http: raw.http,
        engine: raw.engine,
        broadcasting,
        delivery: delivery(&raw.broadcasting, &pusher)?,
        events: events(environment, &raw.events)?,
        pusher,
        publisher: raw.publisher,
        log: raw.log,
    };
    check_limits(&config)?;
    Ok(config)
}

/// Which of the settings cannot be read: the one that is wrong even where all others are the
/// defaults.
fn wrong_value(table: &Table, error: &toml::de::Error) -> ConfigError {
    for (section, key, value) in layers::settings(table) {
        let alone: Result<Raw, _> = layers::with_default(section, key, value).try_into();
        if let Err(error) = alone {
            // Kinds are right by now, and a secret may be any text, so no message quotes one.
            let name = layers::name_of(section, key);
            return ConfigError(format!("{name} is wrong: {}", error.message()));
        }
    }
    ConfigError(format!("the configuration is wrong: {}", error.message()))
}

/// A switch whose `auto` depends on the environment.
fn by_environment(
    text: &str,
    variable: &str,
    auto: impl Fn() -> bool,
) -> Result<bool, ConfigError> {
    match text {
        "auto" => Ok(auto()),
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => refuse(format!("{variable} must be auto, true or false")),
    }
}

fn provider(environment: Environment, raw: &Raw) -> Result<(Broadcasting, Pusher), ConfigError> {
    let mut pusher = raw.pusher.clone();
    let broadcasting = match raw.broadcasting.connection.as_str() {
        "pusher" => Broadcasting::Pusher,
        "embedded" => Broadcasting::Embedded,
        "log" => Broadcasting::Log,
        "null" => Broadcasting::Null,
        "" if !pusher.key.is_empty() => Broadcasting::Pusher,
        "" if environment == Environment::Local => Broadcasting::Embedded,
        "" => {
            return refuse(
                "PUSHER_APP_KEY is not set: APP_ENV=production needs a provider, or \
                 BROADCAST_CONNECTION=embedded said outright",
            );
        }
        other => {
            return refuse(format!(
                "BROADCAST_CONNECTION must be pusher, embedded, log or null, not {other:?}"
            ));
        }
    };
    if broadcasting == Broadcasting::Pusher {
        let required = [
            ("PUSHER_APP_ID", pusher.app_id.is_empty()),
            ("PUSHER_APP_KEY", pusher.key.is_empty()),
            ("PUSHER_APP_SECRET", pusher.secret.is_empty()),
        ];
        if let Some((variable, _)) = required.into_iter().find(|(_, empty)| *empty) {
            return refuse(format!("{variable} is not set: events go to a provider that needs it"));
        }
        if !matches!(pusher.scheme.as_str(), "http" | "https") {
            return refuse("PUSHER_SCHEME must be https or http");
        }
        if !pusher.path.is_empty() && !pusher.path.starts_with('/') {
            return refuse("MATCHCAST__PUSHER__PATH must begin with a slash");
        }
    } else {
        // The endpoint signs in any case, so that a page's subscriptions do not fail.
        let fill = |slot: &mut String, value: &str| {
            if slot.is_empty() {
                value.clone_into(slot);
            }
        };
        fill(&mut pusher.app_id, EMBEDDED_APP_ID);
        fill(&mut pusher.key, EMBEDDED_KEY);
        if pusher.secret.is_empty() {
            pusher.secret = Secret::from(random_hex());
        }
    }
    Ok((broadcasting, pusher))
}

fn delivery(raw: &RawBroadcasting, pusher: &Pusher) -> Result<Delivery, ConfigError> {
    let has_key = !pusher.encryption_master_key_base64.is_empty();
    let user_channels = match raw.user_channels.as_str() {
        "auto" if has_key => UserChannels::Both,
        "auto" | "private" => UserChannels::Private,
        "encrypted" => UserChannels::Encrypted,
        "both" => UserChannels::Both,
        _ => {
            return refuse(
                "MATCHCAST__BROADCASTING__USER_CHANNELS must be auto, private, encrypted or both",
            );
        }
    };
    if user_channels.has_encrypted() && !has_key {
        return refuse(
            "PUSHER_ENCRYPTION_MASTER_KEY_BASE64 is not set: \
             MATCHCAST__BROADCASTING__USER_CHANNELS asks for encrypted channels",
        );
    }
    Ok(Delivery {
        user_channels,
        to_others: raw.to_others,
        only_occupied: raw.only_occupied,
        occupancy_refresh_seconds: raw.occupancy_refresh_seconds,
    })
}

fn events(environment: Environment, raw: &RawEvents) -> Result<Events, ConfigError> {
    let switch = |text: &str, variable: &str| {
        by_environment(text, variable, || environment == Environment::Local)
    };
    Ok(Events {
        order_matched: switch(&raw.order_matched, "MATCHCAST__EVENTS__ORDER_MATCHED")?,
        order_updated: switch(&raw.order_updated, "MATCHCAST__EVENTS__ORDER_UPDATED")?,
        balance_updated: switch(&raw.balance_updated, "MATCHCAST__EVENTS__BALANCE_UPDATED")?,
        trade_executed: switch(&raw.trade_executed, "MATCHCAST__EVENTS__TRADE_EXECUTED")?,
        book_updated: switch(&raw.book_updated, "MATCHCAST__EVENTS__BOOK_UPDATED")?,
        book_updates_per_second: raw.book_updates_per_second,
        book_depth: raw.book_depth,
    })
}

fn random_hex() -> String {
    let mut bytes = [0_u8; 20];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

fn app_key(environment: Environment, text: &str) -> Result<Vec<u8>, ConfigError> {
    if text.is_empty() {
        if environment == Environment::Production {
            return refuse("APP_KEY is not set: APP_ENV=production signs cookies with it");
        }
        let mut key = vec![0_u8; MIN_KEY_BYTES];
        rand::rng().fill_bytes(&mut key);
        return Ok(key);
    }
    let key = match text.strip_prefix("base64:") {
        Some(encoded) => base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|_| ConfigError("APP_KEY is not base64 after base64:".to_owned()))?,
        None => text.as_bytes().to_vec(),
    };
    if key.len() < MIN_KEY_BYTES {
        return refuse(format!("APP_KEY must have at least {MIN_KEY_BYTES} bytes"));
    }
    Ok(key)
}

fn symbols(symbols: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let well_formed = |symbol: &String| {
        (1..=16).contains(&symbol.len())
            && symbol.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && symbol != crate::store::markets::QUOTE
    };
    match symbols.iter().find(|symbol| !well_formed(symbol)) {
        Some(wrong) => refuse(format!(
            "MATCHCAST__MARKET__SYMBOLS: {wrong:?} is not 1 to 16 capital letters and digits, \
             other than USD"
        )),
        None => Ok(symbols),
    }
}

fn rate(text: &str, variable: &str) -> Result<Fixed, ConfigError> {
    match Fixed::parse(text) {
        Ok(rate) if rate >= Fixed::ZERO && rate <= Fixed::ONE => Ok(rate),
        _ => refuse(format!("{variable} must be from 0 to 1 with at most 8 decimals")),
    }
}

fn check_limits(config: &Config) -> Result<(), ConfigError> {
    let publisher = &config.publisher;
    let positive = [
        ("MATCHCAST__DATABASE__POOL_SIZE", config.pool_size > 0),
        ("MATCHCAST__ENGINE__QUEUE_LEN", config.engine.queue_len > 0),
        ("MATCHCAST__ENGINE__BATCH_LEN", config.engine.batch_len > 0),
        ("MATCHCAST__HTTP__BODY_LIMIT", config.http.body_limit > 0),
        ("MATCHCAST__HTTP__MAX_CONNECTIONS", config.http.max_connections > 0),
        ("MATCHCAST__HTTP__LIST_CAP", config.http.list_cap > 0),
        ("MATCHCAST__AUTH__SESSION_LIFETIME_MINUTES", config.auth.session_lifetime_minutes > 0),
        ("MATCHCAST__PUSHER__CONNECT_TIMEOUT_MS", config.pusher.connect_timeout_ms > 0),
        ("MATCHCAST__PUSHER__REQUEST_TIMEOUT_MS", config.pusher.request_timeout_ms > 0),
        ("MATCHCAST__PUBLISHER__POLL_MS", publisher.poll_ms > 0),
        ("MATCHCAST__PUBLISHER__LEASE_MS", publisher.lease_ms > 0),
        ("MATCHCAST__PUBLISHER__PAGE_LEN", publisher.page_len > 0),
        (
            "MATCHCAST__BROADCASTING__OCCUPANCY_REFRESH_SECONDS",
            config.delivery.occupancy_refresh_seconds > 0,
        ),
        ("MATCHCAST__EVENTS__BOOK_UPDATES_PER_SECOND", config.events.book_updates_per_second > 0),
        ("MATCHCAST__PUBLISHER__BACKOFF_FIRST_MS", publisher.backoff_first_ms > 0),
        ("MATCHCAST__PUBLISHER__HOLD_MS", publisher.hold_ms > 0),
        (
            "MATCHCAST__PUBLISHER__BACKOFF_FACTOR",
            publisher.backoff_factor > 0.0 && publisher.backoff_factor.is_finite(),
        ),
    ];
    if let Some((variable, _)) = positive.into_iter().find(|(_, holds)| !holds) {
        return refuse(format!("{variable} must be a number greater than 0"));
    }
    if !(0.0..=1.0).contains(&publisher.backoff_jitter) {
        return refuse("MATCHCAST__PUBLISHER__BACKOFF_JITTER must be from 0 to 1");
    }
    if !(1..=crate::store::outbox::SHARDS).contains(&publisher.lanes) {
        return refuse("MATCHCAST__PUBLISHER__LANES must be from 1 to 64");
    }
    if !(1..=MAX_BOOK_DEPTH).contains(&config.events.book_depth) {
        return refuse("MATCHCAST__EVENTS__BOOK_DEPTH must be from 1 to 50");
    }
    let wrong_origin = |origin: &&String| {
        origin.as_str() != "*" && (!origin.contains("://") || origin.ends_with('/'))
    };
    if let Some(origin) = config.http.cors_origins.iter().find(wrong_origin) {
        return refuse(format!(
            "MATCHCAST__HTTP__CORS_ORIGINS: {origin:?} is no origin such as https://shop.example"
        ));
    }
    Ok(())
}
