//! Parses messages from clients. Parsing is strict about shapes and never panics. Whether a request
//! is allowed is decided elsewhere.

use serde::Deserialize;
use serde_json::Value;

/// A message from a client. Channel names are not yet checked.
#[derive(Debug, PartialEq)]
pub enum ClientMessage {
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
    /// Any other event: a client event (`client-…`), or a mistake.
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

/// The message could not be parsed. The text is for its sender.
#[derive(Debug, PartialEq)]
pub struct Malformed(pub &'static str);

#[derive(Deserialize)]
struct IncomingMessage {
    event: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Unsubscription {
    channel: String,
}

#[derive(Deserialize)]
struct SignIn {
    auth: String,
    user_data: String,
}

/// Parses one text message from a client.
pub fn parse(text: &str) -> Result<ClientMessage, Malformed> {
    let message: IncomingMessage = serde_json::from_str(text)
        .map_err(|_| Malformed("A message must be a JSON object with an event"))?;
    let IncomingMessage { event, channel, data } = message;
    match event.as_str() {
        "pusher:ping" => Ok(ClientMessage::Ping),
        "pusher:pong" => Ok(ClientMessage::Pong),
        "pusher:subscribe" => serde_json::from_value(data)
            .map(ClientMessage::Subscribe)
            .map_err(|_| Malformed("A subscription must name its channel")),
        "pusher:unsubscribe" => serde_json::from_value(data)
            .map(|Unsubscription { channel }| ClientMessage::Unsubscribe { channel })
            .map_err(|_| Malformed("An unsubscription must name its channel")),
        "pusher:signin" => serde_json::from_value(data)
            .map(|SignIn { auth, user_data }| ClientMessage::SignIn { auth, user_data })
            .map_err(|_| Malformed("A sign-in must have auth and user_data")),
        _ => Ok(ClientMessage::Event { name: event, channel, data: as_text(data) }),
    }
}

/// A string is forwarded unchanged, because client libraries decode the JSON in it.
fn as_text(data: Value) -> String {
    match data {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
