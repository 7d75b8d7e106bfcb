//! What stands in the body of a call that publishes: one event, or a batch of them.
//!
//! The data of an event on an encrypted channel is sealed here, under a nonce that is random each
//! time. There is no other way for data into a call, and none for such data as it is.

use std::borrow::Cow;

use serde::Serialize;

use super::client::Event;
use super::{Credentials, SocketId, encryption, is_encrypted};

/// A path below `/apps/{app_id}`, and a body for it.
pub(super) struct Publishing {
    pub path: &'static str,
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Single<'a> {
    name: &'a str,
    channels: [&'a str; 1],
    data: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Item<'a> {
    name: &'a str,
    channel: &'a str,
    data: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Batch<'a> {
    batch: Vec<Item<'a>>,
}

impl Publishing {
    /// The call for these events, in their order. Nothing when one of them must be encrypted and
    /// the credentials have no master key.
    pub fn of(credentials: &Credentials, events: &[Event<'_>]) -> Option<Self> {
        if let [event] = events {
            let single = Single {
                name: event.name,
                channels: [event.channel],
                data: data(credentials, event)?,
                socket_id: event.socket_id.map(SocketId::as_str),
            };
            return Some(Self { path: "/events", body: json(&single) });
        }
        let item = |event| Item::of(credentials, event);
        let batch = events.iter().map(item).collect::<Option<_>>()?;
        Some(Self { path: "/batch_events", body: json(&Batch { batch }) })
    }
}

impl<'a> Item<'a> {
    fn of(credentials: &Credentials, event: &Event<'a>) -> Option<Self> {
        let Event { name, channel, socket_id, .. } = *event;
        let data = data(credentials, event)?;
        Some(Self { name, channel, data, socket_id: socket_id.map(SocketId::as_str) })
    }
}

/// An event's data as it is sent.
fn data<'a>(credentials: &Credentials, event: &Event<'a>) -> Option<Cow<'a, str>> {
    if !is_encrypted(event.channel) {
        return Some(Cow::Borrowed(event.data));
    }
    encryption::seal(credentials, event.channel, event.data, &rand::random()).map(Cow::Owned)
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings and lists of them are always JSON")
}
