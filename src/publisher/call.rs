//! One call to the provider.

use crate::pusher::{self, Client, MAX_EVENTS_PER_BATCH, Outcome, SocketId};
use crate::store::outbox::{Event, TERMINATE_CONNECTIONS};

/// How many of the first of these events fit into one call.
pub fn fitting(_client: &Client, events: &[Event]) -> usize {
    events.len().min(MAX_EVENTS_PER_BATCH)
}

/// Posts these events, in their order, or ends the connections of the user that the only one names.
pub async fn make(client: &Client, events: &[Event]) -> Outcome {
    let outcome = match events {
        [event] if event.name == TERMINATE_CONNECTIONS => {
            client.terminate_connections(&event.data).await
        }
        events => {
            let sockets: Vec<Option<SocketId>> = events.iter().map(socket_of).collect();
            let events: Vec<_> = events.iter().zip(&sockets).map(as_sent).collect();
            client.publish(&events).await
        }
    };
    let (label, status) = match &outcome {
        Outcome::Delivered => ("delivered", None),
        Outcome::Retry { .. } => ("retry", None),
        Outcome::Refused { status, .. } => ("refused", Some(*status)),
        Outcome::Held { status, .. } => ("held", Some(*status)),
        Outcome::Rejected { status, .. } => ("rejected", Some(*status)),
    };
    let answer = status.map_or_else(String::new, |status| status.to_string());
    metrics::counter!("matchcast_publisher_calls_total", "outcome" => label, "answer" => answer)
        .increment(1);
    outcome
}

/// What is stored was checked when it came in.
fn socket_of(event: &Event) -> Option<SocketId> {
    event.socket_id.as_deref().and_then(|text| SocketId::parse(text).ok())
}

fn as_sent<'a>((event, socket_id): (&'a Event, &'a Option<SocketId>)) -> pusher::Event<'a> {
    let Event { name, channel, data, .. } = event;
    pusher::Event { name, channel, data, socket_id: socket_id.as_ref() }
}
