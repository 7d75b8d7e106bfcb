//! Builds everything, owns it, and shuts it down gracefully.
//!
//! Order of the shutdown: refuse new orders → drain the engine → publish the last order books →
//! deliver the outbox → close WebSockets and requests. The HTTP server runs until the end, because
//! the embedded provider is part of it.

mod advancing;
mod command_engine;
mod database;
mod demo;
mod descriptors;
mod events;
mod pruning;
mod pusher;
mod supervisor;

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::auth::{AdminTokens, Authenticator, Uses};
use crate::config::{Auth, Config};
use crate::engine::{EngineHandle, EngineSettings};
use crate::market_data::BookPublisher;
use crate::provider::Provider;
use crate::store::Store;
use crate::store::markets::SharedCatalog;
use crate::store::webhook_endpoints::SharedSubscriptions;
use crate::{engine, http, outage, publisher, telemetry, webhooks};

use supervisor::{Part, first_unexpected_end};

pub use command_engine::CommandEngine;
pub use demo::log_ins as demo_log_ins;
pub use descriptors::limit_connections;
pub use events::postable as postable_events;
pub use pusher::{client, credentials};
pub use supervisor::PartEnded;

/// A server that is bound to its port and ready to run.
pub struct App {
    address: SocketAddr,
    server: Server,
    store: Store,
    engine: EngineHandle,
    engine_thread: JoinHandle<()>,
    /// `None`: `book.updated` is disabled.
    book_publisher: Option<BookPublisher>,
    publisher: publisher::Publisher,
    /// `None`: webhooks are disabled.
    webhooks: Option<webhooks::Dispatcher>,
    provider: Option<Provider>,
    sign_in_uses: Uses,
    readiness: http::Readiness,
    /// `None`: nothing is recorded.
    metrics: Option<PrometheusHandle>,
    shutdown: Duration,
}

impl App {
    /// Migrates the schema, starts the engine and binds the port.
    ///
    /// `metrics` renders the recorded metrics; `None`: nothing is recorded.
    pub async fn build(config: Config, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let (store, catalog) = database::open(&config).await?;
        let notifiers = engine::Notifiers::default();
        let subscriptions = SharedSubscriptions::default();
        let (engine, engine_thread) = engine::start(
            store.clone(),
            catalog.clone(),
            subscriptions.clone(),
            notifiers.clone(),
            engine_settings(&config),
        )?;
        let webhooks = events::webhook_dispatcher(&config, &store, &subscriptions, &notifiers)?;
        let book_publisher = book_publisher(&config, &store, &catalog, &notifiers);
        let credentials = credentials(&config)?;
        let embedded = pusher::embedded(&config, credentials.clone());
        let debug = embedded.clone().filter(|_| config.demo.enabled).map(|provider| {
            let users = demo::log_ins().map(|(email, _)| email.to_owned()).collect();
            http::DebugConsole { provider, users }
        });
        let auth = authenticator(&config.auth, store.clone())?;
        let services = http::AppState {
            store: store.clone(),
            reads: http::Reads::new(&store, config.http.list_cap.get().into()),
            sessions: http::BrowserSessions::new(&config, auth.sessions().clone())?,
            auth,
            admin_tokens: AdminTokens::new(store.clone()),
            engine: engine.clone(),
            readiness: http::Readiness::new(store.clone(), engine.clone()),
            catalog,
            credentials,
            user_channels: config.delivery.user_channels,
            pending_subscriptions: http::PendingSubscriptions::new(&config.delivery),
            settings: pusher::public_settings(&config),
            excess_decimals: config.market.excess_decimals,
            max_fills: config.market.max_fills_per_transaction.get(),
            metrics: metrics.clone(),
            list_cap: config.http.list_cap.get().into(),
            book_depth: config.events.book_depth.get().into(),
            withdrawal_terms: config.withdrawals.clone(),
            four_eyes: config.admin.four_eyes,
            faucet_calls_per_day: config.demo.enabled.then_some(config.demo.faucet_calls_per_day),
            throttles: http::Throttles::new(&config.limits),
            body_timeout: config.http.body_timeout,
            debug,
            webhooks: events::webhooks(&config, subscriptions),
        };
        services.auth.note_stored_hashes().await?;
        let (readiness, sign_in_uses) = (services.readiness.clone(), services.auth.uses().clone());
        let (server, address) = http::server::bind(&config, services, embedded.clone())?;
        let sink = pusher::sink(&config, address)?;
        let mut publisher =
            publisher::Publisher::new(store.clone(), sink, config.publisher, notifiers.events);
        if config.delivery.only_occupied {
            publisher = publisher.skip_unoccupied(config.delivery.occupancy_refresh);
        }
        Ok(Self {
            address,
            server,
            store,
            engine,
            engine_thread,
            book_publisher,
            publisher,
            webhooks,
            provider: embedded,
            sign_in_uses,
            readiness,
            metrics,
            shutdown: config.http.shutdown,
        })
    }

    /// The address that the server is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` completes, then shuts down gracefully.
    ///
    /// # Errors
    /// [`PartEnded`] if a part of the process ended by itself; the others are shut down.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self { server, engine, publisher, shutdown, .. } = self;
        let (stop_publisher, stopped) = watch::channel(false);
        let mut publishing = Part::spawn("publisher", endless(publisher.run(stopped)));
        let (stop_books, stopped) = watch::channel(false);
        let mut publishing_books = self
            .book_publisher
            .map(|books| Part::spawn("order book publisher", endless(books.run(stopped))));
        let (stop_webhooks, stopped) = watch::channel(false);
        let mut posting =
            self.webhooks.map(|webhooks| Part::spawn("webhooks", endless(webhooks.run(stopped))));
        let mut upkeep = self
            .metrics
            .map(|metrics| Part::spawn("metrics", endless(telemetry::run_upkeep(metrics))));
        let mut reporting = Part::spawn("log", endless(outage::report()));
        let advancing = advancing::run(self.store.clone(), engine.clone(), advancing::INTERVAL);
        let mut advancing = Part::spawn("advancing", endless(advancing));
        let pruning = pruning::run(self.store, pruning::INTERVAL);
        let mut pruning = Part::spawn("pruning", endless(pruning));
        let mut noting = Part::spawn("uses of sign-ins", endless(self.sign_in_uses.run()));
        let server_handle: ServerHandle = server.handle();
        let mut serving = Part::spawn("HTTP server", async move { Ok(server.await?) });
        let mut executing = Part::of_thread("engine", self.engine_thread)?;

        let parts = [
            &mut publishing,
            &mut serving,
            &mut executing,
            &mut reporting,
            &mut pruning,
            &mut advancing,
            &mut noting,
        ];
        let parts = parts.into_iter().chain(&mut publishing_books).chain(&mut upkeep);
        let parts = parts.chain(&mut posting);
        let ended = tokio::select! {
            () = stop => None,
            ended = first_unexpected_end(parts) => Some(ended),
        };
        self.readiness.stop();
        match &ended {
            None => tracing::info!("shutting down"),
            Some(PartEnded { part, cause }) => {
                tracing::error!(
                    part,
                    cause,
                    "a part of the process ended by itself; shutting down"
                );
            }
        }
        engine.stop().await;
        if let Err(error) = executing.join(shutdown).await {
            tracing::error!(%error, "the engine was not stopped gracefully");
        }
        stop_books.send_replace(true);
        stop_webhooks.send_replace(true);
        let books_left = "the last order books are left to another process";
        join(publishing_books, shutdown, books_left).await;
        join(posting, shutdown, "the lease of webhooks is left to expire").await;
        stop_publisher.send_replace(true);
        join(Some(publishing), shutdown, "events remain in the outbox").await;
        if let Some(provider) = &self.provider {
            provider.close_all().await;
        }
        server_handle.stop(true).await;
        let served = serving.join(shutdown).await;
        match ended {
            Some(ended) => Err(ended.into()),
            None => served,
        }
    }
}

fn engine_settings(config: &Config) -> EngineSettings {
    EngineSettings {
        lanes: config.engine.lanes.get(),
        queue_len: config.engine.queue_len.get(),
        batch_len: config.engine.batch_len.get(),
        max_fills: config.market.max_fills_per_transaction.get(),
        max_wait: config.engine.max_wait,
        batch_timeout: config.database_timeouts.batch,
        events: events::event_settings(config),
    }
}

/// Waits for a part that was told to stop. `consequence`: of its failure.
async fn join(part: Option<Part>, shutdown: Duration, consequence: &str) {
    if let Some(part) = part
        && let Err(error) = part.join(shutdown).await
    {
        tracing::warn!(%error, "{consequence}");
    }
}

fn book_publisher(
    config: &Config,
    store: &Store,
    catalog: &SharedCatalog,
    notifiers: &engine::Notifiers,
) -> Option<BookPublisher> {
    config.events.book_updated.then(|| {
        let settings = events::book_settings(&config.events);
        let engine::Notifiers { events, books, .. } = notifiers.clone();
        BookPublisher::new(store.clone(), catalog.clone(), settings, books, events)
    })
}

/// A task that does not fail.
async fn endless(task: impl Future<Output = ()>) -> anyhow::Result<()> {
    task.await;
    Ok(())
}

fn authenticator(config: &Auth, store: Store) -> anyhow::Result<Authenticator> {
    let token_lifetime = config.token_lifetime.map(TimeDelta::from_std).transpose()?;
    Ok(Authenticator::new(store, token_lifetime, config.cache_ttl))
}
