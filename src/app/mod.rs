//! Builds everything, owns it, and shuts it down gracefully.
//!
//! Order of the shutdown: refuse new orders → drain the engine → publish the last order books →
//! deliver the outbox → close WebSockets and requests. The HTTP server runs until the end, because
//! the embedded provider is part of it.

mod database;
mod demo;
mod events;
mod pusher;

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use anyhow::Context;
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::auth::Authenticator;
use crate::config::{Auth, Config};
use crate::engine::{EngineHandle, EngineSettings};
use crate::market_data::BookPublisher;
use crate::provider::Provider;
use crate::store::Store;
use crate::{engine, http, publisher};

pub use demo::log_ins as demo_log_ins;
pub use pusher::{client, credentials};

/// A server that is bound to its port and ready to run.
pub struct App {
    address: SocketAddr,
    server: Server,
    engine: EngineHandle,
    engine_thread: JoinHandle<()>,
    /// `None`: `book.updated` is disabled.
    book_publisher: Option<BookPublisher>,
    publisher: publisher::Publisher,
    provider: Option<Provider>,
    shutdown: Duration,
}

impl App {
    /// Migrates the schema, starts the engine and binds the port.
    ///
    /// `metrics` renders the recorded metrics, if there is a recorder.
    pub async fn build(config: Config, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let (store, catalog) = database::open(&config).await?;
        let notifiers = engine::Notifiers::default();
        let settings = EngineSettings {
            queue_len: config.engine.queue_len.get(),
            batch_len: config.engine.batch_len.get(),
            max_wait: config.engine.max_wait,
            events: events::event_settings(&config),
        };
        let (engine, engine_thread) =
            engine::start(store.clone(), catalog.clone(), notifiers.clone(), settings)?;
        let book_publisher = config.events.book_updated.then(|| {
            let settings = events::book_settings(&config.events);
            let engine::Notifiers { events, books } = notifiers.clone();
            BookPublisher::new(store.clone(), catalog.clone(), settings, books, events)
        });
        let credentials = credentials(&config)?;
        let embedded = pusher::embedded(&config, credentials.clone());
        let debug = embedded.clone().filter(|_| config.demo.enabled).map(|provider| {
            let users = demo::log_ins().map(|(email, _)| email.to_owned()).collect();
            http::DebugConsole { provider, users }
        });
        let services = http::AppState {
            store: store.clone(),
            auth: authenticator(&config.auth, store.clone())?,
            engine: engine.clone(),
            catalog,
            credentials,
            user_channels: config.delivery.user_channels,
            pending_subscriptions: http::PendingSubscriptions::new(&config.delivery),
            settings: pusher::public_settings(&config),
            metrics: metrics.filter(|_| config.http.metrics),
            list_cap: config.http.list_cap.get().into(),
            faucet_calls_per_day: config.demo.enabled.then_some(config.demo.faucet_calls_per_day),
            secure_cookies: config.auth.secure_cookies,
            debug,
        };
        let (server, address) = http::server::bind(&config, services, embedded.clone())?;
        let sink = pusher::sink(&config, address)?;
        let mut publisher =
            publisher::Publisher::new(store, sink, config.publisher, notifiers.events);
        if config.delivery.only_occupied {
            publisher = publisher.skip_unoccupied(config.delivery.occupancy_refresh);
        }
        Ok(Self {
            address,
            server,
            engine,
            engine_thread,
            book_publisher,
            publisher,
            provider: embedded,
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
    /// If the HTTP server fails or ends by itself.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let (stop_publisher, stopped) = watch::channel(false);
        let publishing = tokio::spawn(self.publisher.run(stopped));
        let (stop_books, stopped) = watch::channel(false);
        let publishing_books = self.book_publisher.map(|books| tokio::spawn(books.run(stopped)));
        let server: ServerHandle = self.server.handle();
        let mut serving = tokio::spawn(self.server);
        tokio::select! {
            () = stop => {}
            ended = &mut serving => {
                ended?.context("the HTTP server failed")?;
                anyhow::bail!("the HTTP server ended by itself");
            }
        }
        tracing::info!("shutting down");
        self.engine.stop().await;
        let thread = self.engine_thread;
        let drained = tokio::task::spawn_blocking(move || thread.join());
        if !matches!(tokio::time::timeout(self.shutdown, drained).await, Ok(Ok(Ok(())))) {
            tracing::error!("the engine did not stop in time");
        }
        stop_books.send_replace(true);
        if let Some(publishing_books) = publishing_books
            && tokio::time::timeout(self.shutdown, publishing_books).await.is_err()
        {
            tracing::warn!("the last order books were not published in time; another process will");
        }
        stop_publisher.send_replace(true);
        if tokio::time::timeout(self.shutdown, publishing).await.is_err() {
            tracing::warn!("events remain in the outbox: the provider did not accept them in time");
        }
        if let Some(provider) = &self.provider {
            provider.close_all().await;
        }
        server.stop(true).await;
        serving.await?.context("the HTTP server failed")
    }
}

fn authenticator(config: &Auth, store: Store) -> anyhow::Result<Authenticator> {
    let token_lifetime = config.token_lifetime.map(TimeDelta::from_std).transpose()?;
    Ok(Authenticator::new(store, token_lifetime, config.cache_ttl))
}
