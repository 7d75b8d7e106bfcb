//! WebSocket clients of the embedded provider. They subscribe to the channels of users with
//! signatures from matchcast, as a page does.

use std::ops::RangeInclusive;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::connection::Connection;
use crate::provider::KEY;
use crate::received::{EventLog, ReceivedEvent};
use crate::setup;

/// A connection, with the id that the provider gave it.
pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: String,
}

/// A message from the provider. `data` is JSON in a string.
#[derive(Deserialize)]
struct ServerMessage<'a> {
    event: &'a str,
    #[serde(default)]
    channel: Option<&'a str>,
    #[serde(default)]
    data: Option<std::borrow::Cow<'a, str>>,
}

/// Opens a connection.
pub async fn connect(address: &str) -> Socket {
    let url = format!("ws://{address}/app/{KEY}?protocol=7&client=bench");
    let (stream, _) = connect_async(url).await.expect("a connection");
    let mut socket = Socket { stream, id: String::new() };
    let established = next(&mut socket).await;
    let data = parse(&established).data.expect("a socket id").into_owned();
    let data: Value = serde_json::from_str(&data).expect("JSON");
    data["socket_id"].as_str().expect("a socket id").clone_into(&mut socket.id);
    socket
}

/// Subscribes to the channel of a user, whom `connection` authenticates.
pub async fn subscribe_to_user(socket: &mut Socket, connection: &mut Connection, user: i64) {
    let channel = format!("private-user.{user}");
    let body = json!({"socket_id": socket.id, "channel_name": channel}).to_string();
    let request = setup::post("/api/broadcasting/auth", user, "", &body);
    let response: Value =
        serde_json::from_slice(connection.exchange(&request).await).expect("an authorization");
    let data = json!({"channel": channel, "auth": response["auth"]});
    let subscribe = json!({"event": "pusher:subscribe", "data": data}).to_string();
    socket.stream.send(Message::text(subscribe)).await.expect("the connection is open");
    let message = next(socket).await;
    assert_eq!(parse(&message).event, "pusher_internal:subscription_succeeded", "{message}");
}

/// Subscribes to the channels of these users over one connection, and adds their events to the log
/// until the task is aborted.
pub async fn subscribe(address: &str, users: RangeInclusive<i64>, log: EventLog) -> JoinHandle<()> {
    let mut socket = connect(address).await;
    let mut connection = Connection::open(address).await;
    for user in users {
        subscribe_to_user(&mut socket, &mut connection, user).await;
    }
    tokio::spawn(async move {
        loop {
            let text = next(&mut socket).await;
            let at = Instant::now();
            let ServerMessage { event, channel, data } = parse(&text);
            if event == "pusher:ping" {
                let pong = Message::text(r#"{"event":"pusher:pong","data":{}}"#);
                socket.stream.send(pong).await.expect("the connection is open");
                continue;
            }
            assert_eq!(event, "order.matched", "{text}");
            let (channel, data) = (channel.expect("a channel"), data.expect("data"));
            log.add(&[ReceivedEvent::parse(channel, &data, at)]);
        }
    })
}

/// The next text message.
async fn next(socket: &mut Socket) -> Utf8Bytes {
    loop {
        match socket.stream.next().await {
            Some(Ok(Message::Text(text))) => return text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("the provider closed the connection: {other:?}"),
        }
    }
}

fn parse(text: &Utf8Bytes) -> ServerMessage<'_> {
    serde_json::from_str(text.as_str()).expect("a message of the protocol")
}
