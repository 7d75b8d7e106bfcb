//! Why a batch failed, and which of its requests that concerns.

use super::EngineError;
use crate::outage::Outage;
use crate::store::StoreError;

static UNAVAILABLE: Outage = Outage::error(
    "engine_database",
    "the engine cannot execute batches",
    "the engine executes batches again",
);
static OUTCOME_UNKNOWN: Outage = Outage::error(
    "engine_outcome_unknown",
    "batches may or may not have been executed",
    "the outcomes of batches are known again",
);

/// A batch was committed.
pub fn recovered() {
    UNAVAILABLE.recovered();
    OUTCOME_UNKNOWN.recovered();
}

/// Which requests a failed batch concerns.
pub enum Failure {
    /// All of them alike.
    Batch(EngineError),
    /// All of them were left, or the batch was given up. Nothing was written.
    NothingToDo,
    /// One of them; which one is unknown.
    OneRequest(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) | StoreError::Unavailable(_) | StoreError::Unsupported(_) => {
                UNAVAILABLE.failed(&error);
                Self::Batch(EngineError::Unavailable)
            }
            StoreError::CommitUnknown(_) => {
                OUTCOME_UNKNOWN.failed(&error);
                Self::Batch(EngineError::OutcomeUnknown)
            }
            StoreError::Abandoned => Self::NothingToDo,
            StoreError::Duplicate(cause) | StoreError::Other(cause) => Self::OneRequest(cause),
        }
    }
}

/// The message of a panic.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
