//! Browser sessions: their cookies, and their CSRF protection as Sanctum does it.
//!
//! actix-session signs and sets the cookie, whose content is all that its middleware knows (see
//! [`CookieContent`]): the CSRF token of a visitor who has not logged in, or the key of a stored
//! session. A stored session is loaded where a handler asks for it and nowhere else, so pages,
//! files and requests with a bearer token do not depend on the database for their cookies. A row is
//! stored when a user logs in.
//!
//! `GET /sanctum/csrf-cookie` sets the token as the cookie `XSRF-TOKEN`, which only pages of the
//! same origin can read. Writes send it back as `X-XSRF-TOKEN` (axios) or `X-CSRF-TOKEN` (Echo).
//! Requests with a bearer token do not need it.

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::{self, Cookie, Key, time};
use actix_web::http::header::HeaderMap;
use anyhow::anyhow;
use chrono::TimeDelta;
use subtle::ConstantTimeEq;

use super::response::ApiError;
use crate::auth::{Sessions, SignIn, random_hex};
use crate::config::{Auth, Config, Cookies, SameSite};
use crate::market::UserId;

const SESSION_COOKIE: &str = "matchcast_session";
const CSRF_COOKIE: &str = "XSRF-TOKEN";
const CSRF_HEADERS: [&str; 2] = ["x-xsrf-token", "x-csrf-token"];
const CSRF_TOKEN_BYTES: usize = 20;
/// What the cookie of a visitor begins with, before the CSRF token. No key of a stored session
/// contains a dot.
const VISITOR_PREFIX: &str = "visitor.";
/// The values of a session in actix-session: one of them.
const CSRF_TOKEN: &str = "csrf";
const STORED_KEY: &str = "key";

/// The storage of actix-session: the cookie itself.
#[derive(Clone, Copy, Debug)]
pub struct CookieContent;

type State = std::collections::HashMap<String, String>;

/// The content of the cookie for this state.
fn content(state: &State) -> Result<SessionKey, anyhow::Error> {
    let value = |name| state.get(name).and_then(|json| serde_json::from_str::<String>(json).ok());
    let content = match (value(STORED_KEY), value(CSRF_TOKEN)) {
        (Some(key), _) => key,
        (None, Some(csrf_token)) => format!("{VISITOR_PREFIX}{csrf_token}"),
        (None, None) => return Err(anyhow!("a session has neither a key nor a CSRF token")),
    };
    content.try_into().map_err(|_| anyhow!("the content of a session is too long for a cookie"))
}

impl SessionStore for CookieContent {
    async fn load(&self, content: &SessionKey) -> Result<Option<State>, LoadError> {
        let (name, value) = match content.as_ref().strip_prefix(VISITOR_PREFIX) {
            Some(csrf_token) => (CSRF_TOKEN, csrf_token),
            None => (STORED_KEY, content.as_ref()),
        };
        Ok(Some([(name.to_owned(), serde_json::json!(value).to_string())].into()))
    }

    async fn save(&self, state: State, _: &time::Duration) -> Result<SessionKey, SaveError> {
        content(&state).map_err(SaveError::Other)
    }

    async fn update(
        &self,
        _: SessionKey,
        state: State,
        _: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        content(&state).map_err(UpdateError::Other)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &time::Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}

/// The middleware that reads and sets the cookie.
pub fn middleware(
    cookies: Cookies,
    lifetime: time::Duration,
    key: Key,
) -> SessionMiddleware<CookieContent> {
    let Cookies { secure, domain, same_site } = cookies;
    SessionMiddleware::builder(CookieContent, key)
        .cookie_name(SESSION_COOKIE.to_owned())
        .cookie_secure(secure)
        .cookie_domain(domain)
        .cookie_same_site(same_site.into())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(lifetime))
        .build()
}

impl From<SameSite> for cookie::SameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Lax => Self::Lax,
            SameSite::Strict => Self::Strict,
            SameSite::None => Self::None,
        }
    }
}

/// The session of a browser.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    csrf_token: String,
    /// `None`: the session of a visitor, which is not stored.
    key: Option<String>,
    user: Option<(UserId, SignIn)>,
}

impl BrowserSession {
    pub fn csrf_token(&self) -> &str {
        &self.csrf_token
    }

    /// The user who has logged in to the session, and the sign-in that a log-out ends.
    pub fn signed_in(self) -> Option<(UserId, SignIn)> {
        self.user
    }

    /// Whether a header contains the session's CSRF token.
    pub fn has_csrf_token(&self, headers: &HeaderMap) -> bool {
        csrf_tokens(headers)
            .any(|given| bool::from(given.as_bytes().ct_eq(self.csrf_token.as_bytes())))
    }
}

/// The CSRF tokens that a request sends.
fn csrf_tokens(headers: &HeaderMap) -> impl Iterator<Item = &actix_web::http::header::HeaderValue> {
    CSRF_HEADERS.iter().filter_map(|name| headers.get(*name))
}

/// Whether a request sends a CSRF token, valid or not: it comes from a page that wants a session.
pub fn sends_csrf_token(headers: &HeaderMap) -> bool {
    csrf_tokens(headers).next().is_some()
}

/// The sessions of all browsers.
pub struct BrowserSessions {
    sessions: Sessions,
    lifetime: TimeDelta,
    cookies: Cookies,
}

impl BrowserSessions {
    pub fn new(config: &Config, sessions: Sessions) -> anyhow::Result<Self> {
        let Auth { session_lifetime, cookies, .. } = config.auth.clone();
        Ok(Self { sessions, lifetime: TimeDelta::from_std(session_lifetime)?, cookies })
    }

    /// The session of this request. `None` without a valid cookie, and for a session that has
    /// expired or was revoked.
    pub async fn load(&self, cookie: &Session) -> Result<Option<BrowserSession>, ApiError> {
        let value = |name| cookie.get::<String>(name).ok().flatten();
        let Some(key) = value(STORED_KEY) else {
            let visitor = |csrf_token| BrowserSession { csrf_token, key: None, user: None };
            return Ok(value(CSRF_TOKEN).map(visitor));
        };
        let stored = self.sessions.load(&key).await?;
        Ok(stored.map(|stored| {
            let sign_in = SignIn::Session { id: stored.id, token: stored.token };
            let user = stored.user.map(|user| (user, sign_in));
            BrowserSession { csrf_token: stored.csrf_token, key: Some(key), user }
        }))
    }

    /// Makes the session that of a visitor.
    pub fn begin(&self, cookie: &Session) -> Result<BrowserSession, ApiError> {
        let csrf_token = random_hex::<CSRF_TOKEN_BYTES>();
        cookie.clear();
        set(cookie, CSRF_TOKEN, &csrf_token)?;
        Ok(BrowserSession { csrf_token, key: None, user: None })
    }

    /// Replaces a session by that of a user whose log-in issued this token, under a new key, unless
    /// the token has been revoked meanwhile.
    pub async fn log_in(
        &self,
        cookie: &Session,
        session: BrowserSession,
        user: UserId,
        token: i64,
    ) -> Result<(), ApiError> {
        let BrowserSession { csrf_token, key, .. } = session;
        if let Some(key) = key {
            self.sessions.delete(&key).await?;
        }
        let Some(key) = self.sessions.open(user, token, &csrf_token, self.lifetime).await? else {
            return Ok(());
        };
        cookie.renew();
        cookie.clear();
        set(cookie, STORED_KEY, &key)
    }

    /// The cookie that a page reads its CSRF token from.
    pub fn csrf_cookie(&self, session: &BrowserSession) -> Cookie<'static> {
        let Cookies { secure, domain, same_site } = self.cookies.clone();
        let mut cookie = Cookie::new(CSRF_COOKIE, session.csrf_token.clone());
        cookie.set_path("/");
        cookie.set_secure(secure);
        cookie.set_same_site(cookie::SameSite::from(same_site));
        if let Some(domain) = domain {
            cookie.set_domain(domain);
        }
        cookie
    }
}

fn set(cookie: &Session, name: &str, value: &str) -> Result<(), ApiError> {
    cookie.insert(name, value).map_err(|_| ApiError::Internal("the session cannot be written"))
}
