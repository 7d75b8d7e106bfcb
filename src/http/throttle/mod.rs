//! Limits of attempts per minute: log-ins and what else costs a password hash or a database row;
//! and of all requests, if such limits are set ([`RequestLimits`]).
//!
//! An attempt counts when it begins, so that many at once cannot exceed the limit. One that
//! succeeded is given back. A minute begins with the first attempt and ends all of them, as in
//! Laravel. The counts are of this process; their number is bounded, and they expire by themselves.

mod requests;
mod window;

use std::net::IpAddr;

use actix_web::HttpRequest;

use super::response::ApiError;
use crate::auth::sha256_hex;
use crate::client_address::client_address;
use crate::config::Limits;
use crate::market::UserId;
use requests::RequestLimits;
use window::{Attempt, Throttle};

pub use requests::{Caller, Kind};

/// The calls that are limited per address, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Call {
    LogIn,
    Register,
    CsrfCookie,
}

/// The limits of one process.
pub struct Throttles {
    /// By the hash of the email address, which may be long.
    accounts: Throttle<String>,
    passwords: Throttle<UserId>,
    addresses: Throttle<(Call, IpAddr)>,
    pub requests: RequestLimits,
}

impl Throttles {
    pub fn new(limits: &Limits) -> Self {
        Self {
            accounts: Throttle::new(limits.log_ins_per_minute),
            passwords: Throttle::new(limits.log_ins_per_minute),
            addresses: Throttle::new(limits.log_ins_per_minute_per_address),
            requests: RequestLimits::new(limits),
        }
    }

    /// A log-in to the account with this email address, whether or not it exists.
    pub fn log_in(&self, request: &HttpRequest, email: &str) -> Result<Attempt, ApiError> {
        let mut attempt = self.by_address(request, Call::LogIn)?;
        let account = sha256_hex(&email.to_lowercase());
        if let Err(throttled) = self.accounts.attempt(account, &mut attempt) {
            // One account that is throttled does not use up the address.
            attempt.give_back();
            return Err(throttled.into());
        }
        Ok(attempt)
    }

    pub fn register(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.by_address(request, Call::Register).map(Attempt::keep)
    }

    pub fn csrf_cookie(&self, request: &HttpRequest) -> Result<(), ApiError> {
        self.by_address(request, Call::CsrfCookie).map(Attempt::keep)
    }

    /// A change of the password, which verifies the current one.
    pub fn change_password(&self, user: UserId) -> Result<Attempt, ApiError> {
        let mut attempt = Attempt::default();
        self.passwords.attempt(user, &mut attempt)?;
        Ok(attempt)
    }

    fn by_address(&self, request: &HttpRequest, call: Call) -> Result<Attempt, ApiError> {
        let mut attempt = Attempt::default();
        if let Some(address) = client_address(request) {
            self.addresses.attempt((call, address), &mut attempt)?;
        }
        Ok(attempt)
    }
}
