//! Requests to the provider.

use std::time::Instant;

use crate::pusher::{Client, Outcome, OutgoingEvent, SocketId, status_label};
use crate::store::outbox::OutboxEvent;

/// How many of the first of these events fit into one request.
pub fn fitting(client: &Client, events: &[OutboxEvent]) -> usize {
    let events = &events[..events.len().min(client.max_events())];
    client.fitting(&outgoing(events, &socket_ids(events)))
}

/// Publishes these events in their order. A termination of connections must be the only event; it
/// names the user whose connections are terminated.
pub async fn send(client: &Client, events: &[OutboxEvent]) -> Outcome {
    let started = Instant::now();
    let outcome = match events {
        [event] if event.terminates_connections() => {
            client.terminate_connections(&event.data).await
        }
        events => client.publish(&outgoing(events, &socket_ids(events))).await,
    };
    metrics::histogram!("matchcast_publisher_request_seconds").record(started.elapsed());
    let (label, status) = match &outcome {
        Outcome::Delivered => ("delivered", Some(200)),
        Outcome::Retry { status, .. } => ("retry", *status),
        Outcome::Refused { status, .. } => ("refused", Some(*status)),
        Outcome::Held { status, .. } => ("held", Some(*status)),
        Outcome::Rejected { status, .. } => ("rejected", *status),
    };
    let status = status_label(status);
    metrics::counter!("matchcast_publisher_requests_total", "outcome" => label, "status" => status)
        .increment(1);
    outcome
}

/// The sockets that are excluded from these events. They were valid when they were stored.
fn socket_ids(events: &[OutboxEvent]) -> Vec<Option<SocketId>> {
    let parse = |event: &OutboxEvent| event.socket_id.as_deref().map(SocketId::parse);
    events.iter().map(|event| parse(event).and_then(Result::ok)).collect()
}

fn outgoing<'a>(
    events: &'a [OutboxEvent],
    socket_ids: &'a [Option<SocketId>],
) -> Vec<OutgoingEvent<'a>> {
    let outgoing = |(event, socket_id): (&'a OutboxEvent, &'a Option<SocketId>)| {
        let OutboxEvent { name, channel, data, .. } = event;
        OutgoingEvent { name, channel, data, socket_id: socket_id.as_ref() }
    };
    events.iter().zip(socket_ids).map(outgoing).collect()
}
