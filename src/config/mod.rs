//! Settings: typed, checked once at start, and never changed.
//!
//! Layers, later wins: config/default.toml (part of the binary) ← config/{APP_ENV}.toml ← .env ←
//! the environment. The default file names every key and its type, so it is also the schema: a key
//! that it does not have is an error. Secrets do not print.

mod layers;
mod validate;

use std::net::IpAddr;

use serde::Deserialize;

use crate::events::UserChannels;
use crate::market::Fixed;
use crate::store::DatabaseUrl;

pub use layers::Sources;

/// A sentence that names the variable or key and says what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// A text that never prints.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "(secret)" })
    }
}

/// A key that never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Local,
    Production,
}

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcasting {
    Pusher,
    Embedded,
    Log,
    Null,
}

/// To whom events go.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    pub user_channels: UserChannels,
    pub to_others: bool,
    pub only_occupied: bool,
    pub occupancy_refresh_seconds: u64,
}

/// Which events are written.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    pub order_matched: bool,
    pub order_updated: bool,
    pub balance_updated: bool,
    pub trade_executed: bool,
    pub book_updated: bool,
    pub book_updates_per_second: u32,
    pub book_depth: i64,
}

/// All settings, checked and resolved.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: Environment,
    /// At least 32 bytes.
    pub app_key: SecretBytes,
    pub http: Http,
    pub database: DatabaseUrl,
    pub pool_size: u32,
    pub engine: Engine,
    pub markets: Vec<String>,
    pub commission: Commission,
    pub auth: Auth,
    pub demo: Demo,
    pub broadcasting: Broadcasting,
    pub delivery: Delivery,
    pub events: Events,
    pub pusher: Pusher,
    pub publisher: Publisher,
    pub log: Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub host: IpAddr,
    pub port: u16,
    pub workers: usize,
    pub max_connections: usize,
    pub body_limit: usize,
    pub keep_alive_seconds: u64,
    pub cors_origins: Vec<String>,
    pub metrics: bool,
    pub list_cap: i64,
    pub shutdown_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub queue_len: usize,
    pub batch_len: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Commission {
    pub buyer: Fixed,
    pub seller: Fixed,
}

#[derive(Clone, Debug)]
pub struct Auth {
    pub token_lifetime_minutes: u32,
    pub session_lifetime_minutes: u32,
    pub secure_cookies: bool,
    pub cache_seconds: u64,
}

#[derive(Clone, Debug)]
pub struct Demo {
    pub enabled: bool,
    pub faucet_calls_per_day: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pusher {
    pub app_id: String,
    pub key: String,
    pub secret: Secret,
    pub cluster: String,
    pub host: String,
    pub port: u16,
    pub scheme: String,
    pub path: String,
    pub encryption_master_key_base64: Secret,
    pub request_limit_bytes: usize,
    pub connect_timeout_ms: u64,
    pub request_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    pub poll_ms: u64,
    pub lease_ms: u64,
    pub lanes: i16,
    pub page_len: i64,
    pub backoff_first_ms: u64,
    pub backoff_factor: f64,
    pub backoff_cap_ms: u64,
    pub backoff_jitter: f64,
    pub retry_after_cap_ms: u64,
    pub hold_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads the files beside the working directory and the environment of the process.
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_sources(&Sources::of_process()?)
    }

    pub fn from_sources(sources: &Sources) -> Result<Self, ConfigError> {
        validate::resolve(layers::merge(sources)?)
    }
}
