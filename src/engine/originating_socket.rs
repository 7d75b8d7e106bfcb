//! Where a command came from, so that it can be left out of what it causes.

/// The connection of the page that sent a command, by the id that the provider gave it.
///
/// It becomes part of a call to the provider, so whoever makes one has checked the form of the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    pub fn new(socket_id: impl Into<String>) -> Self {
        Self(socket_id.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
