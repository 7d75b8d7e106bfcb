//! What handlers share.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use super::pending_subscriptions::PendingSubscriptions;
use crate::auth::Authenticator;
use crate::config::Delivery;
use crate::engine;
use crate::events::decimal::DecimalNumber;
use crate::provider::Provider;
use crate::pusher::Credentials;
use crate::store::Store;
use crate::store::markets::Catalog;

/// What handlers call.
pub struct AppState {
    pub store: Store,
    pub auth: Authenticator,
    pub engine: engine::Handle,
    pub catalog: Arc<Catalog>,
    pub credentials: Credentials,
    /// Which channels are a user's own.
    pub delivery: Delivery,
    pub pending_subscriptions: PendingSubscriptions,
    pub settings: PublicSettings,
    pub metrics: Option<PrometheusHandle>,
    /// Most rows of a list.
    pub list_cap: i64,
    /// `None`: there is no faucet.
    pub faucet_calls_per_day: Option<u32>,
    pub secure_cookies: bool,
    /// `None`: there is no debug console.
    pub debug: Option<DebugConsole>,
}

/// The provider's public side, what is told through it, and whether this is a demo.
#[derive(Clone, Debug, Serialize)]
pub struct PublicSettings {
    /// The application key that pages connect with.
    pub key: String,
    pub cluster: String,
    /// `None`: hosted Pusher's, or this very server where the provider is embedded.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: bool,
    /// The provider is part of this server.
    pub embedded: bool,
    pub demo: bool,
    pub symbols: Vec<String>,
    /// The names of the events that are told: what a page need not wait for in vain.
    pub events: Vec<&'static str>,
    /// What a buyer pays of the value, as it is written in the configuration.
    pub buyer_commission: DecimalNumber,
}

/// What the console looks into, and who may look.
pub struct DebugConsole {
    pub provider: Provider,
    /// E-mail addresses.
    pub users: Vec<String>,
}
