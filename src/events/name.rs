//! The name that pages bind to an event, where it is not the name of its kind.

use std::fmt;
use std::sync::Arc;

use super::EventKind;

/// The longest name that Pusher accepts, in bytes.
const MAX_BYTES: usize = 200;
/// Clients take events with these beginnings for messages of the protocol, or of other clients.
const RESERVED: [&str; 3] = ["pusher:", "pusher_internal:", "client-"];

/// The name of an event on the wire, such as `OrderMatched` or `App\Events\OrderMatched`.
///
/// Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(Arc<str>);

/// Why a text is not an [`EventName`]. Each text continues a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventName {
    #[error("must have 1 to {MAX_BYTES} characters")]
    Length,
    #[error("must consist of ASCII characters without spaces")]
    Character,
    #[error("must not begin with pusher:, pusher_internal: or client-")]
    Reserved,
    #[error("must not be the name of another event")]
    Taken,
}

impl EventName {
    /// A name for the events of `kind`.
    ///
    /// # Errors
    /// If clients would not accept it, or take such an event for another one.
    pub fn parse(text: &str, kind: EventKind) -> Result<Self, InvalidEventName> {
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(InvalidEventName::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidEventName::Character);
        }
        if RESERVED.iter().any(|beginning| text.starts_with(beginning)) {
            return Err(InvalidEventName::Reserved);
        }
        if EventKind::ALL.iter().any(|other| *other != kind && other.name() == text) {
            return Err(InvalidEventName::Taken);
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{EventName, InvalidEventName};
    use crate::events::EventKind;

    fn parse(text: &str) -> Result<String, InvalidEventName> {
        EventName::parse(text, EventKind::OrderMatched).map(|name| name.to_string())
    }

    #[test]
    fn names_of_laravel_and_pusher_are_accepted() {
        let long = "a".repeat(200);
        for name in ["order.matched", "OrderMatched", r"App\Events\OrderMatched", "a", &long] {
            assert_eq!(parse(name), Ok(name.to_owned()));
        }
    }

    #[test]
    fn a_name_that_clients_would_misunderstand_is_refused() {
        use InvalidEventName::{Character, Length, Reserved, Taken};
        let long = "a".repeat(201);
        for (name, error) in [
            ("", Length),
            (long.as_str(), Length),
            ("order matched", Character),
            ("order\nmatched", Character),
            ("App\u{1b}vents", Character),
            ("Bestellung-ausgeführt", Character),
            ("pusher:ping", Reserved),
            ("pusher_internal:subscription_succeeded", Reserved),
            ("client-order.matched", Reserved),
            ("order.updated", Taken),
            ("market.updated", Taken),
            // The publisher would ask the provider to terminate connections.
            ("terminate_connections", Taken),
        ] {
            assert_eq!(parse(name), Err(error), "{name:?}");
        }
    }
}
