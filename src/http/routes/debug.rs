//! The debug console: the trace of the embedded provider, only for the demo's users.
//!
//! For other users, and if the console is disabled, these paths are 404 like any unknown path.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::provider::Provider;
use crate::pusher::{MAX_CHANNEL_NAME_BYTES, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES};

#[derive(Deserialize)]
pub struct ListQuery {
    /// The id of the last entry that the client has.
    #[serde(default)]
    after: u64,
}

/// Lists the open connections, and the entries of the trace after a number.
#[utoipa::path(
    get,
    path = "/api/debug/events",
    operation_id = "listDebugEvents",
    tag = "Events",
    params(doc::AfterEntry),
    responses((status = 200, description = "Success", body = doc::Success<Value>)),
)]
pub async fn list(
    user: Result<AuthenticatedUser, ApiError>,
    query: web::Query<ListQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let provider = permitted_provider(user, &state).await?;
    let snapshot = provider.snapshot(query.after).await;
    let snapshot = snapshot.ok_or(ApiError::Internal("the embedded provider has stopped"))?;
    Ok(response::ok("Events retrieved successfully", snapshot))
}

/// Publishes an event, as a backend would.
#[utoipa::path(
    post,
    path = "/api/debug/events",
    operation_id = "sendDebugEvent",
    tag = "Events",
    request_body = doc::DebugEvent,
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn send(
    user: Result<AuthenticatedUser, ApiError>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let provider = permitted_provider(user, &state).await?;
    let mut validator = Validator::of(&input);
    let channel = validator.raw_text("channel", MAX_CHANNEL_NAME_BYTES);
    let name = validator.raw_text("name", MAX_EVENT_NAME_BYTES);
    let data = validator.raw_text("data", MAX_DATA_BYTES);
    let (channel, name, data) = validator.finish((channel, name, data))?;
    let sent = provider.publish(&channel, &name, &data).await;
    sent.map_err(|reason| ApiError::invalid("channel", reason))?;
    Ok(response::done("Event sent successfully"))
}

/// The provider, if the user may use the console.
async fn permitted_provider(
    user: Result<AuthenticatedUser, ApiError>,
    state: &AppState,
) -> Result<&Provider, ApiError> {
    let not_found = || ApiError::not_found("Not found.");
    let console = state.debug.as_ref().ok_or_else(not_found)?;
    let user = state.auth.user(user?.id).await?;
    if console.users.contains(&user.email) { Ok(&console.provider) } else { Err(not_found()) }
}
