//! The HTTP server: one port for the API, the dashboard and the embedded provider, if there is one.

use std::net::SocketAddr;

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::cookie::{Key, time};
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::middleware::Compress;
use actix_web::{App, HttpServer, web};
use anyhow::Context;

use super::middleware::session_store::StoredSessions;
use super::middleware::{cors, private};
use super::response::ApiError;
use super::router;
use super::state::AppState;
use crate::config::{Auth, Config, Cookies};
use crate::provider::{self, Provider};

const SESSION_COOKIE: &str = "matchcast_session";

/// Binds the port and returns the server, which serves once it is awaited, with its address.
pub fn bind(
    config: &Config,
    state: AppState,
    embedded: Option<Provider>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let sessions = StoredSessions(state.auth.sessions().clone());
    let state = web::Data::new(state);
    let (auth, http) = (config.auth.clone(), config.http.clone());
    let session_lifetime = time::Duration::try_from(auth.session_lifetime)?;
    let app_key = Key::derive_from(config.app_key.expose());

    let factory = move || {
        let provider = embedded.clone();
        let sessions = sessions.clone();
        App::new()
            .app_data(state.clone())
            .app_data(web::PayloadConfig::new(http.body_limit.get()))
            .app_data(web::QueryConfig::default().error_handler(|_, _| malformed_query().into()))
            .wrap(session_middleware(&auth, session_lifetime, sessions, app_key.clone()))
            .wrap(Compress::default())
            .wrap(cors::cors(&http))
            .wrap(private::security_headers(auth.cookies.secure))
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

fn session_middleware(
    auth: &Auth,
    lifetime: time::Duration,
    sessions: StoredSessions,
    key: Key,
) -> SessionMiddleware<StoredSessions> {
    let Cookies { secure, domain, same_site } = auth.cookies.clone();
    SessionMiddleware::builder(sessions, key)
        .cookie_name(SESSION_COOKIE.to_owned())
        .cookie_secure(secure)
        .cookie_domain(domain)
        .cookie_same_site(same_site.into())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(lifetime))
        .build()
}

fn malformed_query() -> ApiError {
    let message = "The query of the URL could not be read.";
    ApiError::refused(StatusCode::BAD_REQUEST, "malformed_query", message)
}
