//! `Idempotency-Key`: a request that is sent again is executed once, and has the same response.
//!
//! Follows the draft <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
//! What the engine decides is stored with the key, be it an order or a rejection such as missing
//! funds. A request with an invalid field, or one that was not executed, can be corrected and sent
//! again with the same key.

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use sha2::{Digest, Sha256};

use super::extract::{Administrator, AuthenticatedUser, Input};
use super::response::{self, ApiError};
use super::state::AppState;
use crate::engine::{
    EngineError, Executed, Once, Origin, OriginatingSocket, RenderedResponse, StoredResponse,
};
use crate::market::{Command, Rejection, UserId};
use crate::pusher::SocketId;
use crate::store::idempotency::{self, IdempotencyKey};
use crate::store::markets::Catalog;
use crate::store::{AnyConnection, StoreError, now};

const HEADER: &str = "idempotency-key";
/// The header of a response that is repeated.
pub const REPLAYED: (&str, &str) = ("idempotency-replayed", "true");

/// Executes a command, once per idempotency key if the request has one. `input` are the fields that
/// were read.
pub async fn execute(
    state: &AppState,
    user: &AuthenticatedUser,
    request: &HttpRequest,
    input: Option<&Input>,
    command: Command,
) -> Result<HttpResponse, ApiError> {
    let Some(key) = key(user, request, "")? else {
        let executed = state.engine.execute(command, originating_socket(request)).await;
        let catalog = state.catalog.current();
        return match executed {
            Ok(executed) => Ok(response::of_executed(&executed, &catalog)),
            Err(EngineError::Rejected(rejection)) => {
                Err(ApiError::of_rejection(rejection, &catalog))
            }
            Err(error) => Err(error.into()),
        };
    };
    let stored = execute_once(state, request, input, command, key).await?;
    respond(stored)
}

/// Executes the command of an administrator, once per idempotency key if the request has one.
pub async fn administer<A>(
    state: &AppState,
    administrator: &Administrator<A>,
    request: &HttpRequest,
    input: &Input,
    command: Command,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let Some(key) = key(administrator, request, "")? else {
        let executed = state.engine.administer(command, origin).await;
        return respond(without_key(state, executed)?);
    };
    let once = Once { key, fingerprint: fingerprint(request, Some(input)), render };
    respond(state.engine.administer_once(command, origin, once).await?)
}

/// One of several commands of a request, each of which is executed in a transaction of its own.
/// `part` is its name among them; the first one has none, and so recognizes a key that was used for
/// another request. A rejection is a response too.
pub async fn execute_part(
    state: &AppState,
    user: &AuthenticatedUser,
    request: &HttpRequest,
    command: Command,
    part: &str,
) -> Result<StoredResponse, ApiError> {
    let Some(key) = key(user, request, part)? else {
        let executed = state.engine.execute(command, originating_socket(request)).await;
        return without_key(state, executed);
    };
    execute_once(state, request, None, command, key).await
}

async fn execute_once(
    state: &AppState,
    request: &HttpRequest,
    input: Option<&Input>,
    command: Command,
    key: IdempotencyKey,
) -> Result<StoredResponse, ApiError> {
    let once = Once { key, fingerprint: fingerprint(request, input), render };
    Ok(state.engine.execute_once(command, originating_socket(request), once).await?)
}

/// The response to a command that was executed without a key. A rejection is a response too.
fn without_key(
    state: &AppState,
    executed: Result<Executed, EngineError>,
) -> Result<StoredResponse, ApiError> {
    let result = match executed {
        Err(EngineError::Rejected(rejection)) => Err(rejection),
        executed => Ok(executed?),
    };
    let response = render(&state.catalog.current(), result);
    Ok(StoredResponse { response, is_replayed: false })
}

/// Changes something in one write transaction, once per idempotency key if the request has one.
/// `work` may run several times, but is committed once.
pub async fn write_once<W>(
    state: &AppState,
    owner: impl Into<KeyOwner>,
    request: &HttpRequest,
    input: Option<&Input>,
    mut work: W,
) -> Result<HttpResponse, ApiError>
where
    W: FnMut(&mut AnyConnection) -> Result<Result<HttpResponse, ApiError>, StoreError>
        + Clone
        + Send
        + 'static,
{
    let Some(key) = key(owner, request, "")? else {
        let written = state.store.transact(move |c| Ok(rendered(work(c)?))).await?;
        return respond(StoredResponse { response: written, is_replayed: false });
    };
    let fingerprint = fingerprint(request, input);
    let attempt = |mut work: W, key: IdempotencyKey| {
        state.store.transact(move |c| {
            if let Some(executed) = idempotency::find(c, vec![key.clone()])?.remove(&key) {
                return Ok(StoredResponse::replay(executed, &fingerprint));
            }
            let response = rendered(work(c)?);
            let executed = response.to_executed(&fingerprint);
            let rows = executed.map(|executed| (key.clone(), executed));
            idempotency::insert(c, rows.as_slice(), now())?;
            Ok(Some(StoredResponse { response, is_replayed: false }))
        })
    };
    let written = match attempt(work.clone(), key.clone()).await {
        // Another request with the key was committed meanwhile: this time it is found.
        Err(StoreError::Duplicate(_)) => attempt(work, key).await?,
        written => written?,
    };
    respond(written.ok_or(EngineError::KeyReused)?)
}

fn rendered(result: Result<HttpResponse, ApiError>) -> RenderedResponse {
    to_rendered(result.unwrap_or_else(|error| error.error_response()))
}

pub fn respond(stored: StoredResponse) -> Result<HttpResponse, ApiError> {
    let status = StatusCode::from_u16(stored.response.status)
        .map_err(|_| ApiError::Internal("a stored response has no valid status"))?;
    let mut response = HttpResponse::build(status);
    response.content_type("application/json");
    if stored.is_replayed {
        response.insert_header(REPLAYED);
    }
    Ok(response.body(stored.response.body))
}

/// The page's connection, if the request names it. Pages that are not connected send `undefined`,
/// which is ignored like everything else that is not a socket id.
fn originating_socket(request: &HttpRequest) -> Option<OriginatingSocket> {
    let header = request.headers().get("x-socket-id")?.to_str().ok()?;
    SocketId::parse(header).ok().map(|id| OriginatingSocket::new(id.as_str()))
}

/// Whose idempotency key a request has.
#[derive(Clone, Copy)]
pub enum KeyOwner {
    User(UserId),
    /// The id of the token.
    Administrator(i64),
}

impl<A> From<&Administrator<A>> for KeyOwner {
    fn from(administrator: &Administrator<A>) -> Self {
        Self::Administrator(administrator.token.id)
    }
}

impl From<&AuthenticatedUser> for KeyOwner {
    fn from(user: &AuthenticatedUser) -> Self {
        Self::User(user.id)
    }
}

/// The key of a request. `None`: it has none.
fn key(
    owner: impl Into<KeyOwner>,
    request: &HttpRequest,
    part: &str,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let owner = owner.into();
    let key = text.and_then(|text| match owner {
        KeyOwner::User(user) => IdempotencyKey::parse(user, text, part),
        KeyOwner::Administrator(token) => IdempotencyKey::of_administrator(token, text),
    });
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
        digest.update(input.to_json());
    }
    digest.finalize().into()
}

fn render(catalog: &Catalog, result: Result<Executed, Rejection>) -> RenderedResponse {
    let response = match result {
        Ok(executed) => response::of_executed(&executed, catalog),
        Err(rejection) => ApiError::of_rejection(rejection, catalog).error_response(),
    };
    to_rendered(response)
}

fn to_rendered(response: HttpResponse) -> RenderedResponse {
    let status = response.status().as_u16();
    // These bodies are complete, and not streams.
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    // What the request can be corrected for, and what may be different tomorrow, is not kept.
    let is_kept = matches!(status, 200 | 201 | 400 | 409);
    RenderedResponse { status, body, is_kept }
}
