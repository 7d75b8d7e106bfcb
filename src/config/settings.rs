//! The settings, checked and with all defaults resolved. config/default.toml describes each key.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;

use super::number::OneTo;
use super::secret::{Secret, SecretBytes};
use crate::events::{MatchedShape, UserChannels};
use crate::market::WithdrawalTerms;
use crate::store::markets::Listings;
use crate::store::outbox::SHARDS;
use crate::store::{DatabaseUrl, Timeouts};

/// Maximum number of prices per side in one `book.updated` event. With more of them, the event
/// could exceed the maximum size.
pub const MAX_BOOK_DEPTH: i16 = 50;
/// The most events in a request that `pusher.max_events_per_request` allows.
pub const MAX_EVENTS_PER_REQUEST: i16 = 1000;

/// All settings. The fields are the sections of config/default.toml.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: Environment,
    /// At least 32 bytes.
    pub app_key: SecretBytes,
    pub http: Http,
    pub database: DatabaseUrl,
    /// `None`: all reads are of `database`.
    pub replicas: Option<ReadReplicas>,
    pub pool_size: NonZeroU32,
    pub database_timeouts: Timeouts,
    /// How long a start waits for PostgreSQL.
    pub database_start_timeout: Duration,
    pub limits: Limits,
    pub engine: Engine,
    pub market: Market,
    /// Terms of withdrawals, by the symbol of the asset; others have [`WithdrawalTerms::NONE`].
    pub withdrawals: BTreeMap<String, WithdrawalTerms>,
    pub admin: Admin,
    pub auth: Auth,
    pub webhooks: Webhooks,
    pub demo: Demo,
    pub broadcasting: Broadcasting,
    pub delivery: Delivery,
    pub events: Events,
    pub pusher: Pusher,
    pub embedded: Embedded,
    pub publisher: Publisher,
    pub log: Log,
}

/// Standby servers that answer reads.
#[derive(Clone, Debug)]
pub struct ReadReplicas {
    pub url: DatabaseUrl,
    /// One that lags by more is left out.
    pub max_lag: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Local,
    Production,
}

#[derive(Clone, Debug)]
pub struct Http {
    pub host: IpAddr,
    /// 0: any free port.
    pub port: u16,
    /// `None`: one per core.
    pub workers: Option<NonZeroUsize>,
    /// Per worker.
    pub max_connections: NonZeroUsize,
    /// In bytes.
    pub body_limit: NonZeroUsize,
    /// How long a request may take, from its head to its response.
    pub request_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    pub keep_alive: Duration,
    /// Origins such as `https://shop.example`, or `*`.
    pub cors_origins: Vec<String>,
    pub metrics: bool,
    pub list_cap: NonZeroU32,
    /// Timeout of each step of a shutdown.
    pub shutdown: Duration,
}

/// Requests and attempts per minute. `None`: no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Per token, or per address without one.
    pub orders_per_minute: Option<NonZeroU32>,
    pub reads_per_minute: Option<NonZeroU32>,
    /// Per token of an administrator.
    pub admin_per_minute: Option<NonZeroU32>,
    /// Per account.
    pub log_ins_per_minute: Option<NonZeroU32>,
    pub log_ins_per_minute_per_address: Option<NonZeroU32>,
}

#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// Maximum number of lanes on PostgreSQL.
    pub lanes: NonZeroUsize,
    /// Maximum number of waiting requests per lane.
    pub queue_len: NonZeroUsize,
    /// Maximum number of requests in one transaction.
    pub batch_len: NonZeroUsize,
    /// Maximum time a request may wait for its batch.
    pub max_wait: Duration,
}

/// How prices and amounts with more than eight decimals are handled.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ExcessDecimals {
    Reject,
    /// Towards zero.
    Truncate,
}

#[derive(Clone, Debug)]
pub struct Market {
    pub listings: Listings,
    pub max_fills_per_transaction: NonZeroUsize,
    pub excess_decimals: ExcessDecimals,
}

/// What administrators may do.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    /// An adjustment needs two administrators.
    pub four_eyes: bool,
}

#[derive(Clone, Debug)]
pub struct Auth {
    /// `None`: tokens are valid until they are revoked.
    pub token_lifetime: Option<Duration>,
    pub session_lifetime: Duration,
    pub cookies: Cookies,
    /// How long look-ups of tokens and sessions are cached. Zero: not at all.
    pub cache_ttl: Duration,
}

/// Attributes of the cookies of browser sessions.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// Whether browsers send them over https only.
    pub secure: bool,
    /// In lower case, without a leading dot. `None`: the host that sets the cookie.
    pub domain: Option<String>,
    /// `None` only if the cookies are secure.
    pub same_site: SameSite,
}

/// The requests from other sites that carry the cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Links to this site.
    Lax,
    /// None at all.
    Strict,
    /// All of them.
    None,
}

#[derive(Clone, Debug)]
pub struct Demo {
    pub enabled: bool,
    /// Traders keep a market alive. Only if the demo is enabled.
    pub traders: bool,
    /// Per account, within 24 hours.
    pub faucet_calls_per_day: u32,
}

/// Events that are posted to registered URLs.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks {
    pub enabled: bool,
    /// URLs without TLS and private addresses are allowed.
    pub allow_private: bool,
    /// Of one request.
    pub timeout: Duration,
    /// How long every request must have failed before an endpoint is disabled.
    pub disable_after: TimeDelta,
}

/// The destination of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcasting {
    /// Hosted Pusher, or another server that speaks its protocol.
    Pusher,
    /// The embedded provider in this process, for evaluation and tests.
    Embedded,
    /// The log.
    Log,
    /// Events are discarded.
    Null,
}

/// The recipients of events.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The channels for a user's own events.
    pub user_channels: UserChannels,
    /// Whether the connection that caused an event is excluded from it.
    pub to_others: bool,
    /// Whether events on channels without subscribers are skipped.
    pub only_occupied: bool,
    /// How often the list of occupied channels is fetched while `only_occupied` is set.
    pub occupancy_refresh: Duration,
}

/// The events to publish.
#[derive(Clone, Debug)]
pub struct Events {
    pub order_matched: bool,
    /// The name and the payload of `order.matched`.
    pub matched_shape: MatchedShape,
    pub order_updated: bool,
    pub balance_updated: bool,
    pub trade_executed: bool,
    pub book_updated: bool,
    /// Maximum number of `book.updated` events per market and second.
    pub book_updates_per_second: NonZeroU32,
    /// Prices per side in `book.updated`.
    pub book_depth: OneTo<MAX_BOOK_DEPTH>,
}

/// The app and the address of the provider. The fields are the keys of `[pusher]`.
#[derive(Clone, Debug)]
pub struct Pusher {
    pub app_id: String,
    pub key: String,
    pub secret: Secret,
    pub cluster: String,
    /// Empty: the cluster decides.
    pub host: String,
    /// `None`: the scheme's default.
    pub port: Option<NonZeroU16>,
    pub scheme: Scheme,
    /// Path before `/apps/…`; empty, or starts with a slash.
    pub path: String,
    /// How pages reach the provider.
    pub public: PublicAddress,
    /// Empty: no encrypted channels.
    pub encryption_master_key_base64: Secret,
    /// Maximum number of events in a request.
    pub max_events_per_request: OneTo<MAX_EVENTS_PER_REQUEST>,
    /// Maximum size of a request with several events; `None`: no limit.
    pub request_limit_bytes: Option<NonZeroUsize>,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
}

/// The address of the provider for pages.
#[derive(Clone, Debug)]
pub struct PublicAddress {
    /// Empty: the cluster decides.
    pub host: String,
    /// `None`: the scheme's default.
    pub port: Option<NonZeroU16>,
    pub scheme: Scheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Limits of the embedded provider.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    pub connections: NonZeroUsize,
    pub connections_per_address: NonZeroUsize,
}

#[derive(Clone, Debug)]
pub struct Publisher {
    /// Interval of polling the outbox when nothing notifies the publisher.
    pub poll: Duration,
    /// How long a share of the channels is held without being renewed.
    pub lease: Duration,
    pub lanes: OneTo<SHARDS>,
    /// Maximum number of events that are read at once for one lane.
    pub page_len: NonZeroU32,
    pub backoff: Backoff,
    /// Wait between attempts while the provider refuses everything.
    pub hold: Duration,
}

/// Waits after failures.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Duration,
    /// Factor from one wait to the next; greater than 0.
    pub factor: f64,
    pub cap: Duration,
    /// Maximum share that is added at random; from 0 to 1.
    pub jitter: f64,
    /// Limit of the wait that the provider asks for.
    pub retry_after_cap: Duration,
}

#[derive(Clone, Debug)]
pub struct Log {
    /// A level, or a list of `module=level`.
    pub level: String,
    pub format: LogFormat,
    /// Whether each request has a line.
    pub access: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}
