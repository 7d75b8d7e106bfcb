//! Builds everything, owns it, and shuts it down gracefully.
//!
//! Order of the shutdown: refuse new orders → drain the engine → publish the last order books →
//! deliver the outbox → close WebSockets and requests. The HTTP server runs until the end, because
//! the embedded provider is part of it.

mod advancing;
mod command_engine;
mod database;
mod descriptors;
mod events;
mod pruning;
mod pusher;
mod supervisor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::auth::{AdminTokens, Authenticator, Uses};
use crate::config::{Auth, Config};
use crate::demo::{Audience, Team, Traders};
use crate::engine::{EngineHandle, EngineSettings};
use crate::market_data::BookPublisher;
use crate::provider::Provider;
use crate::store::markets::SharedCatalog;
use crate::store::webhook_endpoints::SharedSubscriptions;
use crate::store::{Reader, Replicas, Store};
use crate::{engine, http, outage, publisher, telemetry, webhooks};

use database::Opened;
use supervisor::{Part, StoppablePart, first_unexpected_end};

pub use crate::demo::log_ins as demo_log_ins;
pub use command_engine::CommandEngine;
pub use descriptors::limit_connections;
pub use events::postable as postable_events;
pub use pusher::{client, credentials};
pub use supervisor::PartEnded;

/// A server that is bound to its port and ready to run.
pub struct App {
    address: SocketAddr,
    server: Server,
    store: Store,
    replicas: Option<Arc<Replicas>>,
    engine: EngineHandle,
    engine_thread: JoinHandle<()>,
    /// `None`: `book.updated` is disabled.
    book_publisher: Option<BookPublisher>,
    publisher: publisher::Publisher,
    notifiers: engine::Notifiers,
    /// `None`: webhooks are disabled.
    webhooks: Option<webhooks::Dispatcher>,
    /// `None`: the demo has no traders.
    traders: Option<Traders>,
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
        let Opened { store, replicas, catalog, team } = database::open(&config).await?;
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
        let debug = debug_console(&config, embedded.clone(), team.as_ref()).await;
        let (traders, demo_traders) = traders(team, &store, &engine);
        let auth = authenticator(&config, store.clone())?;
        let services = http::AppState {
            store: store.clone(),
            reads: http::Reads::new(&store, replicas.as_ref(), config.http.list_cap.get().into()),
            reader: Reader::of(&store, replicas.as_ref()),
            sessions: http::BrowserSessions::new(&config, auth.sessions().clone())?,
            auth,
            admin_tokens: AdminTokens::new(store.clone()),
            engine: engine.clone(),
            readiness: http::Readiness::new(store.clone(), engine.clone()),
            catalog,
            credentials,
            user_channels: config.delivery.user_channels.clone(),
            pending_subscriptions: http::PendingSubscriptions::new(&config.delivery),
            settings: pusher::public_settings(&config, demo_traders.as_ref()),
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
            demo_traders,
        };
        services.auth.note_stored_hashes().await?;
        let (readiness, sign_in_uses) = (services.readiness.clone(), services.auth.uses().clone());
        let (server, address) = http::server::bind(&config, services, embedded.clone())?;
        let sink = pusher::sink(&config, address)?;
        let publisher = event_publisher(&config, &store, sink, &notifiers);
        Ok(Self {
            address,
            server,
            store,
            replicas,
            engine,
            engine_thread,
            book_publisher,
            publisher,
            notifiers,
            webhooks,
            traders,
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
        let mut publishing = StoppablePart::spawn("publisher", |stop| publisher.run(stop));
        let listening = publisher::listen(self.store.clone(), self.notifiers.events);
        let mut listening = Part::spawn("notifications", endless(listening));
        let mut publishing_books = self
            .book_publisher
            .map(|books| StoppablePart::spawn("order book publisher", |stop| books.run(stop)));
        let mut posting = self
            .webhooks
            .map(|webhooks| StoppablePart::spawn("webhooks", |stop| webhooks.run(stop)));
        let mut trading = self
            .traders
            .map(|traders| StoppablePart::spawn("demo traders", |stop| traders.run(stop)));
        let measured = self.store.clone();
        let mut upkeep = self.metrics.map(|metrics| {
            let upkeep = telemetry::run_upkeep(metrics, move || measured.count_connections());
            Part::spawn("metrics", endless(upkeep))
        });
        let mut watching = self.replicas.map(watch);
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
            publishing.part(),
            &mut listening,
            &mut serving,
            &mut executing,
            &mut reporting,
            &mut pruning,
            &mut advancing,
            &mut noting,
        ];
        let others = [&mut publishing_books, &mut posting, &mut trading].into_iter().flatten();
        let others = others.map(StoppablePart::part).chain(&mut upkeep).chain(&mut watching);
        let ended = tokio::select! {
            () = stop => None,
            ended = first_unexpected_end(parts.into_iter().chain(others)) => Some(ended),
        };
        self.readiness.stop();
        log_shutdown(ended.as_ref());
        end(trading, shutdown, "the lease of the demo's traders is left to expire").await;
        engine.stop().await;
        if let Err(error) = executing.join(shutdown).await {
            tracing::error!(%error, "the engine was not stopped gracefully");
        }
        let books_left = "the last order books are left to another process";
        let webhooks_left = "the lease of webhooks is left to expire";
        tokio::join!(
            end(publishing_books, shutdown, books_left),
            end(posting, shutdown, webhooks_left),
        );
        publishing.stop(shutdown, "events remain in the outbox").await;
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

fn watch(replicas: Arc<Replicas>) -> Part {
    Part::spawn("read replicas", endless(async move { replicas.watch().await }))
}

async fn end(part: Option<StoppablePart>, timeout: Duration, consequence: &str) {
    if let Some(part) = part {
        part.stop(timeout, consequence).await;
    }
}

/// The traders of the demo, and what the API needs to know of them.
fn traders(
    team: Option<Team>,
    store: &Store,
    engine: &EngineHandle,
) -> (Option<Traders>, Option<http::DemoTraders>) {
    let Some(team) = team else { return (None, None) };
    let (symbol, audience) = (team.market.symbol.clone(), Audience::default());
    let known = http::DemoTraders { symbol, audience: audience.clone() };
    (Some(Traders::new(store.clone(), engine.clone(), team, audience)), Some(known))
}

/// The debug console of the demo. It does not show private events of the traders.
async fn debug_console(
    config: &Config,
    provider: Option<Provider>,
    team: Option<&Team>,
) -> Option<http::DebugConsole> {
    let provider = provider.filter(|_| config.demo.enabled)?;
    let channels = &config.delivery.user_channels;
    provider.hide(team.into_iter().flat_map(Team::users).flat_map(|user| channels.of(user))).await;
    let users = demo_log_ins().map(|(email, _)| email.to_owned()).collect();
    Some(http::DebugConsole { provider, users })
}

fn event_publisher(
    config: &Config,
    store: &Store,
    sink: publisher::Sink,
    notifiers: &engine::Notifiers,
) -> publisher::Publisher {
    let written = Arc::clone(&notifiers.events);
    let publisher =
        publisher::Publisher::new(store.clone(), sink, config.publisher.clone(), written);
    if config.delivery.only_occupied {
        publisher.skip_unoccupied(config.delivery.occupancy_refresh)
    } else {
        publisher
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

/// `ended`: the part that has ended by itself, if it was not a signal.
fn log_shutdown(ended: Option<&PartEnded>) {
    match ended {
        None => tracing::info!("shutting down"),
        Some(PartEnded { part, cause }) => {
            tracing::error!(part, cause, "a part of the process ended by itself; shutting down");
        }
    }
}

/// A task that does not fail.
async fn endless(task: impl Future<Output = ()>) -> anyhow::Result<()> {
    task.await;
    Ok(())
}

fn authenticator(config: &Config, store: Store) -> anyhow::Result<Authenticator> {
    let Auth { token_lifetime, cache_ttl, .. } = config.auth;
    let token_lifetime = token_lifetime.map(TimeDelta::from_std).transpose()?;
    let channels = config.delivery.user_channels.pattern.clone();
    Ok(Authenticator::new(store, token_lifetime, cache_ttl, channels))
}
