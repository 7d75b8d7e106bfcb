//! The body of a request that publishes: one event, or a batch.
//!
//! The data of an event on an encrypted channel is encrypted here, with a new random nonce each
//! time. This is the only place where data enters a request, so none leaves unencrypted by mistake.

use std::borrow::Cow;

use serde::Serialize;

use super::credentials::Credentials;
use super::encryption;
use super::event::OutgoingEvent;
use super::names::{SocketId, is_encrypted};

/// A request that publishes events: its path below `/apps/{app_id}`, and its body.
pub(super) struct PublishRequest {
    pub path: &'static str,
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct EventBody<'a> {
    name: &'a str,
    channels: [&'a str; 1],
    data: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

#[derive(Serialize)]
struct BatchBody<'a> {
    batch: Vec<BatchItem<'a>>,
}

#[derive(Serialize)]
struct BatchItem<'a> {
    name: &'a str,
    channel: &'a str,
    data: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

impl PublishRequest {
    /// The request for these events, in order. `None` if one of them has to be encrypted and the
    /// credentials have no master key.
    pub fn new(credentials: &Credentials, events: &[OutgoingEvent<'_>]) -> Option<Self> {
        if let [event] = events {
            let body = EventBody {
                name: event.name,
                channels: [event.channel],
                data: data_to_send(credentials, event)?,
                socket_id: event.socket_id.map(SocketId::as_str),
            };
            return Some(Self { path: "/events", body: json(&body) });
        }
        let item = |event| BatchItem::new(credentials, event);
        let batch = events.iter().map(item).collect::<Option<_>>()?;
        Some(Self { path: "/batch_events", body: json(&BatchBody { batch }) })
    }
}

impl<'a> BatchItem<'a> {
    fn new(credentials: &Credentials, event: &OutgoingEvent<'a>) -> Option<Self> {
        let OutgoingEvent { name, channel, socket_id, .. } = *event;
        let data = data_to_send(credentials, event)?;
        Some(Self { name, channel, data, socket_id: socket_id.map(SocketId::as_str) })
    }
}

/// The event's data, encrypted if the channel is.
fn data_to_send<'a>(credentials: &Credentials, event: &OutgoingEvent<'a>) -> Option<Cow<'a, str>> {
    if !is_encrypted(event.channel) {
        return Some(Cow::Borrowed(event.data));
    }
    encryption::seal(credentials, event.channel, event.data, &rand::random()).map(Cow::Owned)
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings and lists of strings always serialize to JSON")
}
