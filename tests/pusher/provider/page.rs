//! A page with one connection to the provider. Every wait has a deadline.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use matchcast::pusher::{SocketId, sign};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Server;
use crate::credentials;

/// Long enough for a busy machine; only a failing test waits this long.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub socket_id: SocketId,
}

/// What a page can receive.
#[derive(Debug, PartialEq)]
pub enum Received {
    Message(Value),
    Pong,
    Closed(u16),
    Lost,
}

impl Page {
    /// Connects as pusher-js does.
    pub async fn open(server: &Server) -> Self {
        let target = format!("/app/{}?protocol=7&client=js&version=8.6.0", credentials().key());
        let mut page = Self::open_at(server, &target).await;
        let message = page.message().await;
        assert_eq!(message["event"], "pusher:connection_established");
        let data = data_of(&message);
        page.socket_id = SocketId::parse(data["socket_id"].as_str().unwrap()).unwrap();
        page
    }

    /// Connects to any path and expects no message. The socket id is a placeholder.
    pub async fn open_at(server: &Server, target: &str) -> Self {
        let url = format!("ws://127.0.0.1:{}{target}", server.port);
        let connected = timeout(DEADLINE, connect_async(url)).await.expect("connects in time");
        let (socket, _) = connected.unwrap();
        Self { socket, socket_id: SocketId::parse("0.0").unwrap() }
    }

    pub async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        timeout(DEADLINE, self.socket.send(message)).await.expect("sent in time").unwrap();
    }

    /// Sends bytes that need not be a frame.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let sent = self.socket.get_mut().write_all(bytes);
        timeout(DEADLINE, sent).await.expect("sent in time").unwrap();
    }

    /// Sends bytes and returns whether the connection is open. Waits if the server does not read.
    pub async fn try_send_bytes(&mut self, bytes: &[u8]) -> bool {
        let sent = self.socket.get_mut().write_all(bytes);
        timeout(DEADLINE, sent).await.expect("sent in time").is_ok()
    }

    /// Sends a WebSocket ping, which is not part of the Pusher protocol.
    pub async fn send_ping(&mut self) {
        self.send_raw(Message::Ping(Bytes::from_static(b"x"))).await;
    }

    pub async fn receive(&mut self) -> Received {
        loop {
            let next = timeout(DEADLINE, self.socket.next()).await.expect("received in time");
            return match next {
                Some(Ok(Message::Text(text))) => {
                    Received::Message(serde_json::from_str(text.as_str()).unwrap())
                }
                Some(Ok(Message::Pong(_))) => Received::Pong,
                Some(Ok(Message::Close(Some(frame)))) => Received::Closed(frame.code.into()),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Received::Lost,
            };
        }
    }

    /// The next message. Fails if the connection ends.
    pub async fn message(&mut self) -> Value {
        match self.receive().await {
            Received::Message(message) => message,
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// Expects this event on this channel as the next message, and returns its decoded data.
    pub async fn expect(&mut self, event: &str, channel: &str) -> Value {
        let message = self.message().await;
        assert_eq!((&message["event"], &message["channel"]), (&json!(event), &json!(channel)));
        data_of(&message)
    }

    /// Expects an error message with this code, and then the end of the connection with it.
    pub async fn expect_closed(&mut self, code: u16) {
        let message = self.message().await;
        assert_eq!(message["event"], "pusher:error", "{message}");
        assert_eq!(message["data"]["code"], code, "{message}");
        assert_eq!(self.receive().await, Received::Closed(code));
    }

    /// Expects an error with this code (or without one) that keeps the connection open.
    pub async fn expect_error(&mut self, code: Option<u16>) {
        let message = self.message().await;
        assert_eq!(message["event"], "pusher:error", "{message}");
        assert_eq!(message["data"]["code"], json!(code), "{message}");
        assert!(message["data"]["message"].is_string(), "{message}");
    }

    /// Expects the subscription to be refused with this type and status.
    pub async fn expect_refused(&mut self, channel: &str, kind: &str, status: u16) {
        let message = self.message().await;
        assert_eq!(message["event"], "pusher:subscription_error", "{message}");
        assert_eq!(message["channel"], channel);
        assert_eq!(message["data"]["type"], kind, "{message}");
        assert_eq!(message["data"]["status"], status, "{message}");
    }

    /// Sends a subscription that is signed as by the app's backend.
    pub async fn send_subscription(&mut self, channel: &str, channel_data: Option<&str>) {
        let auth = sign::channel_auth(&credentials(), &self.socket_id, channel, channel_data);
        let mut data = json!({"channel": channel, "auth": auth});
        if let Some(channel_data) = channel_data {
            data["channel_data"] = channel_data.into();
        }
        self.send(json!({"event": "pusher:subscribe", "data": data})).await;
    }

    /// Subscribes, waits until the subscription succeeds, and returns its data.
    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.send_subscription(channel, None).await;
        self.expect("pusher_internal:subscription_succeeded", channel).await
    }

    /// Subscribes to a presence channel as a user.
    pub async fn join(&mut self, channel: &str, user_id: &str) -> Value {
        let data = json!({"user_id": user_id, "user_info": {"name": user_id}}).to_string();
        self.send_subscription(channel, Some(&data)).await;
        self.expect("pusher_internal:subscription_succeeded", channel).await
    }

    pub async fn unsubscribe(&mut self, channel: &str) {
        self.send(json!({"event": "pusher:unsubscribe", "data": {"channel": channel}})).await;
    }

    /// Sends a client event.
    pub async fn send_client_event(&mut self, channel: &str, event: &str, data: Value) {
        self.send(json!({"event": event, "channel": channel, "data": data})).await;
    }

    pub async fn close(mut self) {
        self.socket.close(None).await.unwrap();
    }
}

/// The data of a message: a string that contains JSON.
pub fn data_of(message: &Value) -> Value {
    let text = message["data"].as_str().unwrap_or_else(|| panic!("data as text: {message}"));
    serde_json::from_str(text).unwrap()
}
