//! The embedded provider over real HTTP and real WebSockets.

mod client_events;
mod connections;
mod frames;
mod fuzz;
mod page;
mod presence;
mod rest;
mod sign_in;
mod subscriptions;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use matchcast::provider::{self, Limits, Provider};
use matchcast::pusher::{Client, Outcome, OutgoingEvent, SocketId};

use crate::{credentials, encrypting_credentials, scripted};

/// A provider on its own port, and a client for it.
pub struct Server {
    pub port: u16,
    pub provider: Provider,
    pub backend: Client,
    handle: ServerHandle,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub async fn start_with(limits: Limits) -> Self {
        let provider = Provider::start(credentials(), limits);
        let mounted = provider.clone();
        let app = move || {
            let provider = mounted.clone();
            App::new().configure(move |config| provider::configure(config, provider))
        };
        let server = HttpServer::new(app)
            .on_connect(provider::end_stalled_connections(limits.write_timeout))
            .workers(1)
            .disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let port = server.addrs()[0].port();
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let backend = scripted::client(port, encrypting_credentials());
        Self { port, provider, backend, handle }
    }

    /// Publishes one event through the signed REST interface.
    pub async fn publish(&self, channel: &str, name: &str, data: &str) {
        self.publish_except(channel, name, data, None).await;
    }

    pub async fn publish_except(
        &self,
        channel: &str,
        name: &str,
        data: &str,
        socket_id: Option<&SocketId>,
    ) {
        let event = OutgoingEvent { name, channel, data, socket_id };
        assert_eq!(self.backend.publish(&[event]).await, Outcome::Delivered);
    }

    /// Shuts down gracefully and waits for it.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}
