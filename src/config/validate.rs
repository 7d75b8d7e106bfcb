//! Turns raw settings into a [`Config`]: rules that involve several keys, defaults that depend on
//! other settings, and the messages for invalid values.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use rand::RngCore;

use super::cookies;
use super::error::ConfigError;
use super::raw::{Raw, RawAuth, RawDatabase, RawDemo, RawEvents, RawHttp, RawPublisher, RawPusher};
use super::secret::{Secret, SecretBytes};
use super::settings::{
    Admin, Auth, Backoff, Broadcasting, Config, Delivery, Demo, Embedded, Engine, Environment,
    Events, Http, Limits, Log, PublicAddress, Publisher, Pusher, ReadReplicas, Scheme, Webhooks,
};
use super::{market, matched_shape, origin, withdrawals};
use crate::events::{UserChannelKinds, UserChannels};
use crate::store::{DatabaseUrl, Timeouts};

/// Minimum length of the key that signs session cookies.
const MIN_KEY_BYTES: usize = 32;
/// The app of the embedded provider, if none is configured.
const EMBEDDED_APP_ID: &str = "matchcast";
const EMBEDDED_KEY: &str = "local";

pub fn validate(raw: Raw) -> Result<Config, ConfigError> {
    let environment = environment(&raw.app.env)?;
    let broadcasting = broadcasting(environment, &raw)?;
    let delivery = delivery(&raw)?;
    let market = market::market(raw.market, raw.markets, &raw.commission)?;
    let app_key = app_key(environment, raw.app.key.expose())?;
    let database = database(environment, &raw.database)?;
    Ok(Config {
        environment,
        app_key,
        replicas: replicas(&database, &raw.database)?,
        database,
        pool_size: raw.database.pool_size,
        database_timeouts: Timeouts {
            request: millis(raw.database.timeout_ms),
            batch: millis(raw.database.batch_timeout_ms),
        },
        database_start_timeout: Duration::from_secs(raw.database.start_timeout_seconds),
        withdrawals: withdrawals::withdrawals(raw.withdrawals, &market.listings)?,
        market,
        admin: Admin { four_eyes: raw.admin.four_eyes },
        auth: auth(environment, &raw.auth)?,
        webhooks: Webhooks {
            enabled: raw.webhooks.enabled,
            allow_private: switch(
                &raw.webhooks.allow_private,
                "MATCHCAST__WEBHOOKS__ALLOW_PRIVATE",
                environment == Environment::Local,
            )?,
            timeout: millis(raw.webhooks.timeout_ms),
            disable_after: TimeDelta::days(raw.webhooks.disable_after_days.get().into()),
        },
        demo: demo(environment, broadcasting, &raw.demo)?,
        http: http(raw.http)?,
        limits: Limits {
            orders_per_minute: NonZeroU32::new(raw.limits.orders_per_minute),
            reads_per_minute: NonZeroU32::new(raw.limits.reads_per_minute),
            admin_per_minute: NonZeroU32::new(raw.limits.admin_per_minute),
            log_ins_per_minute: NonZeroU32::new(raw.limits.log_ins_per_minute),
            log_ins_per_minute_per_address: NonZeroU32::new(
                raw.limits.log_ins_per_minute_per_address,
            ),
        },
        engine: Engine {
            lanes: raw.engine.lanes,
            queue_len: raw.engine.queue_len,
            batch_len: raw.engine.batch_len,
            max_wait: millis(raw.engine.max_wait_ms),
        },
        broadcasting,
        delivery,
        events: events(environment, &raw.events)?,
        pusher: pusher(broadcasting, raw.pusher)?,
        embedded: Embedded {
            connections: raw.embedded.connections,
            connections_per_address: raw.embedded.connections_per_address,
        },
        publisher: publisher(&raw.publisher),
        log: Log { level: raw.log.level, format: raw.log.format, access: raw.log.access },
    })
}

fn invalid<T>(sentence: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(sentence.into()))
}

fn millis(number: NonZeroU64) -> Duration {
    Duration::from_millis(number.get())
}

fn minutes(number: u32) -> Duration {
    Duration::from_secs(u64::from(number) * 60)
}

fn environment(text: &str) -> Result<Environment, ConfigError> {
    match text {
        "local" => Ok(Environment::Local),
        "production" => Ok(Environment::Production),
        other => invalid(format!("APP_ENV must be local or production, not {other:?}")),
    }
}

/// Reads a switch whose value `auto` depends on the environment.
fn switch(text: &str, variable: &str, auto: bool) -> Result<bool, ConfigError> {
    match text {
        "auto" => Ok(auto),
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => invalid(format!("{variable} must be auto, true or false")),
    }
}

fn demo(
    environment: Environment,
    broadcasting: Broadcasting,
    raw: &RawDemo,
) -> Result<Demo, ConfigError> {
    let is_local = environment == Environment::Local;
    let enabled = switch(&raw.enabled, "MATCHCAST__DEMO__ENABLED", is_local)?;
    if enabled && environment == Environment::Production {
        return invalid(
            "MATCHCAST__DEMO__ENABLED must be false with APP_ENV=production: the passwords of the \
             demo are public",
        );
    }
    // The events of other providers may be counted and paid for.
    let is_free = broadcasting == Broadcasting::Embedded;
    let traders = switch(&raw.traders, "MATCHCAST__DEMO__TRADERS", enabled && is_free)?;
    if traders && !enabled {
        return invalid(
            "MATCHCAST__DEMO__TRADERS must be false without MATCHCAST__DEMO__ENABLED: the traders \
             are a part of the demo",
        );
    }
    Ok(Demo { enabled, traders, faucet_calls_per_day: raw.faucet_calls_per_day })
}

fn database(environment: Environment, raw: &RawDatabase) -> Result<DatabaseUrl, ConfigError> {
    let url = DatabaseUrl::parse(raw.url.expose()).map_err(ConfigError)?;
    let is_local = environment == Environment::Local;
    if is_local && !url.is_local() && !raw.allow_remote_in_local {
        return invalid(
            "DATABASE_URL names a database on another machine, where APP_ENV=local would create \
             users with public passwords: set APP_ENV=production, or \
             MATCHCAST__DATABASE__ALLOW_REMOTE_IN_LOCAL=true",
        );
    }
    Ok(url)
}

fn replicas(primary: &DatabaseUrl, raw: &RawDatabase) -> Result<Option<ReadReplicas>, ConfigError> {
    let url = raw.read_url.expose();
    if url.is_empty() {
        return Ok(None);
    }
    let url = DatabaseUrl::parse_replicas(url).map_err(ConfigError)?;
    if matches!(primary, DatabaseUrl::Sqlite(_)) {
        return invalid("DATABASE_READ_URL needs a PostgreSQL database in DATABASE_URL");
    }
    Ok(Some(ReadReplicas { url, max_lag: Duration::from_millis(raw.max_lag_ms) }))
}

fn http(raw: RawHttp) -> Result<Http, ConfigError> {
    Ok(Http {
        host: raw.host,
        port: raw.port,
        workers: NonZeroUsize::new(raw.workers),
        max_connections: raw.max_connections,
        body_limit: raw.body_limit,
        request_timeout: millis(raw.request_timeout_ms),
        body_timeout: millis(raw.body_timeout_ms),
        keep_alive: Duration::from_secs(raw.keep_alive_seconds),
        cors_origins: origins(raw.cors_origins)?,
        metrics: raw.metrics,
        list_cap: raw.list_cap,
        shutdown: Duration::from_secs(raw.shutdown_seconds),
    })
}

fn origins(origins: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let normalize = |written: String| {
        if written == "*" {
            return Ok(written);
        }
        origin::normalize(&written).ok_or_else(|| {
            ConfigError(format!(
                "MATCHCAST__HTTP__CORS_ORIGINS: {written:?} is not an origin such as \
                 https://shop.example"
            ))
        })
    };
    origins.into_iter().map(normalize).collect()
}

fn auth(environment: Environment, raw: &RawAuth) -> Result<Auth, ConfigError> {
    let is_production = environment == Environment::Production;
    let secure = switch(&raw.secure_cookies, cookies::SECURE, is_production)?;
    Ok(Auth {
        token_lifetime: Some(minutes(raw.token_lifetime_minutes)).filter(|life| !life.is_zero()),
        session_lifetime: minutes(raw.session_lifetime_minutes.get()),
        cookies: cookies::attributes(secure, &raw.session_domain, &raw.session_same_site)?,
        cache_ttl: Duration::from_secs(raw.cache_seconds),
    })
}

fn broadcasting(environment: Environment, raw: &Raw) -> Result<Broadcasting, ConfigError> {
    match raw.broadcasting.connection.as_str() {
        "pusher" => Ok(Broadcasting::Pusher),
        "embedded" => Ok(Broadcasting::Embedded),
        "log" => Ok(Broadcasting::Log),
        "null" => Ok(Broadcasting::Null),
        "" if !raw.pusher.key.is_empty() => Ok(Broadcasting::Pusher),
        "" if environment == Environment::Local => Ok(Broadcasting::Embedded),
        "" => invalid(
            "PUSHER_APP_KEY is not set: APP_ENV=production needs a provider, or an explicit \
             BROADCAST_CONNECTION=embedded",
        ),
        other => invalid(format!(
            "BROADCAST_CONNECTION must be pusher, embedded, log or null, not {other:?}"
        )),
    }
}

fn pusher(broadcasting: Broadcasting, raw: RawPusher) -> Result<Pusher, ConfigError> {
    if broadcasting == Broadcasting::Pusher {
        check_provider(&raw)?;
    }
    let public = public_address(&raw)?;
    // The auth endpoint signs even without a provider, so that subscriptions do not fail.
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    let secret = if raw.secret.is_empty() { Secret::from(random_hex()) } else { raw.secret };
    Ok(Pusher {
        app_id: or(raw.app_id, EMBEDDED_APP_ID),
        key: or(raw.key, EMBEDDED_KEY),
        secret,
        cluster: raw.cluster,
        host: raw.host,
        port: NonZeroU16::new(raw.port),
        scheme: Scheme::parse(&raw.scheme).unwrap_or(Scheme::Https),
        path: raw.path,
        public,
        encryption_master_key_base64: raw.encryption_master_key_base64,
        max_events_per_request: raw.max_events_per_request,
        request_limit_bytes: NonZeroUsize::new(raw.request_limit_bytes),
        connect_timeout: millis(raw.connect_timeout_ms),
        request_timeout: millis(raw.request_timeout_ms),
    })
}

/// The address for pages. Without a port of its own it has the private one, unless it has a scheme
/// of its own, whose default applies then.
fn public_address(raw: &RawPusher) -> Result<PublicAddress, ConfigError> {
    let has_scheme = !raw.public_scheme.is_empty();
    if has_scheme && Scheme::parse(&raw.public_scheme).is_none() {
        return invalid("PUSHER_PUBLIC_SCHEME must be https or http");
    }
    let host = if raw.public_host.is_empty() { &raw.host } else { &raw.public_host };
    let scheme = if has_scheme { &raw.public_scheme } else { &raw.scheme };
    let port = match NonZeroU16::new(raw.public_port) {
        None if !has_scheme => NonZeroU16::new(raw.port),
        port => port,
    };
    let scheme = Scheme::parse(scheme).unwrap_or(Scheme::Https);
    Ok(PublicAddress { host: host.clone(), port, scheme })
}

/// Checks the settings that only requests to an external provider need.
fn check_provider(raw: &RawPusher) -> Result<(), ConfigError> {
    let required = [
        ("PUSHER_APP_ID", raw.app_id.is_empty()),
        ("PUSHER_APP_KEY", raw.key.is_empty()),
        ("PUSHER_APP_SECRET", raw.secret.is_empty()),
    ];
    if let Some((variable, _)) = required.into_iter().find(|(_, is_empty)| *is_empty) {
        return invalid(format!("{variable} is not set: the provider requires it"));
    }
    if Scheme::parse(&raw.scheme).is_none() {
        return invalid("PUSHER_SCHEME must be https or http");
    }
    if !raw.path.is_empty() && !raw.path.starts_with('/') {
        return invalid("MATCHCAST__PUSHER__PATH must begin with a slash");
    }
    Ok(())
}

fn delivery(raw: &Raw) -> Result<Delivery, ConfigError> {
    let has_master_key = !raw.pusher.encryption_master_key_base64.is_empty();
    let pattern = matched_shape::channel(&raw.events.order_matched)?;
    let raw = &raw.broadcasting;
    let kinds = match raw.user_channels.as_str() {
        "auto" if has_master_key => UserChannelKinds::Both,
        "auto" | "private" => UserChannelKinds::Private,
        "encrypted" => UserChannelKinds::Encrypted,
        "both" => UserChannelKinds::Both,
        _ => {
            return invalid(
                "MATCHCAST__BROADCASTING__USER_CHANNELS must be auto, private, encrypted or both",
            );
        }
    };
    if kinds != UserChannelKinds::Private && !has_master_key {
        return invalid(
            "PUSHER_ENCRYPTION_MASTER_KEY_BASE64 is not set: \
             MATCHCAST__BROADCASTING__USER_CHANNELS asks for encrypted channels",
        );
    }
    Ok(Delivery {
        user_channels: UserChannels { pattern, kinds },
        to_others: raw.to_others,
        only_occupied: raw.only_occupied,
        occupancy_refresh: Duration::from_secs(raw.occupancy_refresh_seconds.get()),
    })
}

fn events(environment: Environment, raw: &RawEvents) -> Result<Events, ConfigError> {
    let switch = |text: &str, key: &str| {
        let variable = format!("MATCHCAST__EVENTS__{key}");
        switch(text, &variable, environment == Environment::Local)
    };
    Ok(Events {
        order_matched: switch(&raw.order_matched.enabled, "ORDER_MATCHED__ENABLED")?,
        matched_shape: matched_shape::matched_shape(&raw.order_matched)?,
        order_updated: switch(&raw.order_updated, "ORDER_UPDATED")?,
        balance_updated: switch(&raw.balance_updated, "BALANCE_UPDATED")?,
        trade_executed: switch(&raw.trade_executed, "TRADE_EXECUTED")?,
        book_updated: switch(&raw.book_updated, "BOOK_UPDATED")?,
        book_updates_per_second: raw.book_updates_per_second,
        book_depth: raw.book_depth,
    })
}

fn publisher(raw: &RawPublisher) -> Publisher {
    Publisher {
        poll: millis(raw.poll_ms),
        lease: millis(raw.lease_ms),
        lanes: raw.lanes,
        page_len: raw.page_len,
        backoff: Backoff {
            first: millis(raw.backoff_first_ms),
            factor: raw.backoff_factor,
            cap: Duration::from_millis(raw.backoff_cap_ms),
            jitter: raw.backoff_jitter,
            retry_after_cap: Duration::from_millis(raw.retry_after_cap_ms),
        },
        hold: millis(raw.hold_ms),
    }
}

fn random_hex() -> String {
    let mut bytes = [0_u8; 20];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

fn app_key(environment: Environment, text: &str) -> Result<SecretBytes, ConfigError> {
    if text.is_empty() {
        if environment == Environment::Production {
            return invalid("APP_KEY is not set: APP_ENV=production signs cookies with it");
        }
        let mut key = vec![0_u8; MIN_KEY_BYTES];
        rand::rng().fill_bytes(&mut key);
        return Ok(key.into());
    }
    let key = match text.strip_prefix("base64:") {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| ConfigError("APP_KEY must be base64 after base64:".to_owned()))?,
        None => text.as_bytes().to_vec(),
    };
    if key.len() < MIN_KEY_BYTES {
        return invalid(format!("APP_KEY must have at least {MIN_KEY_BYTES} bytes"));
    }
    Ok(key.into())
}
