//! Builds everything, owns it, and takes it down in order.
//!
//! Shutdown: no new orders → the engine drains → the feed tells the last books → the publisher
//! flushes → sockets and requests end.
//! The server stays up until then, because the embedded provider is part of it.

mod demo;
mod events;
mod pusher;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::auth::Passwords;
use crate::config::{Config, Environment};
use crate::provider::Provider;
use crate::store::markets::{self, Catalog};
use crate::store::{self, Store};
use crate::{engine, http, market_data, publisher};

pub use demo::log_ins as demo_log_ins;
pub use pusher::{client, credentials};

/// A matchcast that listens and is ready to run.
pub struct App {
    address: SocketAddr,
    server: Server,
    engine: engine::Handle,
    engine_thread: JoinHandle<()>,
    /// `None`: books are not told.
    feed: Option<market_data::BookPublisher>,
    publisher: publisher::Publisher,
    provider: Option<Provider>,
    shutdown: Duration,
}

impl App {
    /// Brings the schema up to date, starts the engine and binds the port.
    ///
    /// `metrics` is where metrics are read from, if they are gathered.
    pub async fn build(config: Config, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let (store, catalog) = open_store(&config).await?;
        let notifiers = engine::Notifiers::default();
        let settings = engine::Settings {
            queue_len: config.engine.queue_len,
            batch_len: config.engine.batch_len,
            switches: events::event_settings(&config),
        };
        let (engine, engine_thread) =
            engine::start(store.clone(), catalog.clone(), notifiers.clone(), settings)?;
        let feed = config.events.book_updated.then(|| {
            let settings = events::book_settings(&config.events);
            let engine::Notifiers { events, books } = notifiers.clone();
            market_data::BookPublisher::new(store.clone(), catalog.clone(), settings, books, events)
        });
        let credentials = credentials(&config)?;
        let embedded = pusher::embedded(&config, credentials.clone());
        let debug = embedded.clone().filter(|_| config.demo.enabled).map(|provider| {
            let users = demo::log_ins().map(|(email, _)| email.to_owned()).collect();
            http::DebugConsole { provider, users }
        });
        let services = http::Services {
            store: store.clone(),
            engine: engine.clone(),
            catalog,
            credentials,
            delivery: config.delivery,
            expectations: http::Expectations::new(&config.delivery),
            passwords: Passwords::default(),
            settings: pusher::public_settings(&config),
            metrics: metrics.filter(|_| config.http.metrics),
            list_cap: config.http.list_cap,
            faucet_calls_per_day: config.demo.enabled.then_some(config.demo.faucet_calls_per_day),
            secure_cookies: config.auth.secure_cookies,
            debug,
        };
        let (server, address) = http::server::bind(&config, services, embedded.clone())?;
        let sink = pusher::sink(&config, address)?;
        let mut publisher =
            publisher::Publisher::new(store, sink, config.publisher, notifiers.events);
        if config.delivery.only_occupied {
            let refresh = Duration::from_secs(config.delivery.occupancy_refresh_seconds);
            publisher = publisher.skip_unoccupied(refresh);
        }
        Ok(Self {
            address,
            server,
            engine,
            engine_thread,
            feed,
            publisher,
            provider: embedded,
            shutdown: Duration::from_secs(config.http.shutdown_seconds),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` ends, then shuts down in order.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let (stop_publisher, stopped) = watch::channel(false);
        let publishing = tokio::spawn(self.publisher.run(stopped));
        let (stop_feed, stopped) = watch::channel(false);
        let feeding = self.feed.map(|feed| tokio::spawn(feed.run(stopped)));
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
            tracing::error!("the engine did not end in time");
        }
        stop_feed.send_replace(true);
        if let Some(feeding) = feeding
            && tokio::time::timeout(self.shutdown, feeding).await.is_err()
        {
            tracing::warn!("the last books were not told in time; another process does it later");
        }
        stop_publisher.send_replace(true);
        if tokio::time::timeout(self.shutdown, publishing).await.is_err() {
            tracing::warn!("events wait in the outbox: the provider did not take them in time");
        }
        if let Some(provider) = &self.provider {
            provider.close_all().await;
        }
        server.stop(true).await;
        serving.await?.context("the HTTP server failed")
    }
}

/// Migrates, makes what the configuration asks for, and reads the catalog.
async fn open_store(config: &Config) -> anyhow::Result<(Store, Arc<Catalog>)> {
    let config = config.clone();
    let open = move || -> anyhow::Result<(Store, Arc<Catalog>)> {
        let applied =
            store::migrate(&config.database).context("the database cannot be prepared")?;
        if applied > 0 {
            tracing::info!(migrations = applied, "the schema is up to date");
        }
        let store = Store::open(config.database.clone(), config.pool_size)
            .context("the database cannot be opened")?;
        let mut connection = store.connect()?;
        store.write(&mut connection, |c| markets::ensure(c, &config.markets))?;
        let catalog =
            markets::read(&mut connection, config.commission.buyer, config.commission.seller)?;
        if config.demo.enabled {
            demo::seed(&store, &mut connection, &catalog)?;
        } else if config.environment == Environment::Production
            && demo::is_present(&mut connection)?
        {
            anyhow::bail!(
                "DATABASE_URL leads to a database with the demo's users, whose passwords are \
                 public: APP_ENV=production needs one of its own"
            );
        }
        Ok((store, Arc::new(catalog)))
    };
    tokio::task::spawn_blocking(open).await?
}
