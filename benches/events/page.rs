//! Pages: real WebSockets at the embedded provider, subscribed with the signatures that matchcast
//! gives to each user.

use std::ops::RangeInclusive;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::heard::{Heard, Log};
use crate::provider::KEY;
use crate::server::Connection;
use crate::setup;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A message of the provider. Its data is JSON in a text.
#[derive(Deserialize)]
struct NewEvents<'a> {
    event: &'a str,
    #[serde(default)]
    channel: Option<&'a str>,
    #[serde(default)]
    data: Option<std::borrow::Cow<'a, str>>,
}

/// Listens for these users over one connection, until the task is aborted.
pub async fn listen(address: &str, users: RangeInclusive<i64>, log: Log) -> JoinHandle<()> {
    let url = format!("ws://{address}/app/{KEY}?protocol=7&client=bench");
    let (mut socket, _) = connect_async(url).await.expect("a connection");
    let established = next(&mut socket).await;
    let data = told(&established).data.expect("a socket id").into_owned();
    let data: Value = serde_json::from_str(&data).expect("JSON");
    let socket_id = data["socket_id"].as_str().expect("a socket id");
    let mut connection = Connection::open(address).await;
    for user in users {
        let channel = format!("private-user.{user}");
        let question = json!({"socket_id": socket_id, "channel_name": channel}).to_string();
        let request = setup::post("/api/broadcasting/auth", user, &question);
        let answer: Value =
            serde_json::from_slice(connection.exchange(&request).await).expect("an authorisation");
        let data = json!({"channel": channel, "auth": answer["auth"]});
        let subscribe = json!({"event": "pusher:subscribe", "data": data}).to_string();
        socket.send(Message::text(subscribe)).await.expect("the connection stands");
        let answer = next(&mut socket).await;
        assert_eq!(told(&answer).event, "pusher_internal:subscription_succeeded", "{answer}");
    }
    tokio::spawn(async move {
        loop {
            let text = next(&mut socket).await;
            let at = Instant::now();
            let NewEvents { event, channel, data } = told(&text);
            if event == "pusher:ping" {
                let pong = Message::text(r#"{"event":"pusher:pong","data":{}}"#);
                socket.send(pong).await.expect("the connection stands");
                continue;
            }
            assert_eq!(event, "order.matched", "{text}");
            let (channel, data) = (channel.expect("a channel"), data.expect("data"));
            log.add(&[Heard::read(channel, &data, at)]);
        }
    })
}

/// The next message.
async fn next(socket: &mut Socket) -> Utf8Bytes {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("the provider ended the connection: {other:?}"),
        }
    }
}

fn told(text: &Utf8Bytes) -> NewEvents<'_> {
    serde_json::from_str(text.as_str()).expect("a message of the protocol")
}
