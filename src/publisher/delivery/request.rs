//! One call to the provider.

use crate::pusher::{Client, MAX_EVENTS_PER_BATCH, Outcome, OutgoingEvent, SocketId};
use crate::store::outbox::OutboxEvent;

/// How many of the first of these events fit into one call.
pub fn fitting(client: &Client, events: &[OutboxEvent]) -> usize {
    let events = &events[..events.len().min(MAX_EVENTS_PER_BATCH)];
    client.fitting(&as_sent(events, &sockets_of(events)))
}

/// Posts these events, in their order, or ends the connections of the user that the only one names.
pub async fn make(client: &Client, events: &[OutboxEvent]) -> Outcome {
    let outcome = match events {
        [event] if event.terminates_connections() => {
            client.terminate_connections(&event.data).await
        }
        events => {
            let sockets = sockets_of(events);
            client.publish(&as_sent(events, &sockets)).await
        }
    };
    let (label, status) = match &outcome {
        Outcome::Delivered => ("delivered", Some(200)),
        Outcome::Retry { status, .. } => ("retry", *status),
        Outcome::Refused { status, .. } => ("refused", Some(*status)),
        Outcome::Held { status, .. } => ("held", Some(*status)),
        Outcome::Rejected { status, .. } => ("rejected", *status),
    };
    let answer = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    metrics::counter!("matchcast_publisher_calls_total", "outcome" => label, "answer" => answer)
        .increment(1);
    outcome
}

/// What is stored was checked when it came in.
fn sockets_of(events: &[OutboxEvent]) -> Vec<Option<SocketId>> {
    let parse = |event: &OutboxEvent| event.socket_id.as_deref().map(SocketId::parse);
    events.iter().map(|event| parse(event).and_then(Result::ok)).collect()
}

fn as_sent<'a>(
    events: &'a [OutboxEvent],
    sockets: &'a [Option<SocketId>],
) -> Vec<OutgoingEvent<'a>> {
    let sent = |(event, socket_id): (&'a OutboxEvent, &'a Option<SocketId>)| {
        let OutboxEvent { name, channel, data, .. } = event;
        OutgoingEvent { name, channel, data, socket_id: socket_id.as_ref() }
    };
    events.iter().zip(sockets).map(sent).collect()
}
