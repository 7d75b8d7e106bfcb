//! A matchcast server inside the test process, built as `main` builds it, on a free port.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use matchcast::app::App;
use matchcast::config::{Config, Sources};
use tokio::sync::oneshot;

use super::client::Client;
use super::database::Database;
use super::logs;

/// The app secret of the embedded provider.
pub const SECRET: &str = "secret-of-the-tests";

/// Turns off every event except `order.matched`, as the defaults in production do.
pub const ONLY_ORDER_MATCHED: [(&str, &str); 4] = [
    ("MATCHCAST__EVENTS__ORDER_UPDATED", "false"),
    ("MATCHCAST__EVENTS__BALANCE_UPDATED", "false"),
    ("MATCHCAST__EVENTS__TRADE_EXECUTED", "false"),
    ("MATCHCAST__EVENTS__BOOK_UPDATED", "false"),
];

/// A running server in its own thread. Dropping it shuts the server down gracefully.
pub struct TestApp {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestApp {
    /// Starts with the demo users and the embedded provider.
    pub async fn start(database: &Database) -> Self {
        Self::start_from(database, &[], None).await
    }

    /// Starts with additional environment variables.
    pub async fn start_with<S: AsRef<str>>(database: &Database, variables: &[(&str, S)]) -> Self {
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        Self::start_from(database, &variables, None).await
    }

    /// Starts with additional environment variables, and this text as config/local.toml.
    pub async fn start_from(
        database: &Database,
        variables: &[(&str, &str)],
        file: Option<&str>,
    ) -> Self {
        let defaults = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("DATABASE_URL", database.url.as_str()),
            ("PUSHER_APP_SECRET", SECRET),
            ("MATCHCAST__DEMO__TRADERS", "false"),
            ("MATCHCAST__HTTP__WORKERS", "1"),
            ("MATCHCAST__HTTP__SHUTDOWN_SECONDS", "1"),
            ("MATCHCAST__DATABASE__POOL_SIZE", "4"),
            ("MATCHCAST__PUBLISHER__POLL_MS", "50"),
        ];
        let variables = defaults.into_iter().chain(variables.iter().copied());
        logs::start();
        logs::record_secrets(variables.clone());
        let mut sources = Sources::of_variables(variables);
        sources.file = file.map(|text| ("config/local.toml".to_owned(), text.to_owned()));
        let config = Config::from_sources(&sources).expect("a valid configuration");
        let (started, starting) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = App::build(config, None).await.expect("matchcast starts");
                started.send(app.address()).expect("the test is waiting");
                let stop = async move {
                    // An error means that the sender was dropped: the test has ended as well.
                    let _ = stopped.await;
                };
                app.run(stop).await.expect("matchcast shuts down gracefully");
            });
        });
        let address = starting.await.expect("matchcast starts");
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A client that is not logged in.
    pub fn visitor(&self) -> Client {
        Client::new(self.address)
    }

    /// A client logged in as one of the demo users: `alice` (1), `bob` (2) or `charlie` (3).
    pub async fn log_in(&self, name: &str) -> Client {
        let mut client = self.visitor();
        client.log_in(&format!("{name}@example.com"), "password").await;
        client
    }

    /// A new user funded by the faucet: 10,000 USD, 1 BTC and 10 ETH.
    pub async fn register(&self, name: &str) -> Client {
        let mut client = self.visitor();
        client.register(name).await;
        for currency in ["USD", "BTC", "ETH"] {
            let funded =
                client.post("/api/faucet", &format!(r#"{{"currency":"{currency}"}}"#)).await;
            assert_eq!(funded.status, 200, "{}", funded.body);
        }
        client
    }

    /// Shuts down gracefully and waits until the server has stopped.
    pub fn stop(mut self) {
        self.stop_now();
    }

    fn stop_now(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let joined = thread.join();
            if !std::thread::panicking() {
                joined.expect("matchcast shuts down gracefully");
            }
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop_now();
    }
}
