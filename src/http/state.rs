//! What handlers share.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use super::routes::{DebugConsole, Expectations, PublicSettings};
use crate::auth::Passwords;
use crate::config::Delivery;
use crate::engine::EngineHandle;
use crate::pusher::Credentials;
use crate::store::Store;
use crate::store::markets::Catalog;

/// What handlers call.
pub struct Services {
    pub store: Store,
    pub engine: EngineHandle,
    pub catalog: Arc<Catalog>,
    pub credentials: Credentials,
    /// Which channels are a user's own.
    pub delivery: Delivery,
    pub expectations: Expectations,
    pub passwords: Passwords,
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
