//! The errors of the database, grouped by how a caller can react.

use diesel::result::{DatabaseErrorKind, Error};

use super::postgres_errors;

/// An error of the database.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Two transactions conflicted; nothing was written. Trying again helps.
    #[error("the transaction conflicted with another one: {0}")]
    Conflict(String),
    /// A row with this key exists already.
    #[error("{0}")]
    Duplicate(String),
    /// The database cannot be reached or is read-only, or all connections are in use.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The commit failed other than by a conflict: it may or may not have been written.
    #[error("the outcome of the commit is unknown: {0}")]
    CommitUnknown(String),
    /// This program cannot work with the database as it is set up.
    #[error("{0}")]
    Unsupported(String),
    /// The work itself gave up; nothing was written.
    #[error("the transaction was abandoned")]
    Abandoned,
    /// A constraint, a bug, a full disk.
    #[error("{0}")]
    Other(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let cancellation = postgres_errors::take_last();
        match &error {
            Error::DatabaseError(kind, _) => match kind {
                DatabaseErrorKind::SerializationFailure => Self::Conflict(text),
                DatabaseErrorKind::UniqueViolation => Self::Duplicate(text),
                // A read-only server is a standby, or about to become one.
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ReadOnlyTransaction => Self::Unavailable(text),
                _ if cancellation.is_some() => Self::Conflict(text),
                // Diesel has no kind for these. The texts come from SQLite and from libpq, which
                // speak English here.
                _ if text.contains("database is locked") => Self::Conflict(text),
                _ if text.contains("server closed the connection")
                    || text.contains("no connection to the server") =>
                {
                    Self::Unavailable(text)
                }
                _ => Self::Other(text),
            },
            Error::BrokenTransactionManager => Self::Unavailable(text),
            _ => Self::Other(text),
        }
    }
}

impl From<diesel::r2d2::PoolError> for StoreError {
    fn from(error: diesel::r2d2::PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
