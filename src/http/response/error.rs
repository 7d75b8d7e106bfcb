//! Error responses: a stable code, which has a status, and a sentence.
//!
//! The cause is logged, once per outage. A response never contains SQL, paths or type names.

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use super::code::ErrorCode;
use super::outages;
use crate::auth::AuthError;
use crate::engine::EngineError;
use crate::http::schema as doc;
use crate::store::StoreError;

/// The `Retry-After` of every 503.
const RETRY_AFTER_SECONDS: &str = "1";

/// The error texts of each invalid field, in the order of validation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(Cow<'static, str>, Vec<String>)>);

impl FieldErrors {
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, text: impl Into<String>) {
        let field = field.into();
        match self.0.iter_mut().find(|(known, _)| *known == field) {
            Some((_, texts)) => texts.push(text.into()),
            None => self.0.push((field, vec![text.into()])),
        }
    }

    /// Adds the errors of an item of a list, as Laravel names its fields: `orders.0.price`.
    pub fn add_item(&mut self, list: &str, position: usize, errors: Self) {
        let named = errors.0.into_iter();
        let named = named.map(|(field, texts)| (format!("{list}.{position}.{field}"), texts));
        self.0.extend(named.map(|(field, texts)| (Cow::Owned(field), texts)));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first text and the number of further ones, as in Laravel's `message`.
    fn summary(&self) -> String {
        let mut texts = self.0.iter().flat_map(|(_, texts)| texts);
        let first = texts.next().cloned().unwrap_or_default();
        match texts.count() {
            0 => first,
            1 => format!("{first} (and 1 more error)"),
            more => format!("{first} (and {more} more errors)"),
        }
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, texts) in &self.0 {
            map.serialize_entry(field, texts)?;
        }
        map.end()
    }
}

/// A rejected attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    pub limit: u32,
    /// More attempts than these were made at once.
    pub remaining: u32,
    /// Until the minute ends; at least 1.
    pub retry_after_s: u64,
}

/// Every response that is not a success.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    #[error("invalid input")]
    Invalid(FieldErrors),
    #[error("{message}")]
    Refused { code: ErrorCode, message: String },
    #[error("method not allowed")]
    MethodNotAllowed {
        /// As in the header `Allow`.
        allowed: String,
    },
    #[error("unauthenticated")]
    Unauthenticated,
    #[error("csrf token mismatch")]
    CsrfMismatch,
    #[error("too many attempts")]
    Throttled(Throttled),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Engine(EngineError),
    #[error("{0}")]
    Internal(&'static str),
}

impl ApiError {
    pub fn invalid(field: &'static str, text: impl Into<String>) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(field, text);
        Self::Invalid(errors)
    }

    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    pub fn not_found(message: &str) -> Self {
        Self::refused(ErrorCode::NotFound, message)
    }

    pub fn market_not_found() -> Self {
        Self::refused(ErrorCode::MarketNotFound, "Market not found.")
    }

    pub fn forbidden(message: &str) -> Self {
        Self::refused(ErrorCode::Forbidden, message)
    }

    pub fn method_not_allowed(allowed: &str) -> Self {
        Self::MethodNotAllowed { allowed: allowed.to_owned() }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::Refused { code, .. } => *code,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::Unauthenticated => ErrorCode::Unauthenticated,
            Self::CsrfMismatch => ErrorCode::CsrfTokenMismatch,
            Self::Throttled(_) => ErrorCode::TooManyAttempts,
            Self::Store(StoreError::Unavailable(_) | StoreError::Conflict(_))
            | Self::Engine(EngineError::Unavailable | EngineError::Expired) => {
                ErrorCode::Unavailable
            }
            Self::Engine(EngineError::QueueFull) => ErrorCode::TooBusy,
            Self::Engine(EngineError::Stopped) => ErrorCode::Stopping,
            Self::Engine(EngineError::OutcomeUnknown)
            | Self::Store(StoreError::CommitUnknown(_)) => ErrorCode::OutcomeUnknown,
            Self::Engine(_) | Self::Store(_) | Self::Internal(_) => ErrorCode::Internal,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid(errors) => errors.summary(),
            Self::Refused { message, .. } => message.clone(),
            Self::MethodNotAllowed { .. } => "This method is not allowed here.".to_owned(),
            Self::Unauthenticated => "Unauthenticated.".to_owned(),
            Self::CsrfMismatch => "CSRF token mismatch.".to_owned(),
            Self::Throttled(_) => "Too Many Attempts.".to_owned(),
            Self::Store(_) | Self::Engine(_) | Self::Internal(_) => match self.code() {
                ErrorCode::TooBusy => {
                    "The order queue is full. Nothing was changed; try again soon."
                }
                ErrorCode::Stopping => {
                    "The server is shutting down. Nothing was changed; try again soon."
                }
                ErrorCode::Unavailable => {
                    "The database is unavailable. Nothing was changed; try again soon."
                }
                ErrorCode::OutcomeUnknown => {
                    "The database did not confirm the change. Check it before trying again."
                }
                _ => "An internal error occurred. Nothing was changed.",
            }
            .to_owned(),
        }
    }
}

impl From<Throttled> for ApiError {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(throttled)
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Rejected(rejection) => rejection.into(),
            EngineError::KeyInFlight => Self::refused(
                ErrorCode::IdempotencyKeyInFlight,
                "A request with this idempotency key is being executed. Send this one again.",
            ),
            EngineError::KeyReused => Self::refused(
                ErrorCode::IdempotencyKeyReused,
                "This idempotency key was used for another request.",
            ),
            error => Self::Engine(error),
        }
    }
}

/// The texts are Laravel's, because frontends display them.
pub const EMAIL_TAKEN: &str = "The email has already been taken.";
pub const ACCOUNT_FROZEN: &str = "Your account is frozen.";
pub const WRONG_PASSWORD: &str = "The provided password does not match your current password.";

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unauthenticated => Self::Unauthenticated,
            AuthError::InvalidCredentials => {
                Self::invalid("email", "The provided credentials are incorrect.")
            }
            AuthError::AccountFrozen => Self::refused(ErrorCode::AccountFrozen, ACCOUNT_FROZEN),
            AuthError::EmailTaken => Self::invalid("email", EMAIL_TAKEN),
            AuthError::PasswordChanged => Self::invalid("current_password", WRONG_PASSWORD),
            AuthError::TooManyTokens => Self::refused(
                ErrorCode::TooManyTokens,
                "You have too many tokens. Revoke one that is not needed.",
            ),
            AuthError::ExpiresTooLate => Self::invalid(
                "expires_at",
                "The expires at field must not be later than the lifetime of tokens allows.",
            ),
            AuthError::Hashing => Self::Internal("hashing a password failed"),
            AuthError::Busy => Self::refused(
                ErrorCode::TooBusy,
                "Too many log-ins are in progress. Nothing was changed; try again soon.",
            ),
            AuthError::Store(error) => Self::Store(error),
        }
    }
}

/// The body of an error response.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    #[schema(schema_with = doc::always_false)]
    success: bool,
    message: String,
    #[schema(value_type = doc::ErrorWord)]
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<doc::FieldTexts>)]
    errors: Option<FieldErrors>,
}

impl ApiError {
    pub fn body(&self) -> ErrorBody {
        let errors = match self {
            Self::Invalid(errors) => Some(errors.clone()),
            _ => None,
        };
        ErrorBody { success: false, message: self.message(), code: self.code(), errors }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        if let Self::Store(_) | Self::Internal(_) = self {
            // Errors of the engine are logged by the engine.
            outages::failed(self.code(), self);
        }
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            // The rest of the body may arrive later, or never.
            response.force_close();
        }
        if let Self::Throttled(Throttled { limit, remaining, retry_after_s }) = self {
            response.insert_header((header::RETRY_AFTER, *retry_after_s));
            response.insert_header(("x-ratelimit-limit", *limit));
            response.insert_header(("x-ratelimit-remaining", *remaining));
        }
        if let Self::MethodNotAllowed { allowed } = self {
            response.insert_header((header::ALLOW, allowed.as_str()));
        }
        response.json(self.body())
    }
}
