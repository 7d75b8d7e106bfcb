//! The HTTP server: one port for the API, the page and, where it is embedded, the provider.

use std::net::SocketAddr;
use std::time::Duration;

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::cookie::{Key, SameSite, time};
use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders};
use actix_web::{App, HttpServer, web};
use anyhow::Context;

use super::middleware::cors;
use super::middleware::session_store::StoredSessions;
use super::response::ApiError;
use super::router;
use super::state::AppState;
use crate::config::Config;
use crate::provider::{self, Provider};

const SESSION_COOKIE: &str = "matchcast_session";

/// Binds the port and gives the server, which serves once it is awaited.
pub fn bind(
    config: &Config,
    services: AppState,
    embedded: Option<Provider>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let auth = &config.auth;
    let sessions = StoredSessions(services.auth.sessions().clone());
    let services = web::Data::new(services);
    let http = config.http.clone();
    let (auth, app_key) = (auth.clone(), Key::derive_from(config.app_key.expose()));

    let factory = move || {
        let session = SessionMiddleware::builder(sessions.clone(), app_key.clone())
            .cookie_name(SESSION_COOKIE.to_owned())
            .cookie_secure(auth.secure_cookies)
            .cookie_same_site(SameSite::Lax)
            .cookie_content_security(CookieContentSecurity::Signed)
            .session_lifecycle(
                PersistentSession::default()
                    .session_ttl(time::Duration::minutes(auth.session_lifetime_minutes.into())),
            )
            .build();
        let provider = embedded.clone();
        App::new()
            .app_data(services.clone())
            .app_data(web::PayloadConfig::new(http.body_limit))
            .app_data(web::QueryConfig::default().error_handler(|_, _| {
                ApiError::refused(
                    actix_web::http::StatusCode::BAD_REQUEST,
                    "malformed_query",
                    "The query of the URL could not be read.",
                )
                .into()
            }))
            .wrap(session)
            .wrap(Compress::default())
            .wrap(cors::cors(&http))
            .wrap(DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .configure(move |config| {
                if let Some(provider) = provider {
                    provider::configure(config, provider);
                }
            })
            .configure(router::routes)
    };

    let http = &config.http;
    let server = HttpServer::new(factory)
        .keep_alive(Duration::from_secs(http.keep_alive_seconds))
        .max_connections(http.max_connections)
        .shutdown_timeout(http.shutdown_seconds)
        .disable_signals();
    let server = if http.workers > 0 { server.workers(http.workers) } else { server };
    let wanted = SocketAddr::new(http.host, http.port);
    let server = server.bind(wanted).with_context(|| format!("cannot listen on {wanted}"))?;
    let address = *server.addrs().first().context("the server listens nowhere")?;
    Ok((server.run(), address))
}
