//! The settings as they are written: one field per key of config/default.toml, and no rule that
//! involves more than one key.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use serde::Deserialize;
use toml::Table;

use super::error::ConfigError;
use super::layers;
use super::number::{OneTo, fraction, positive, positive_float};
use super::secret::Secret;
use super::settings::{ExcessDecimals, LogFormat, MAX_BOOK_DEPTH, MAX_EVENTS_PER_REQUEST};
use crate::store::outbox::SHARDS;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub app: RawApp,
    pub http: RawHttp,
    pub database: RawDatabase,
    pub limits: RawLimits,
    pub engine: RawEngine,
    pub market: RawMarket,
    /// Only in a file: no variable sets them.
    #[serde(default)]
    pub markets: Vec<Table>,
    pub commission: RawCommission,
    /// Only in a file: no variable sets them.
    #[serde(default)]
    pub withdrawals: Vec<Table>,
    pub admin: RawAdmin,
    pub auth: RawAuth,
    pub webhooks: RawWebhooks,
    pub demo: RawDemo,
    pub broadcasting: RawBroadcasting,
    pub events: RawEvents,
    pub pusher: RawPusher,
    pub embedded: RawEmbedded,
    pub publisher: RawPublisher,
    pub log: RawLog,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawApp {
    pub env: String,
    pub key: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawHttp {
    pub host: IpAddr,
    pub port: u16,
    pub workers: usize,
    #[serde(deserialize_with = "positive")]
    pub max_connections: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub body_limit: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub request_timeout_ms: NonZeroU64,
    pub body_timeout_ms: NonZeroU64,
    pub keep_alive_seconds: u64,
    pub cors_origins: Vec<String>,
    pub metrics: bool,
    #[serde(deserialize_with = "positive")]
    pub list_cap: NonZeroU32,
    pub shutdown_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDatabase {
    pub url: Secret,
    pub read_url: Secret,
    pub max_lag_ms: u64,
    pub allow_remote_in_local: bool,
    #[serde(deserialize_with = "positive")]
    pub pool_size: NonZeroU32,
    #[serde(deserialize_with = "positive")]
    pub timeout_ms: NonZeroU64,
    #[serde(deserialize_with = "positive")]
    pub batch_timeout_ms: NonZeroU64,
    pub start_timeout_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLimits {
    pub orders_per_minute: u32,
    pub reads_per_minute: u32,
    pub admin_per_minute: u32,
    pub log_ins_per_minute: u32,
    pub log_ins_per_minute_per_address: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEngine {
    #[serde(deserialize_with = "positive")]
    pub lanes: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub queue_len: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub batch_len: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub max_wait_ms: NonZeroU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMarket {
    pub symbols: Vec<String>,
    pub min_value: String,
    pub tick_size: String,
    pub lot_size: String,
    pub max_open_orders: u32,
    pub max_slippage: String,
    #[serde(deserialize_with = "positive")]
    pub max_fills_per_transaction: NonZeroUsize,
    pub excess_decimals: ExcessDecimals,
}

/// What differs for one market.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawListing {
    pub symbol: String,
    pub min_value: Option<String>,
    pub tick_size: Option<String>,
    pub lot_size: Option<String>,
    pub max_open_orders: Option<u32>,
    pub max_slippage: Option<String>,
    pub buyer_commission: Option<String>,
    pub seller_commission: Option<String>,
    pub maker_commission: Option<String>,
    pub taker_commission: Option<String>,
}

/// The terms of withdrawals of an asset.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawWithdrawal {
    pub asset: String,
    pub min: Option<String>,
    pub fee: Option<String>,
    pub daily_limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAdmin {
    pub four_eyes: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCommission {
    pub buyer: String,
    pub seller: String,
    pub maker: String,
    pub taker: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAuth {
    pub token_lifetime_minutes: u32,
    #[serde(deserialize_with = "positive")]
    pub session_lifetime_minutes: NonZeroU32,
    pub secure_cookies: String,
    pub session_domain: String,
    pub session_same_site: String,
    pub cache_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawWebhooks {
    pub enabled: bool,
    pub allow_private: String,
    #[serde(deserialize_with = "positive")]
    pub timeout_ms: NonZeroU64,
    #[serde(deserialize_with = "positive")]
    pub disable_after_days: NonZeroU32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDemo {
    pub enabled: String,
    pub traders: String,
    pub faucet_calls_per_day: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBroadcasting {
    pub connection: String,
    pub user_channels: String,
    pub to_others: bool,
    pub only_occupied: bool,
    #[serde(deserialize_with = "positive")]
    pub occupancy_refresh_seconds: NonZeroU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEvents {
    pub order_matched: RawOrderMatched,
    pub order_updated: String,
    pub balance_updated: String,
    pub trade_executed: String,
    pub book_updated: String,
    #[serde(deserialize_with = "positive")]
    pub book_updates_per_second: NonZeroU32,
    pub book_depth: OneTo<MAX_BOOK_DEPTH>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOrderMatched {
    pub enabled: String,
    pub name: String,
    pub channel: String,
    pub include: Vec<String>,
    pub own_columns: Vec<String>,
    pub counterparty_columns: Vec<String>,
    pub decimals: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPusher {
    pub app_id: String,
    pub key: String,
    pub secret: Secret,
    pub cluster: String,
    pub host: String,
    pub port: u16,
    pub scheme: String,
    pub public_host: String,
    pub public_port: u16,
    pub public_scheme: String,
    pub path: String,
    pub encryption_master_key_base64: Secret,
    pub max_events_per_request: OneTo<MAX_EVENTS_PER_REQUEST>,
    pub request_limit_bytes: usize,
    #[serde(deserialize_with = "positive")]
    pub connect_timeout_ms: NonZeroU64,
    #[serde(deserialize_with = "positive")]
    pub request_timeout_ms: NonZeroU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEmbedded {
    #[serde(deserialize_with = "positive")]
    pub connections: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub connections_per_address: NonZeroUsize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPublisher {
    #[serde(deserialize_with = "positive")]
    pub poll_ms: NonZeroU64,
    #[serde(deserialize_with = "positive")]
    pub lease_ms: NonZeroU64,
    pub lanes: OneTo<SHARDS>,
    #[serde(deserialize_with = "positive")]
    pub page_len: NonZeroU32,
    #[serde(deserialize_with = "positive")]
    pub backoff_first_ms: NonZeroU64,
    #[serde(deserialize_with = "positive_float")]
    pub backoff_factor: f64,
    pub backoff_cap_ms: u64,
    #[serde(deserialize_with = "fraction")]
    pub backoff_jitter: f64,
    pub retry_after_cap_ms: u64,
    #[serde(deserialize_with = "positive")]
    pub hold_ms: NonZeroU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLog {
    pub level: String,
    pub format: LogFormat,
    pub access: bool,
}

impl Raw {
    pub fn parse(table: Table) -> Result<Self, ConfigError> {
        match table.clone().try_into() {
            Ok(raw) => Ok(raw),
            Err(error) => Err(invalid_setting(&table, &error)),
        }
    }
}

/// Finds the setting that cannot be parsed: it is invalid even if all others have their defaults.
fn invalid_setting(table: &Table, error: &toml::de::Error) -> ConfigError {
    for (path, value) in layers::settings(table) {
        let alone: Result<Raw, _> = layers::with_default(&path, value).try_into();
        if let Err(error) = alone {
            // No message quotes a secret: secrets are texts of any form, and the merged table
            // contains texts where texts are expected.
            let name = layers::name_of(&path);
            return ConfigError(match error.message() {
                sentence if sentence.starts_with("must ") => format!("{name} {sentence}"),
                message => format!("{name} is invalid: {message}"),
            });
        }
    }
    ConfigError(format!("the configuration is invalid: {}", error.message()))
}
