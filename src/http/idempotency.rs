//! `Idempotency-Key`: a request that is sent again is executed once, and has the same response.
//!
//! Follows the draft <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
//! What the engine decides is stored with the key, be it an order or a rejection. What is refused
//! before (an invalid field, a full queue) is not, so that the request can be corrected or sent
//! again.

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use sha2::{Digest, Sha256};

use super::extract::{AuthenticatedUser, Input};
use super::response::{self, ApiError};
use super::state::AppState;
use crate::engine::{Executed, Once, OriginatingSocket, RenderedResponse};
use crate::market::{Command, Rejection};
use crate::pusher::SocketId;
use crate::store::idempotency::IdempotencyKey;
use crate::store::markets::Catalog;

const HEADER: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";

/// Executes a command, once per idempotency key if the request has one. `input` are the fields that
/// were read.
pub async fn execute(
    state: &AppState,
    user: &AuthenticatedUser,
    request: &HttpRequest,
    input: Option<&Input>,
    command: Command,
) -> Result<HttpResponse, ApiError> {
    let socket = originating_socket(request);
    let Some(key) = key(user, request)? else {
        let executed = state.engine.execute(command, socket).await?;
        return Ok(response::of_executed(&executed, &state.catalog));
    };
    let fingerprint = fingerprint(request, input);
    let once = Once { key, fingerprint, render };
    let stored = state.engine.execute_once(command, socket, once).await?;
    let status = StatusCode::from_u16(stored.response.status)
        .map_err(|_| ApiError::Internal("a stored response has no valid status"))?;
    let mut response = HttpResponse::build(status);
    response.content_type("application/json");
    if stored.is_replayed {
        response.insert_header((REPLAYED, "true"));
    }
    Ok(response.body(stored.response.body))
}

/// The page's connection, if the request names it. Pages that are not connected send `undefined`,
/// which is ignored like everything else that is not a socket id.
fn originating_socket(request: &HttpRequest) -> Option<OriginatingSocket> {
    let header = request.headers().get("x-socket-id")?.to_str().ok()?;
    SocketId::parse(header).ok().map(|id| OriginatingSocket::new(id.as_str()))
}

fn key(
    user: &AuthenticatedUser,
    request: &HttpRequest,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let key = text.and_then(|text| IdempotencyKey::parse(user.id, text));
    key.map(Some).ok_or_else(|| {
        let text = "The Idempotency-Key header must have 1 to 255 printable ASCII characters.";
        ApiError::invalid("Idempotency-Key", text)
    })
}

/// The SHA-256 of the method, the path with its query, and the fields in the order of their names:
/// how the fields are ordered and separated makes no other request.
fn fingerprint(request: &HttpRequest, input: Option<&Input>) -> [u8; 32] {
    let mut digest = Sha256::new();
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    for part in [request.method().as_str(), target] {
        digest.update(part);
        digest.update([0]);
    }
    if let Some(input) = input {
        digest.update(input.to_string());
    }
    digest.finalize().into()
}

fn render(catalog: &Catalog, result: Result<Executed, Rejection>) -> RenderedResponse {
    let response = match result {
        Ok(executed) => response::of_executed(&executed, catalog),
        Err(rejection) => ApiError::from(rejection).error_response(),
    };
    let status = response.status().as_u16();
    // These bodies are complete, and not streams.
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    RenderedResponse { status, body: String::from_utf8_lossy(&body).into_owned() }
}
