//! The HTTP server: one port for the API, the page and, where it is embedded, the provider.

use std::net::SocketAddr;

use actix_cors::Cors;
use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::cookie::{Key, SameSite, time};
use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders};
use actix_web::{App, HttpServer, web};
use anyhow::Context;

use super::{ApiError, Services, TableSessions, Tokens};
use crate::config::{Config, Http};
use crate::provider::{self, Provider};

const SESSION_COOKIE: &str = "matchcast_session";
/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_AGE_SECONDS: usize = 3600;

/// Binds the port and gives the server, which serves once it is awaited.
pub fn bind(
    config: &Config,
    services: Services,
    embedded: Option<Provider>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let auth = &config.auth;
    let store = services.store.clone();
    let token_lifetime = auth.token_lifetime.map_or(0, |life| life.as_secs() / 60);
    let cache_seconds = auth.cache_ttl.as_secs();
    let tokens = Tokens::new(store.clone(), u32::try_from(token_lifetime)?, cache_seconds);
    let sessions = TableSessions::new(store, cache_seconds);
    let session_ttl = time::Duration::try_from(auth.session_lifetime)?;
    let (services, tokens) = (web::Data::new(services), web::Data::new(tokens));
    let http = config.http.clone();
    let (auth, app_key) = (auth.clone(), Key::derive_from(config.app_key.expose()));

    let factory = move || {
        let session = SessionMiddleware::builder(sessions.clone(), app_key.clone())
            .cookie_name(SESSION_COOKIE.to_owned())
            .cookie_secure(auth.secure_cookies)
            .cookie_same_site(SameSite::Lax)
            .cookie_content_security(CookieContentSecurity::Signed)
            .session_lifecycle(PersistentSession::default().session_ttl(session_ttl))
            .build();
        let provider = embedded.clone();
        App::new()
            .app_data(services.clone())
            .app_data(tokens.clone())
            .app_data(web::Data::new(sessions.clone()))
            .app_data(web::PayloadConfig::new(http.body_limit.get()))
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
            .wrap(cors(&http))
            .wrap(DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .configure(move |config| {
                if let Some(provider) = provider {
                    provider::configure(config, provider);
                }
            })
            .configure(super::routes)
    };

    let http = &config.http;
    let server = HttpServer::new(factory)
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
    let address = *server.addrs().first().context("the server listens nowhere")?;
    Ok((server.run(), address))
}

/// Without configured origins no other origin may read anything.
fn cors(http: &Http) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE_SECONDS);
    if http.cors_origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    http.cors_origins
        .iter()
        .fold(cors.supports_credentials(), |cors, origin| cors.allowed_origin(origin))
}
