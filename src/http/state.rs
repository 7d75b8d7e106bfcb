//! The state that handlers share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use utoipa::ToSchema;

use super::pending_subscriptions::PendingSubscriptions;
use super::readiness::Readiness;
use super::reads::Reads;
use super::session::BrowserSessions;
use super::throttle::Throttles;
use crate::auth::{AdminTokens, Authenticator};
use crate::config::ExcessDecimals;
use crate::demo::Audience;
use crate::engine::EngineHandle;
use crate::events::decimal::DecimalNumber;
use crate::events::{EventKind, UserChannels};
use crate::market::WithdrawalTerms;
use crate::provider::Provider;
use crate::pusher::Credentials;
use crate::store::markets::{Catalog, SharedCatalog};
use crate::store::webhook_endpoints::SharedSubscriptions;
use crate::store::{Reader, Store};

/// The services and settings of the handlers.
pub struct AppState {
    pub store: Store,
    /// For market data, histories and lists, which any server may answer.
    pub reader: Reader,
    pub reads: Reads,
    pub auth: Authenticator,
    pub admin_tokens: AdminTokens,
    pub engine: EngineHandle,
    pub readiness: Readiness,
    pub catalog: SharedCatalog,
    pub credentials: Credentials,
    /// The channels that a user may subscribe to.
    pub user_channels: UserChannels,
    pub pending_subscriptions: PendingSubscriptions,
    pub settings: PublicSettings,
    pub excess_decimals: ExcessDecimals,
    /// The most fills of an order.
    pub max_fills: usize,
    /// `None`: metrics are disabled.
    pub metrics: Option<PrometheusHandle>,
    /// Most rows of a list.
    pub list_cap: i64,
    /// Prices per side of a book, as in the event `book.updated`.
    pub book_depth: i64,
    /// By the symbol of the asset; others have [`WithdrawalTerms::NONE`].
    pub withdrawal_terms: BTreeMap<String, WithdrawalTerms>,
    /// Adjustments need two administrators.
    pub four_eyes: bool,
    /// `None`: the faucet is disabled.
    pub faucet_calls_per_day: Option<u32>,
    pub sessions: BrowserSessions,
    pub throttles: Throttles,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// `None`: the debug console is disabled.
    pub debug: Option<DebugConsole>,
    /// `None`: webhooks are disabled.
    pub webhooks: Option<Webhooks>,
    /// `None`: the demo has no traders.
    pub demo_traders: Option<DemoTraders>,
}

/// The traders of the demo, who trade while there is an audience.
pub struct DemoTraders {
    /// Their market.
    pub symbol: String,
    pub audience: Audience,
}

/// What users may have posted, and where to.
pub struct Webhooks {
    pub subscriptions: SharedSubscriptions,
    /// The events that can be posted.
    pub events: Vec<EventKind>,
    /// URLs without TLS and private addresses are allowed.
    pub allows_private: bool,
}

impl AppState {
    /// The catalog, read again if it may lack a market that another process has created.
    pub async fn catalog_with(&self, is_complete: impl Fn(&Catalog) -> bool) -> Arc<Catalog> {
        let current = self.catalog.current();
        if is_complete(&current) || !self.catalog.may_reload() {
            return current;
        }
        let shared = self.catalog.clone();
        let read = self.store.read(move |connection| shared.reload(connection)).await;
        read.unwrap_or_else(|error| {
            tracing::debug!(%error, "the markets could not be read again");
            current
        })
    }

    /// The catalog, with this market if it exists.
    pub async fn catalog_with_symbol(&self, symbol: Option<&str>) -> Arc<Catalog> {
        self.catalog_with(|catalog| symbol.is_none_or(|s| catalog.market(s).is_some())).await
    }
}

/// The settings that frontends may read before a log-in. Contains no secrets.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub struct PublicSettings {
    /// The app key that frontends connect to the provider with.
    pub key: String,
    pub cluster: String,
    /// `None`: a host of hosted Pusher, or this server if the provider is embedded.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: bool,
    /// The provider is part of this server.
    pub embedded: bool,
    pub demo: bool,
    /// The market in which the demo's traders trade. `None`: there are none.
    pub demo_traders: Option<String>,
    pub symbols: Vec<String>,
    /// The names of the events that are published, as pages bind them.
    pub events: Vec<String>,
    /// The same names, by those of the catalogue: they differ if the operator has chosen another
    /// name for `order.matched`.
    #[schema(example = json!({ "order.matched": "order.matched" }))]
    pub event_names: BTreeMap<String, String>,
    /// The names of the channels of one user, with `{id}` in place of the user's id.
    pub user_channels: Vec<String>,
    /// The buyer's commission as a fraction of the trade's value: the higher one, if it depends on
    /// the role.
    pub buyer_commission: DecimalNumber,
}

/// The provider that the debug console inspects, and the users who may use the console.
pub struct DebugConsole {
    pub provider: Provider,
    /// E-mail addresses.
    pub users: Vec<String>,
}
