//! The id of a request: the client's, or a new one. The response and the log lines of the request
//! contain it.
//!
//! [`RequestId::scope`] sets the id of a request, and [`RequestId::current`] is it wherever the
//! work of the request is.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use rand::RngCore;

/// Longer ids of clients are ignored.
const MAX_LEN: usize = 128;
/// Random bytes of a new id.
const NEW_BYTES: usize = 16;
/// What the ids of clients may contain besides letters and digits: enough for UUIDs, base64 and the
/// trace ids of proxies. Nothing of it ends a header, a line or a field in the log.
const PUNCTUATION: &[u8] = b"-_.:=+/";

tokio::task_local! {
    static CURRENT: RequestId;
}

/// 1 to 128 letters, digits and characters of `-_.:=+/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id that a client has chosen. `None` if it is not a valid one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(&byte);
        let is_valid = (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(is_allowed);
        is_valid.then(|| Self(text.into()))
    }

    /// A new one, which no other request has.
    pub fn generate() -> Self {
        let mut bytes = [0_u8; NEW_BYTES];
        rand::rng().fill_bytes(&mut bytes);
        Self(hex::encode(bytes).into())
    }

    /// The id of the current request. `None` outside a request.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs the work of the request with this id.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for RequestId {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn only_short_ids_without_special_characters_are_accepted() {
        let longest = "x".repeat(128);
        for valid in ["a", "7b0c-42_x.y:z", "Root=1-67891233-abcdef", "aGk+/w==", &longest] {
            assert_eq!(RequestId::parse(valid).as_ref().map(RequestId::as_str), Some(valid));
        }
        let too_long = "x".repeat(129);
        for invalid in ["", " ", "a b", "a\n", "\"a\"", "a,b", "ä", "{}", "<a>", &too_long] {
            assert_eq!(RequestId::parse(invalid), None, "{invalid:?}");
        }
    }

    #[tokio::test]
    async fn new_ids_are_valid_and_different_and_belong_to_their_request() {
        let (first, second) = (RequestId::generate(), RequestId::generate());
        assert_ne!(first, second);
        assert_eq!(RequestId::parse(first.as_str()), Some(first.clone()));
        assert_eq!(RequestId::current(), None);
        let within = first.clone().scope(async { RequestId::current() }).await;
        assert_eq!(within, Some(first));
    }
}
