//! The HTTP server: one port for the API, the dashboard and the embedded provider, if there is one.

use std::net::SocketAddr;

use actix_web::cookie::{Key, time};
use actix_web::dev::Server;
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, HttpServer, web};
use anyhow::Context;

use super::middleware::{
    audience, compression, cors, deadline, measure, private, problem, request_id,
};
use super::response::{ApiError, ErrorCode};
use super::router;
use super::session;
use super::state::AppState;
use crate::config::Config;
use crate::provider::{self, Provider};

/// Binds the port and returns the server, which serves once it is awaited, with its address.
pub fn bind(
    config: &Config,
    state: AppState,
    embedded: Option<Provider>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let has_traders = state.demo_traders.is_some();
    let state = web::Data::new(state);
    let (cookies, http) = (config.auth.cookies.clone(), config.http.clone());
    let session_lifetime = time::Duration::try_from(config.auth.session_lifetime)?;
    let app_key = Key::derive_from(config.app_key.expose());
    let request_timeout = http.request_timeout;
    let factory = move || {
        let provider = embedded.clone();
        App::new()
            .app_data(state.clone())
            .app_data(web::PayloadConfig::new(http.body_limit.get()))
            .app_data(web::QueryConfig::default().error_handler(|_, _| malformed_query().into()))
            .wrap(session::middleware(cookies.clone(), session_lifetime, app_key.clone()))
            .wrap(Condition::new(has_traders, from_fn(audience::note)))
            .wrap(from_fn(problem::negotiate))
            .wrap(from_fn(compression::spare_small_bodies))
            .wrap(Compress::default())
            .wrap(cors::cors(&http))
            .wrap(from_fn(compression::declare))
            .wrap(private::security_headers(cookies.secure))
            .wrap(from_fn(move |request, next| deadline::limit(request_timeout, request, next)))
            .wrap(from_fn(measure::measure))
            // The last one is the first to see a request.
            .wrap(from_fn(request_id::identify))
            .configure(move |config| {
                if let Some(provider) = provider {
                    provider::configure(config, provider);
                }
            })
            .configure(router::routes)
    };

    let http = &config.http;
    let write_timeout = provider::Limits::default().write_timeout;
    let server = HttpServer::new(factory)
        .on_connect(provider::end_stalled_connections(write_timeout))
        // A compressed response has several parts. Without this, the kernel keeps the last one
        // until the client has acknowledged the others, which it may do 40 ms later.
        .tcp_nodelay(true)
        .keep_alive(http.keep_alive)
        .max_connections(http.max_connections.get())
        .shutdown_timeout(http.shutdown.as_secs())
        .disable_signals();
    let server = match http.workers {
        Some(workers) => server.workers(workers.get()),
        None => server,
    };
    let wanted = SocketAddr::new(http.host, http.port);
    let server = server.bind(wanted).with_context(|| format!("cannot listen on {wanted}"))?;
    let address = *server.addrs().first().context("the server has no address")?;
    Ok((server.run(), address))
}

fn malformed_query() -> ApiError {
    let message = "The query of the URL could not be read.";
    ApiError::refused(ErrorCode::MalformedQuery, message)
}
