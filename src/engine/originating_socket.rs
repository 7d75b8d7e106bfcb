//! The connection that a request came from, so that it can be excluded from the request's events.

/// The connection of the page that sent a request, by the id that the provider assigned to it.
///
/// It becomes part of a request to the provider, so its form is checked before one is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginatingSocket(String);

impl OriginatingSocket {
    pub fn new(socket_id: impl Into<String>) -> Self {
        Self(socket_id.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
