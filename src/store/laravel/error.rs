//! Why an import cannot continue. Nothing is written then.

use crate::store::StoreError;

/// An error of an import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be reached, or refuses a query. The text holds no password.
    #[error("the source cannot be read: {0}")]
    Source(String),
    /// A table or a column is missing, or the mapping names one that does not exist.
    #[error("{0}")]
    Schema(String),
    /// A value that means nothing.
    #[error("table {table}, column {column}, row {row}: {problem}")]
    Value { table: String, column: String, row: i64, problem: String },
    /// The target is not empty, or the audit has found something.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for ImportError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}
