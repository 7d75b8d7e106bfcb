//! The errors that the HTTP server's packages log by themselves.
//!
//! They log at the level `error` what a client did (a request that is not HTTP, a connection that
//! was reset) and what fails for every client at once (no descriptor is left for a connection). No
//! person has to act on each of these, so they are counted as [`Outage`]s, which are warnings.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::outage::Outage;

static ACCEPT: Outage = Outage::warning(
    "accept",
    "connections cannot be accepted",
    "no connection has been refused for some seconds",
);
static CONNECTION: Outage = Outage::warning(
    "connection",
    "connections end with errors",
    "no connection has ended with an error for some seconds",
);

static SESSION_COOKIE: Outage = Outage::warning(
    "session_cookie",
    "session cookies are ignored, because their signatures are wrong or their content is",
    "no session cookie has been ignored for some seconds",
);

/// The outage that this line is counted for, if it comes from such a package.
pub fn outage_of(metadata: &Metadata<'_>) -> Option<&'static Outage> {
    if *metadata.level() > Level::WARN {
        return None;
    }
    match metadata.target().split_once("::") {
        Some(("actix_server", "accept" | "service")) => Some(&ACCEPT),
        Some(("actix_http", _)) => Some(&CONNECTION),
        Some(("actix_session", _)) => Some(&SESSION_COOKIE),
        _ => None,
    }
}

/// Counts these lines instead of writing them.
pub struct CountOutages;

impl<S: Subscriber> Layer<S> for CountOutages {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(outage) = outage_of(event.metadata()) else { return };
        let mut cause = Message::default();
        event.record(&mut cause);
        outage.failed_in_log(&cause.0);
        // The packages log no success: it is over when they log nothing any more.
        outage.recovered();
    }
}

/// The message of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
