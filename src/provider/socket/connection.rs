//! The loop of one connection: reads the client's messages and writes the messages that the hub
//! has queued for it.
//!
//! A write takes at most `write_timeout` and is aborted when the connection has to be closed. A
//! client that is silent gets a ping, and is disconnected if it does not respond.

use std::io::ErrorKind;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, Closed, ProtocolError, Session};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::provider::close_code::CloseCode;
use crate::provider::connected_client::ConnectedClient;
use crate::provider::limits::Limits;
use crate::provider::message::{self, Malformed, Text};

pub struct Connection {
    pub limits: Limits,
    pub client: ConnectedClient,
    pub session: Session,
    pub incoming: AggregatedMessageStream,
    /// Messages from the hub.
    pub outgoing: mpsc::Receiver<Text>,
    /// The hub's request to close the connection.
    pub close_code: oneshot::Receiver<CloseCode>,
}

/// How a connection ends.
pub enum End {
    /// The client has disconnected.
    Disconnected,
    /// The server closes the connection.
    Close(CloseCode),
}

/// The next thing to handle.
enum Next {
    Close(CloseCode),
    Outgoing(Option<Text>),
    Incoming(Option<Result<AggregatedMessage, ProtocolError>>),
    Silence,
}

impl Connection {
    /// Runs until the connection ends.
    pub async fn run(&mut self) -> End {
        let mut deadline = Instant::now() + self.limits.ping_interval;
        let mut awaits_pong = false;
        loop {
            let next = tokio::select! {
                code = &mut self.close_code => {
                    Next::Close(code.unwrap_or(CloseCode::ShuttingDown))
                }
                text = self.outgoing.recv() => Next::Outgoing(text),
                message = self.incoming.recv() => Next::Incoming(message),
                () = sleep_until(deadline) => Next::Silence,
            };
            let result = match next {
                Next::Close(code) => Err(End::Close(code)),
                Next::Outgoing(Some(text)) => self.write(&text).await,
                // The hub has removed the connection; its reason follows.
                Next::Outgoing(None) => {
                    let code = (&mut self.close_code).await;
                    Err(End::Close(code.unwrap_or(CloseCode::ShuttingDown)))
                }
                Next::Incoming(message) => {
                    awaits_pong = false;
                    deadline = Instant::now() + self.limits.ping_interval;
                    self.receive(message).await
                }
                Next::Silence if awaits_pong => Err(End::Close(CloseCode::NoPong)),
                Next::Silence => {
                    awaits_pong = true;
                    deadline = Instant::now() + self.limits.pong_timeout;
                    self.write(&message::ping()).await
                }
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    async fn receive(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<(), End> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => {
                let reply = match message::parse(&text) {
                    Ok(message) => self.client.handle(message).await.map_err(End::Close)?,
                    Err(Malformed(reason)) => Some(message::error(None, reason)),
                };
                match reply {
                    Some(text) => self.write(&text).await,
                    None => Ok(()),
                }
            }
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                let timeout = self.limits.write_timeout;
                finish(self.session.pong(&bytes), timeout, &mut self.close_code).await
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Binary(_))) => Err(End::Close(CloseCode::Binary)),
            Some(Ok(AggregatedMessage::Close(reason))) => {
                // The client waits for a close frame (RFC 6455, section 5.5.1).
                let timeout = self.limits.write_timeout;
                let reply = self.session.clone().close(reason);
                finish(reply, timeout, &mut self.close_code).await?;
                Err(End::Disconnected)
            }
            None => Err(End::Disconnected),
            Some(Err(error)) => Err(end_of(&error)),
        }
    }

    async fn write(&mut self, text: &str) -> Result<(), End> {
        let timeout = self.limits.write_timeout;
        finish(self.session.text(text), timeout, &mut self.close_code).await
    }
}

/// How a connection ends after an error. Most causes are inside of I/O errors.
fn end_of(error: &ProtocolError) -> End {
    let ProtocolError::Io(error) = error else {
        let is_too_large = matches!(error, ProtocolError::Overflow);
        return End::Close(if is_too_large { CloseCode::TooLarge } else { CloseCode::Malformed });
    };
    match error.get_ref().and_then(|cause| cause.downcast_ref::<PayloadError>()) {
        // The errors of the frame guard.
        Some(PayloadError::Overflow) => End::Close(CloseCode::TooLarge),
        Some(PayloadError::EncodingCorrupted) => End::Close(CloseCode::Malformed),
        Some(_) => End::Disconnected,
        None if error.kind() == ErrorKind::InvalidData => End::Close(CloseCode::InvalidText),
        // A message of several frames, each within the limit.
        None => End::Close(CloseCode::TooLarge),
    }
}

/// Finishes a write, unless the connection has to be closed first or the client is too slow.
async fn finish(
    write: impl Future<Output = Result<(), Closed>>,
    timeout: Duration,
    close_code: &mut oneshot::Receiver<CloseCode>,
) -> Result<(), End> {
    tokio::select! {
        biased;
        written = write => written.map_err(|Closed| End::Disconnected),
        code = close_code => Err(End::Close(code.unwrap_or(CloseCode::ShuttingDown))),
        () = sleep(timeout) => Err(End::Close(CloseCode::SlowConsumer)),
    }
}
