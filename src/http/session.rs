//! Browser sessions: their cookies, and their CSRF protection as Sanctum does it.
//!
//! A session is loaded where a handler asks for it and nowhere else, so pages, files and requests
//! with a bearer token do not depend on the database for their cookies. A visitor who has not
//! logged in has a session too, for its CSRF token, but it is in the signed cookie only: a row is
//! stored when a user logs in.
//!
//! `GET /sanctum/csrf-cookie` sets the token as the cookie `XSRF-TOKEN`, which only pages of the
//! same origin can read. Writes send it back as `X-XSRF-TOKEN` (axios) or `X-CSRF-TOKEN` (Echo).
//! Requests with a bearer token do not need it.

use actix_web::HttpRequest;
use actix_web::cookie::{self, Cookie, CookieJar, Key, time};
use actix_web::http::header::HeaderMap;
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
pub struct Session {
    csrf_token: String,
    /// `None`: the session of a visitor, which is not stored.
    key: Option<String>,
    user: Option<(UserId, SignIn)>,
}

impl Session {
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

/// What a valid session cookie contains.
#[derive(Debug, PartialEq, Eq)]
enum SessionCookie {
    Visitor { csrf_token: String },
    Stored { key: String },
}

impl SessionCookie {
    fn parse(value: &str) -> Self {
        match value.strip_prefix(VISITOR_PREFIX) {
            Some(csrf_token) => Self::Visitor { csrf_token: csrf_token.to_owned() },
            None => Self::Stored { key: value.to_owned() },
        }
    }
}

/// The sessions of all browsers.
pub struct BrowserSessions {
    sessions: Sessions,
    /// Signs the session cookies.
    key: Key,
    lifetime: TimeDelta,
    cookies: Cookies,
}

impl BrowserSessions {
    pub fn new(config: &Config, sessions: Sessions) -> anyhow::Result<Self> {
        let Auth { session_lifetime, cookies, .. } = config.auth.clone();
        Ok(Self {
            sessions,
            key: Key::derive_from(config.app_key.expose()),
            lifetime: TimeDelta::from_std(session_lifetime)?,
            cookies,
        })
    }

    /// The session of this request. `None` without a valid cookie, and for a session that has
    /// expired or was revoked.
    pub async fn load(&self, request: &HttpRequest) -> Result<Option<Session>, ApiError> {
        match self.read_cookie(request) {
            None => Ok(None),
            Some(SessionCookie::Visitor { csrf_token }) => {
                Ok(Some(Session { csrf_token, key: None, user: None }))
            }
            Some(SessionCookie::Stored { key }) => {
                let stored = self.sessions.load(&key).await?;
                Ok(stored.map(|stored| {
                    let sign_in = SignIn::Session { id: stored.id, token: stored.token };
                    let user = stored.user.map(|user| (user, sign_in));
                    Session { csrf_token: stored.csrf_token, key: Some(key), user }
                }))
            }
        }
    }

    /// A new session of a visitor, with its cookie.
    pub fn visitor(&self) -> (Session, Cookie<'static>) {
        let csrf_token = random_hex::<CSRF_TOKEN_BYTES>();
        let cookie = self.session_cookie(format!("{VISITOR_PREFIX}{csrf_token}"));
        (Session { csrf_token, key: None, user: None }, cookie)
    }

    /// Replaces a session by that of a user whose log-in issued this token, under a new key.
    /// Returns its cookie.
    ///
    /// `None` if the token has been revoked meanwhile.
    pub async fn log_in(
        &self,
        session: Session,
        user: UserId,
        token: i64,
    ) -> Result<Option<Cookie<'static>>, ApiError> {
        let Session { csrf_token, key, .. } = session;
        if let Some(key) = key {
            self.sessions.delete(&key).await?;
        }
        let key = self.sessions.open(user, token, &csrf_token, self.lifetime).await?;
        Ok(key.map(|key| self.session_cookie(key)))
    }

    /// The cookie that a page reads its CSRF token from.
    pub fn csrf_cookie(&self, session: &Session) -> Cookie<'static> {
        self.with_attributes(Cookie::new(CSRF_COOKIE, session.csrf_token.clone()))
    }

    /// The cookie that removes the session cookie from a browser.
    pub fn removal_cookie(&self) -> Cookie<'static> {
        let mut cookie = self.unsigned_cookie(String::new());
        cookie.make_removal();
        cookie
    }

    fn session_cookie(&self, value: String) -> Cookie<'static> {
        let mut cookie = self.unsigned_cookie(value);
        cookie.set_max_age(time::Duration::seconds(self.lifetime.num_seconds()));
        let mut jar = CookieJar::new();
        jar.signed_mut(&self.key).add(cookie.clone());
        jar.get(SESSION_COOKIE).cloned().unwrap_or(cookie)
    }

    fn unsigned_cookie(&self, value: String) -> Cookie<'static> {
        let mut cookie = self.with_attributes(Cookie::new(SESSION_COOKIE, value));
        cookie.set_http_only(true);
        cookie
    }

    fn with_attributes(&self, mut cookie: Cookie<'static>) -> Cookie<'static> {
        let Cookies { secure, domain, same_site } = self.cookies.clone();
        cookie.set_path("/");
        cookie.set_secure(secure);
        cookie.set_same_site(cookie::SameSite::from(same_site));
        if let Some(domain) = domain {
            cookie.set_domain(domain);
        }
        cookie
    }

    /// The first session cookie whose signature is valid.
    fn read_cookie(&self, request: &HttpRequest) -> Option<SessionCookie> {
        let cookies = request.cookies().ok()?;
        let verify = |cookie: &Cookie<'static>| {
            let mut jar = CookieJar::new();
            jar.add_original(cookie.clone());
            jar.signed(&self.key).get(SESSION_COOKIE)
        };
        let mut valid =
            cookies.iter().filter(|cookie| cookie.name() == SESSION_COOKIE).filter_map(verify);
        valid.next().map(|cookie| SessionCookie::parse(cookie.value()))
    }
}
