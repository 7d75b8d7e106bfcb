//! An embedded provider: a small server that speaks the Pusher protocol, for evaluation and tests.
//!
//! It implements enough of the protocol that pusher-js, Laravel Echo and the official server
//! libraries work with it unchanged: signed REST requests in, WebSocket messages out. All state is
//! in the memory of one process. A restart loses every subscription, and several processes do not
//! share events. In production use hosted Pusher or a dedicated server (Sockudo, soketi, Reverb).
//!
//! Guarantees:
//!
//! - Nobody can subscribe, sign in or publish without a valid signature.
//! - A connection receives messages in the order in which they were published.
//! - A slow connection does not delay others: its queue is bounded, and it is closed when the queue
//!   is full.
//! - Every size and every count has a limit.
//!
//! Not implemented: webhooks, cache channels, watch lists, TLS, fallback transports.
//!
//! `hub` owns all state and takes commands. `socket` serves a WebSocket connection, whose messages
//! `connected_client` handles. `rest` serves backends.

mod close_code;
mod connected_client;
mod hub;
mod instance;
mod limits;
mod message;
mod publication;
mod rate_limit;
mod rest;
mod socket;
mod trace;

use actix_web::web;

pub use instance::Provider;
pub use limits::Limits;
pub use socket::end_stalled_connections;
pub use trace::Snapshot;

/// Mounts the provider: `/apps/{app_id}/…` for backends and `/app/{key}` for clients.
///
/// The server should call [`end_stalled_connections`] for each connection.
///
/// It has to be mounted at the root of the server, because the path is part of the signature.
pub fn configure(config: &mut web::ServiceConfig, provider: Provider) {
    config
        .app_data(web::Data::new(provider))
        .service(rest::scope())
        .service(web::resource("/app/{key}").route(web::get().to(socket::accept)));
}
