//! Requests that are executed once, however often they are sent: idempotency keys.
//!
//! The key and the response of a request are rows of the transaction that executes it. A request
//! whose key is found, once the locks of its batch are held, is not executed: it has the stored
//! response. Within a process, a key that is in flight is refused at once.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::reply::{Executed, RenderedResponse, StoredResponse};
use crate::market::Rejection;
use crate::store::idempotency::{ExecutedRequest, IdempotencyKey};
use crate::store::markets::Catalog;

/// How a request becomes one that is executed once.
pub struct Once {
    pub key: IdempotencyKey,
    /// The SHA-256 of everything that makes it the same request.
    pub fingerprint: [u8; 32],
    pub render: Render,
}

/// Makes the response that is stored, in the transaction. A transaction that is tried again makes
/// it again.
pub type Render = fn(&Catalog, Result<Executed, Rejection>) -> RenderedResponse;

impl Once {
    /// The row that is stored with this response, if it is kept.
    pub fn row(&self, response: &RenderedResponse) -> Option<(IdempotencyKey, ExecutedRequest)> {
        Some((self.key.clone(), response.to_executed(&self.fingerprint)?))
    }

    /// The response of an earlier request with this key. `None` if that was another request.
    pub fn replay(&self, executed: ExecutedRequest) -> Option<StoredResponse> {
        StoredResponse::replay(executed, &self.fingerprint)
    }
}

/// The keys of this process's requests that have no reply yet.
#[derive(Clone, Debug, Default)]
pub struct KeysInFlight(Arc<Mutex<HashSet<IdempotencyKey>>>);

impl KeysInFlight {
    /// `None` if a request with this key is in flight.
    pub fn add(&self, key: &IdempotencyKey) -> Option<KeyInFlight> {
        let is_new = self.0.lock().insert(key.clone());
        is_new.then(|| KeyInFlight { keys: self.clone(), key: key.clone() })
    }
}

/// Keeps a key in flight until it is dropped.
#[derive(Debug)]
pub struct KeyInFlight {
    keys: KeysInFlight,
    key: IdempotencyKey,
}

impl Drop for KeyInFlight {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}
