//! Limits of all requests of a client per minute. Off by default.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use super::window::{Throttle, Window};
use crate::auth::SignIn;
use crate::config::Limits;
use crate::http::response::Throttled;

/// A page asks for the authorization of each of its channels, on every reconnect.
const CHANNEL_AUTHORIZATIONS_PER_READ: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// These have limits of their own, or a signature.
const NOT_COUNTED: [&str; 3] = ["/login", "/register", "/pusher/webhook"];

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything that changes orders.
    Orders,
    /// Everything else.
    Reads,
    /// Authorizations of channels.
    ChannelAuthorizations,
    /// The calls of administrators, which have proved to be some.
    Administration,
}

impl Kind {
    /// `None`: the call is not counted.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        let path = path.strip_prefix("/api").unwrap_or(path);
        if NOT_COUNTED.contains(&path) {
            return None;
        }
        let is_order = path == "/orders" || path.starts_with("/orders/");
        Some(match path {
            _ if path.starts_with("/broadcasting/") => Self::ChannelAuthorizations,
            "/orders/preview" => Self::Reads,
            _ if is_order && !method.is_safe() => Self::Orders,
            _ => Self::Reads,
        })
    }
}

/// Whom a request counts for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    Token(i64),
    AdminToken(i64),
    Session(String),
    /// Without a valid token or session.
    Address(IpAddr),
}

impl From<&SignIn> for Caller {
    fn from(sign_in: &SignIn) -> Self {
        match sign_in {
            SignIn::Token(id) => Self::Token(*id),
            SignIn::Session { id, .. } => Self::Session(id.clone()),
        }
    }
}

/// A request that was counted.
#[derive(Clone, Debug)]
pub struct Counted {
    kind: Kind,
    caller: Caller,
    limit: u32,
    window: Arc<Window>,
}

impl Counted {
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many more requests are accepted until the minute ends.
    pub fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.window.attempts())
    }
}

/// The limits of one process.
pub struct RequestLimits {
    orders: Throttle<Caller>,
    reads: Throttle<Caller>,
    channel_authorizations: Throttle<Caller>,
    administration: Throttle<Caller>,
}

impl RequestLimits {
    pub fn new(limits: &Limits) -> Self {
        let reads = limits.reads_per_minute;
        let authorizations = reads.map(|n| n.saturating_mul(CHANNEL_AUTHORIZATIONS_PER_READ));
        Self {
            orders: Throttle::new(limits.orders_per_minute),
            reads: Throttle::new(reads),
            channel_authorizations: Throttle::new(authorizations),
            administration: Throttle::new(limits.admin_per_minute),
        }
    }

    pub fn has_limit(&self, kind: Kind) -> bool {
        self.throttle(kind).limit().is_some()
    }

    fn throttle(&self, kind: Kind) -> &Throttle<Caller> {
        match kind {
            Kind::Orders => &self.orders,
            Kind::Reads => &self.reads,
            Kind::ChannelAuthorizations => &self.channel_authorizations,
            Kind::Administration => &self.administration,
        }
    }

    /// Counts a request. `None`: there is no limit.
    pub fn count(&self, kind: Kind, caller: Caller) -> Result<Option<Counted>, Throttled> {
        let throttle = self.throttle(kind);
        let window = throttle.count(caller.clone(), 1)?;
        let counted = window.zip(throttle.limit());
        Ok(counted.map(|(window, limit)| Counted { kind, caller, limit: limit.get(), window }))
    }

    /// Counts more orders of a request that was counted as one.
    pub fn count_more(&self, request: &HttpRequest, more: usize) -> Result<(), Throttled> {
        let Some(counted) = request.extensions().get::<Counted>().cloned() else { return Ok(()) };
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.throttle(counted.kind).count(counted.caller, more).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;

    use super::Kind::{self, ChannelAuthorizations, Orders, Reads};

    #[test]
    fn calls_are_counted_by_what_they_do() {
        for (method, path, expected) in [
            (Method::GET, "/api/orders", Some(Reads)),
            (Method::POST, "/api/orders", Some(Orders)),
            (Method::DELETE, "/api/orders", Some(Orders)),
            (Method::PATCH, "/api/orders/1", Some(Orders)),
            (Method::GET, "/api/orders/1", Some(Reads)),
            (Method::POST, "/api/orders/1/cancel", Some(Orders)),
            (Method::POST, "/api/orders/batch", Some(Orders)),
            (Method::POST, "/api/orders/preview", Some(Reads)),
            (Method::POST, "/api/faucet", Some(Reads)),
            (Method::GET, "/api/nothing", Some(Reads)),
            (Method::POST, "/api/broadcasting/auth", Some(ChannelAuthorizations)),
            (Method::POST, "/broadcasting/auth", Some(ChannelAuthorizations)),
            (Method::POST, "/api/login", None),
            (Method::POST, "/api/register", None),
            (Method::POST, "/api/pusher/webhook", None),
        ] {
            assert_eq!(Kind::of(&method, path), expected, "{method} {path}");
        }
    }
}
