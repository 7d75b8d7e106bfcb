//! Listens to the events of the users at the provider, over one connection for each, as their pages
//! would.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Run;
use super::participants::Participant;

/// To connect and subscribe.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Providers close connections that are silent for longer than two minutes.
const PING_INTERVAL: Duration = Duration::from_secs(60);

/// The open connections. They close when it is dropped.
pub struct Listeners {
    _tasks: JoinSet<()>,
    /// Why connections have ended, each with its user.
    ended: Arc<Mutex<Vec<String>>>,
}

impl Listeners {
    pub fn ended(&self) -> Vec<String> {
        self.ended.lock().clone()
    }
}

/// Connects every user, and returns when all subscriptions have succeeded.
pub async fn listen(run: &Arc<Run>) -> anyhow::Result<Listeners> {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for participant in &run.participants {
        let connecting = timeout(CONNECT_TIMEOUT, Connection::open(run, participant)).await;
        let of_user =
            || format!("user {} cannot listen to {}", participant.id, participant.channel);
        let connection = connecting.context("no answer in time").flatten().with_context(of_user)?;
        let (run, ended, user) = (Arc::clone(run), Arc::clone(&ended), participant.id);
        tasks.spawn(async move {
            let cause = connection.read(&run, user).await;
            ended.lock().push(format!("the connection of user {user} ended: {cause:#}"));
        });
    }
    Ok(Listeners { _tasks: tasks, ended })
}

struct Connection {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    channel: String,
    /// The key of an encrypted channel.
    cipher: Option<XSalsa20Poly1305>,
}

impl Connection {
    async fn open(run: &Run, participant: &Participant) -> anyhow::Result<Self> {
        let (stream, _) = connect_async(&run.instance.socket_url).await?;
        let channel = participant.channel.clone();
        let mut connection = Self { stream, channel, cipher: None };
        let established = connection.wait_for("pusher:connection_established").await?;
        let socket_id = established["socket_id"].as_str().context("there is no socket id")?;
        let body = json!({ "socket_id": socket_id, "channel_name": connection.channel });
        let token = Some(participant.token.as_str());
        let path = "/broadcasting/auth";
        let answer = run.api.send(Method::POST, path, token, Some(&body)).await?;
        anyhow::ensure!(answer.is_success(), "the authorization has status {}", answer.status);
        connection.cipher = cipher(&answer.body)?;
        let data = json!({ "channel": connection.channel, "auth": answer.body["auth"] });
        connection.send("pusher:subscribe", &data).await?;
        connection.wait_for("pusher_internal:subscription_succeeded").await?;
        Ok(connection)
    }

    /// Returns the data of the next message with this name.
    async fn wait_for(&mut self, name: &str) -> anyhow::Result<Value> {
        loop {
            let message = self.next().await?;
            let data = parsed_data(&message);
            let event = message["event"].as_str().unwrap_or_default();
            if event == name {
                return Ok(data);
            }
            let is_error = event == "pusher:error" || event.ends_with("subscription_error");
            anyhow::ensure!(!is_error, "the provider says: {data}");
        }
    }

    /// Notes the events of a user until the connection ends, and returns why it did.
    async fn read(mut self, run: &Run, user: i64) -> anyhow::Error {
        loop {
            let message = match timeout(PING_INTERVAL, self.next()).await {
                Ok(Ok(message)) => message,
                Ok(Err(error)) => return error,
                Err(_) => match self.send("pusher:ping", &json!({})).await {
                    Ok(()) => continue,
                    Err(error) => return error,
                },
            };
            let at = Instant::now();
            if message["event"] == "pusher:ping" {
                if let Err(error) = self.send("pusher:pong", &json!({})).await {
                    return error;
                }
            } else if let Some(trade) = self.trade_of(&message) {
                run.expected.hear(user, trade, at);
            }
        }
    }

    /// The trade of an event `order.matched`. `None`: it is another message.
    fn trade_of(&self, message: &Value) -> Option<i64> {
        if message["channel"] != self.channel.as_str() {
            return None;
        }
        let mut data = parsed_data(message);
        if let Some(cipher) = &self.cipher {
            data = decrypted(cipher, &data)?;
        }
        // Events of orders and balances have no buyer.
        data["buyer_id"].as_i64()?;
        data["trade_id"].as_i64()
    }

    /// The next message of the protocol.
    async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| format!("{} {}", frame.code, frame.reason));
                    let reason = reason.unwrap_or_else(|| "no reason".to_owned());
                    anyhow::bail!("the provider closed it: {reason}");
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => anyhow::bail!("the provider closed it"),
            }
        }
    }

    async fn send(&mut self, event: &str, data: &Value) -> anyhow::Result<()> {
        let message = json!({ "event": event, "data": data }).to_string();
        Ok(self.stream.send(Message::Text(Utf8Bytes::from(message))).await?)
    }
}

/// `data` is JSON, mostly in a string.
fn parsed_data(message: &Value) -> Value {
    match &message["data"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        data => data.clone(),
    }
}

fn cipher(authorization: &Value) -> anyhow::Result<Option<XSalsa20Poly1305>> {
    let Some(secret) = authorization["shared_secret"].as_str() else { return Ok(None) };
    let key = STANDARD.decode(secret)?;
    let cipher = XSalsa20Poly1305::new_from_slice(&key);
    Ok(Some(cipher.map_err(|_| anyhow::anyhow!("the key of the channel has another length"))?))
}

fn decrypted(cipher: &XSalsa20Poly1305, data: &Value) -> Option<Value> {
    let bytes = |field: &str| STANDARD.decode(data[field].as_str()?).ok();
    let nonce: [u8; 24] = bytes("nonce")?.try_into().ok()?;
    let text = cipher.decrypt((&nonce).into(), bytes("ciphertext")?.as_slice()).ok()?;
    serde_json::from_slice(&text).ok()
}
