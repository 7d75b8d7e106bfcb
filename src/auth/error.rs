//! Errors of authentication.

use crate::store::StoreError;

/// Why authentication rejected a request, or failed.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The token is malformed, unknown, revoked or expired, or its user no longer exists.
    #[error("unauthenticated")]
    Unauthenticated,
    /// Unknown address and wrong password are not distinguished.
    #[error("the email address or the password is wrong")]
    InvalidCredentials,
    /// The password is right.
    #[error("an administrator has frozen the user")]
    AccountFrozen,
    #[error("the email address has already been registered")]
    EmailTaken,
    /// The password was changed after it had been verified.
    #[error("the password has been changed in the meantime")]
    PasswordChanged,
    /// The user has as many tokens as allowed.
    #[error("too many tokens")]
    TooManyTokens,
    /// A token must not be valid for longer than one of a log-in.
    #[error("the token would be valid for too long")]
    ExpiresTooLate,
    #[error("hashing a password failed")]
    Hashing,
    /// Nothing was changed.
    #[error("too many passwords wait to be hashed")]
    Busy,
    #[error("{0}")]
    Store(#[from] StoreError),
}
