//! Builds messages from the server.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::member::Member;
use crate::provider::close_code::CloseCode;
use crate::pusher::SocketId;

/// A serialized message that can be sent to any number of connections.
pub type Text = Arc<str>;

#[derive(Serialize)]
struct ServerMessage<'a, D> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
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

/// An error that does not close the connection.
pub fn error(code: Option<u16>, message: &str) -> Text {
    let data = json!({"code": code, "message": message});
    serialize(&ServerMessage { event: "pusher:error", channel: None, data, user_id: None })
}

/// The last message of a connection.
pub fn closing(code: CloseCode) -> Text {
    error(Some(code.code()), code.message())
}

/// A subscription was refused. Client libraries read `kind` and `status`.
pub fn subscription_error(channel: &str, kind: &str, status: u16, message: &str) -> Text {
    let data = json!({"type": kind, "error": message, "status": status});
    let event = "pusher:subscription_error";
    serialize(&ServerMessage { event, channel: Some(channel), data, user_id: None })
}

pub fn subscription_succeeded(channel: &str) -> Text {
    internal("pusher_internal:subscription_succeeded", Some(channel), &json!({}))
}

/// A subscription to a presence channel succeeded. `members` are all users on the channel,
/// including the new one.
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

/// An event on a channel. `user_id` is the sender of a client event on a presence channel.
pub fn event(name: &str, channel: &str, data: &str, user_id: Option<&str>) -> Text {
    serialize(&ServerMessage { event: name, channel: Some(channel), data, user_id })
}

fn internal(event: &str, channel: Option<&str>, data: &Value) -> Text {
    serialize(&ServerMessage { event, channel, data: data.to_string(), user_id: None })
}

fn serialize(message: &ServerMessage<'_, impl Serialize>) -> Text {
    serde_json::to_string(message).expect("strings and JSON values always serialize").into()
}
