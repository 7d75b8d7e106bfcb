//! What stands in the frames: building the server's messages, reading the clients'.
//!
//! A message is a JSON object `{event, channel?, data?}`. Its `data` is a *string* of JSON in
//! everything the server sends, except in the two error events, which carry an object as the
//! hosted service's do. Reading is strict about shapes and never panics; what a message asks for
//! is decided elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::close_code::Closing;
use crate::pusher::{MAX_USER_ID_BYTES, SocketId};

/// One message, ready to be sent to any number of connections.
pub type Text = Arc<str>;

/// What a client asks for. Channel names are not yet checked.
#[derive(Debug, PartialEq)]
pub enum Request {
    Ping,
    Pong,
    Subscribe(Subscription),
    Unsubscribe {
        channel: String,
    },
    SignIn {
        auth: String,
        user_data: String,
    },
    /// Any other event: `client-…` to be passed on, or a mistake.
    Event {
        name: String,
        channel: Option<String>,
        data: String,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
pub struct Subscription {
    pub channel: String,
    #[serde(default)]
    pub auth: Option<String>,
    #[serde(default)]
    pub channel_data: Option<String>,
}

/// Who subscribes to a presence channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub user_id: String,
    /// `Null` when the backend said nothing.
    pub user_info: Value,
}

/// A message that is not understood; the text is for its sender.
#[derive(Debug, PartialEq)]
pub struct Malformed(pub &'static str);

#[derive(Deserialize)]
struct Incoming {
    event: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct ChannelOnly {
    channel: String,
}

#[derive(Deserialize)]
struct SignIn {
    auth: String,
    user_data: String,
}

#[derive(Serialize)]
struct Outgoing<'a, D> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

/// Reads one text message of a client.
pub fn parse(text: &str) -> Result<Request, Malformed> {
    let incoming: Incoming = serde_json::from_str(text)
        .map_err(|_| Malformed("A message must be a JSON object with an event"))?;
    let Incoming { event, channel, data } = incoming;
    match event.as_str() {
        "pusher:ping" => Ok(Request::Ping),
        "pusher:pong" => Ok(Request::Pong),
        "pusher:subscribe" => serde_json::from_value(data)
            .map(Request::Subscribe)
            .map_err(|_| Malformed("A subscription must name its channel")),
        "pusher:unsubscribe" => serde_json::from_value(data)
            .map(|ChannelOnly { channel }| Request::Unsubscribe { channel })
            .map_err(|_| Malformed("An unsubscription must name its channel")),
        "pusher:signin" => serde_json::from_value(data)
            .map(|SignIn { auth, user_data }| Request::SignIn { auth, user_data })
            .map_err(|_| Malformed("A sign-in must have auth and user_data")),
        _ => Ok(Request::Event { name: event, channel, data: as_text(data) }),
    }
}

/// Reads the `channel_data` of a presence subscription, or the `user_data` of a sign-in, whose id
/// stands under `id_field`. Numbers are taken for ids, as some backends send them.
pub fn parse_member(text: &str, id_field: &str) -> Option<Member> {
    let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let user_id = match fields.remove(id_field)? {
        Value::String(user_id) => user_id,
        Value::Number(user_id) => user_id.to_string(),
        _ => return None,
    };
    let user_info = fields.remove("user_info").unwrap_or_default();
    let is_fit = !user_id.is_empty() && user_id.len() <= MAX_USER_ID_BYTES;
    is_fit.then_some(Member { user_id, user_info })
}

/// The first message of a connection.
pub fn connection_established(socket_id: &SocketId, activity_timeout_s: u64) -> Text {
    let data = json!({"socket_id": socket_id.as_str(), "activity_timeout": activity_timeout_s});
    internal("pusher:connection_established", None, &data)
}

pub fn ping() -> Text {
    internal("pusher:ping", None, &json!({}))
}

pub fn pong() -> Text {
    internal("pusher:pong", None, &json!({}))
}

/// Something was wrong, and the connection goes on.
pub fn error(code: Option<u16>, message: &str) -> Text {
    let data = json!({"code": code, "message": message});
    serialize(&Outgoing { event: "pusher:error", channel: None, data, user_id: None })
}

/// The last message of a connection.
pub fn closing(closing: Closing) -> Text {
    error(Some(closing.code()), closing.message())
}

/// A subscription is refused. `kind` and `status` are what client libraries look at.
pub fn subscription_error(channel: &str, kind: &str, status: u16, message: &str) -> Text {
    let data = json!({"type": kind, "error": message, "status": status});
    let event = "pusher:subscription_error";
    serialize(&Outgoing { event, channel: Some(channel), data, user_id: None })
}

pub fn subscription_succeeded(channel: &str) -> Text {
    internal("pusher_internal:subscription_succeeded", Some(channel), &json!({}))
}

/// A presence subscription stands; `members` are all users on the channel, the new one included.
pub fn presence_succeeded<'a>(
    channel: &str,
    members: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Text {
    let hash: Map<String, Value> =
        members.map(|(user_id, info)| (user_id.to_owned(), info.clone())).collect();
    let ids: Vec<&String> = hash.keys().collect();
    let data = json!({"presence": {"ids": ids, "hash": hash, "count": hash.len()}});
    internal("pusher_internal:subscription_succeeded", Some(channel), &data)
}

pub fn member_added(channel: &str, member: &Member) -> Text {
    let data = json!({"user_id": member.user_id, "user_info": member.user_info});
    internal("pusher_internal:member_added", Some(channel), &data)
}

pub fn member_removed(channel: &str, user_id: &str) -> Text {
    internal("pusher_internal:member_removed", Some(channel), &json!({"user_id": user_id}))
}

pub fn signin_success(user_data: &str) -> Text {
    internal("pusher:signin_success", None, &json!({"user_data": user_data}))
}

/// An event on a channel. `user_id` is the sender's, for client events on presence channels.
pub fn event(name: &str, channel: &str, data: &str, user_id: Option<&str>) -> Text {
    serialize(&Outgoing { event: name, channel: Some(channel), data, user_id })
}

/// Client libraries decode a string of JSON to the value it was made of.
fn as_text(data: Value) -> String {
    match data {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn internal(event: &str, channel: Option<&str>, data: &Value) -> Text {
    serialize(&Outgoing { event, channel, data: data.to_string(), user_id: None })
}

fn serialize(message: &Outgoing<'_, impl Serialize>) -> Text {
    serde_json::to_string(message).expect("strings and JSON values are always JSON").into()
}
