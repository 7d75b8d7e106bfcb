//! The closing handshake.

use std::time::Duration;

use actix_ws::{AggregatedMessageStream, CloseReason, Closed, Session};
use tokio::time::timeout;

use crate::provider::close_code::CloseCode;
use crate::provider::message;

/// Timeout of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends the reason and waits for the client to close the connection, so that the reason arrives.
pub async fn close(mut session: Session, mut incoming: AggregatedMessageStream, code: CloseCode) {
    tracing::debug!(code = code.code(), reason = code.message(), "closing a connection");
    let handshake = async {
        if code.is_pusher_code() {
            session.text(&*message::closing(code)).await?;
        }
        let reason =
            CloseReason { code: code.code().into(), description: Some(code.message().to_owned()) };
        session.close(Some(reason)).await?;
        while let Some(Ok(_)) = incoming.recv().await {}
        Ok::<(), Closed>(())
    };
    // After the timeout the connection is dropped.
    let _ = timeout(CLOSE_TIMEOUT, handshake).await;
}
