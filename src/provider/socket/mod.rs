//! One WebSocket connection: the way in, the loop, and the way out.
//!
//! A task per connection reads what the client says and writes what the hub queues for it. It
//! waits for a slow client only as long as [`WRITE_TIMEOUT`], and hears at once when the
//! connection shall end. A client that is silent is pinged, and ended when it does not answer.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, rt, web};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseReason, Closed, ProtocolError, Session,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Provider;
use super::close_code::Closing;
use super::command::{Command, Gone};
use super::message::{self, Malformed, Member, Text};
use super::rate_limit::Rate;
use crate::pusher::SocketId;

/// Versions of the protocol that are spoken here.
const PROTOCOLS: std::ops::RangeInclusive<u32> = 5..=7;

/// How long one message may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the way out may take: the last words, and the client's answer to them.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves one connection until it ends.
pub struct Socket {
    pub(super) provider: web::Data<Provider>,
    pub(super) socket_id: SocketId,
    /// Who has signed in.
    pub(super) user: Option<Member>,
    pub(super) client_events: Rate,
    session: Session,
    incoming: AggregatedMessageStream,
    outgoing: mpsc::Receiver<Text>,
    closing: oneshot::Receiver<Closing>,
}

/// How a connection ends.
pub enum End {
    /// The client has gone; there is nobody to tell.
    Gone,
    Closing(Closing),
}

/// What the loop woke up for.
enum Wake {
    Closing(Closing),
    Outgoing(Option<Text>),
    Incoming(Option<Result<AggregatedMessage, ProtocolError>>),
    Silence,
}

/// `GET /app/{key}?protocol=7&client=…&version=…`. Pages of any origin may connect: what they may
/// hear is decided by signatures.
///
/// A connection that is refused is opened all the same, as only an open one can say why.
pub async fn accept(
    request: HttpRequest,
    body: web::Payload,
    key: web::Path<String>,
    query: web::Query<HashMap<String, String>>,
    provider: web::Data<Provider>,
) -> actix_web::Result<HttpResponse> {
    let (response, session, incoming) = actix_ws::handle(&request, body)?;
    let message_bytes = provider.limits.message_bytes;
    let incoming = incoming
        .max_frame_size(message_bytes)
        .aggregate_continuations()
        .max_continuation_size(message_bytes);
    let protocol = query.into_inner().remove("protocol");
    let admission = admit(&provider, &key, protocol.as_deref());
    rt::spawn(async move {
        match admission {
            Ok(()) => serve(provider, session, incoming).await,
            Err(closing) => close(session, incoming, closing).await,
        }
    });
    Ok(response)
}

fn admit(provider: &Provider, key: &str, protocol: Option<&str>) -> Result<(), Closing> {
    if key != provider.credentials.key() {
        return Err(Closing::UnknownKey);
    }
    let protocol = protocol.ok_or(Closing::ProtocolMissing)?;
    let protocol: u32 = protocol.parse().map_err(|_| Closing::VersionMalformed)?;
    if PROTOCOLS.contains(&protocol) { Ok(()) } else { Err(Closing::ProtocolUnsupported) }
}

async fn serve(provider: web::Data<Provider>, session: Session, incoming: AggregatedMessageStream) {
    let (sender, outgoing) = mpsc::channel(provider.limits.outgoing_messages);
    let (closer, closing) = oneshot::channel();
    let connect = |reply| Command::Connect { outgoing: sender, closing: closer, reply };
    let connected = provider.hub.ask(connect).await.unwrap_or(Err(Closing::ShuttingDown));
    let socket_id = match connected {
        Ok(socket_id) => socket_id,
        Err(closing) => return close(session, incoming, closing).await,
    };
    let mut socket = Socket {
        provider,
        socket_id,
        user: None,
        session,
        incoming,
        outgoing,
        closing,
        client_events: Rate::default(),
    };
    let end = socket.run().await;
    let Socket { provider, socket_id, session, incoming, .. } = socket;
    // A hub that is gone has forgotten the connection already.
    let _: Result<(), Gone> = provider.hub.send(Command::Disconnect { socket_id }).await;
    if let End::Closing(closing) = end {
        close(session, incoming, closing).await;
    }
}

/// Says why, and waits a little for the client to go, so that the words arrive.
async fn close(mut session: Session, mut incoming: AggregatedMessageStream, closing: Closing) {
    tracing::debug!(code = closing.code(), reason = closing.message(), "closing a connection");
    let farewell = async {
        if closing.is_of_the_protocol() {
            session.text(&*message::closing(closing)).await?;
        }
        let reason = CloseReason {
            code: closing.code().into(),
            description: Some(closing.message().to_owned()),
        };
        session.close(Some(reason)).await?;
        while let Some(Ok(_)) = incoming.recv().await {}
        Ok::<(), Closed>(())
    };
    // Whoever does not take leave in time is left.
    let _ = timeout(CLOSE_TIMEOUT, farewell).await;
}

impl Socket {
    async fn run(&mut self) -> End {
        let limits = self.provider.limits;
        let mut deadline = Instant::now() + limits.activity_timeout;
        let mut is_pinged = false;
        loop {
            let wake = tokio::select! {
                closing = &mut self.closing => {
                    Wake::Closing(closing.unwrap_or(Closing::ShuttingDown))
                }
                text = self.outgoing.recv() => Wake::Outgoing(text),
                message = self.incoming.recv() => Wake::Incoming(message),
                () = sleep_until(deadline) => Wake::Silence,
            };
            let result = match wake {
                Wake::Closing(closing) => Err(End::Closing(closing)),
                Wake::Outgoing(Some(text)) => self.write(&text).await,
                // The hub has let go, and says why.
                Wake::Outgoing(None) => {
                    Err(End::Closing((&mut self.closing).await.unwrap_or(Closing::ShuttingDown)))
                }
                Wake::Incoming(message) => {
                    is_pinged = false;
                    deadline = Instant::now() + limits.activity_timeout;
                    self.hear(message).await
                }
                Wake::Silence if is_pinged => Err(End::Closing(Closing::NoPong)),
                Wake::Silence => {
                    is_pinged = true;
                    deadline = Instant::now() + limits.pong_timeout;
                    self.write(&message::ping()).await
                }
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    pub(super) async fn write(&mut self, text: &str) -> Result<(), End> {
        unless_closing(self.session.text(text), &mut self.closing).await
    }

    async fn hear(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<(), End> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => match message::parse(&text) {
                Ok(request) => self.answer(request).await,
                Err(Malformed(reason)) => self.write(&message::error(None, reason)).await,
            },
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                unless_closing(self.session.pong(&bytes), &mut self.closing).await
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Binary(_))) => Err(End::Closing(Closing::Binary)),
            Some(Ok(AggregatedMessage::Close(_))) | None => Err(End::Gone),
            // An overflow of several frames together is reported as an I/O error.
            Some(Err(ProtocolError::Overflow | ProtocolError::Io(_))) => {
                Err(End::Closing(Closing::TooLarge))
            }
            Some(Err(_)) => Err(End::Closing(Closing::Malformed)),
        }
    }
}

/// Writes, unless the connection shall end first or its client takes too long.
async fn unless_closing(
    writing: impl Future<Output = Result<(), Closed>>,
    closing: &mut oneshot::Receiver<Closing>,
) -> Result<(), End> {
    tokio::select! {
        biased;
        written = writing => written.map_err(|Closed| End::Gone),
        closing = closing => Err(End::Closing(closing.unwrap_or(Closing::ShuttingDown))),
        () = sleep(WRITE_TIMEOUT) => Err(End::Closing(Closing::SlowConsumer)),
    }
}
