//! WebSocket connections: the opening handshake, one task per connection, the closing handshake.

mod closing;
mod connection;
mod frame_guard;
mod write_timeout;

use std::collections::HashMap;
use std::net::IpAddr;

use actix_web::dev;
use actix_web::web::{Data, Path, Payload, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse, rt};
use actix_ws::{AggregatedMessageStream, Session};
use tokio::sync::{mpsc, oneshot};

use super::close_code::CloseCode;
use super::connected_client::ConnectedClient;
use super::hub::{ConnectionLink, HubCommand};
use super::instance::Provider;
use crate::client_address::client_address;
use closing::close;
use connection::{Connection, End};
use frame_guard::FrameGuard;

pub use write_timeout::end_stalled_connections;

/// The supported versions of the protocol.
const PROTOCOLS: std::ops::RangeInclusive<u32> = 5..=7;

/// `GET /app/{key}?protocol=7&client=…&version=…`. Pages of every origin may connect; signatures
/// decide what they can subscribe to.
///
/// A refused connection is opened nevertheless, because only an open connection can receive the
/// reason.
pub async fn accept(
    request: HttpRequest,
    body: Payload,
    key: Path<String>,
    query: Query<HashMap<String, String>>,
    provider: Data<Provider>,
) -> actix_web::Result<HttpResponse> {
    let message_bytes = provider.limits.message_bytes;
    let guarded = FrameGuard::new(body.into_inner(), message_bytes);
    let mut guarded: dev::Payload = dev::Payload::Stream { payload: Box::pin(guarded) };
    let body = Payload::from_request(&request, &mut guarded).await?;
    let (response, session, incoming) = actix_ws::handle(&request, body)?;
    let incoming = incoming
        .max_frame_size(message_bytes)
        .aggregate_continuations()
        .max_continuation_size(message_bytes);
    let address = client_address(&request);
    let protocol = query.into_inner().remove("protocol");
    let admission = admit(&provider, &key, protocol.as_deref());
    rt::spawn(async move {
        match admission {
            Ok(()) => serve(provider, address, session, incoming).await,
            Err(code) => close(session, incoming, code).await,
        }
    });
    Ok(response)
}

fn admit(provider: &Provider, key: &str, protocol: Option<&str>) -> Result<(), CloseCode> {
    if key != provider.credentials.key() {
        return Err(CloseCode::UnknownKey);
    }
    let protocol = protocol.ok_or(CloseCode::ProtocolMissing)?;
    let protocol: u32 = protocol.parse().map_err(|_| CloseCode::VersionMalformed)?;
    if PROTOCOLS.contains(&protocol) { Ok(()) } else { Err(CloseCode::ProtocolUnsupported) }
}

/// Serves one connection until it ends.
async fn serve(
    provider: Data<Provider>,
    address: Option<IpAddr>,
    session: Session,
    incoming: AggregatedMessageStream,
) {
    let limits = provider.limits;
    let (sender, outgoing) = mpsc::channel(limits.outgoing_messages);
    let (close_sender, close_code) = oneshot::channel();
    let link = ConnectionLink { address, outgoing: sender, close: close_sender };
    let connect = |reply| HubCommand::Connect { link, reply };
    let connected = provider.hub.request(connect).await.unwrap_or(Err(CloseCode::ShuttingDown));
    let socket_id = match connected {
        Ok(socket_id) => socket_id,
        Err(code) => return close(session, incoming, code).await,
    };
    let client = ConnectedClient::new(provider, socket_id);
    let mut connection = Connection { limits, client, session, incoming, outgoing, close_code };
    let end = connection.run().await;
    let Connection { client, session, incoming, .. } = connection;
    client.disconnect().await;
    if let End::Close(code) = end {
        close(session, incoming, code).await;
    }
}
