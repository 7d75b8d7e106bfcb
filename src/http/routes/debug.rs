//! The debug console: what passes through the embedded provider, for the demo's users alone.
//!
//! Everywhere else, and to everybody else, there is nothing here: a 404 like any unknown path.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::{self, ApiError};
use crate::http::state::AppState;
use crate::provider::Provider;
use crate::pusher::{MAX_CHANNEL_NAME_BYTES, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES};

#[derive(Deserialize)]
pub struct LookQuery {
    /// The last entry that was seen.
    #[serde(default)]
    seen: u64,
}

/// `GET /debug/events?seen=17`: who is connected, and what has passed since then.
pub async fn look(
    caller: Result<AuthenticatedUser, ApiError>,
    query: web::Query<LookQuery>,
    services: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let provider = allowed(caller, &services).await?;
    let snapshot = provider.look(query.seen).await;
    let snapshot = snapshot.ok_or(ApiError::Internal("the embedded provider has ended"))?;
    Ok(response::ok("Events retrieved successfully", snapshot))
}

/// `POST /debug/events {channel, name, data}`: sends an event, as a backend would.
pub async fn send(
    caller: Result<AuthenticatedUser, ApiError>,
    input: Input,
    services: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let provider = allowed(caller, &services).await?;
    let mut validator = Validator::of(&input);
    let channel = validator.raw_text("channel", MAX_CHANNEL_NAME_BYTES);
    let name = validator.raw_text("name", MAX_EVENT_NAME_BYTES);
    let data = validator.raw_text("data", MAX_DATA_BYTES);
    validator.finish()?;
    let (Some(channel), Some(name), Some(data)) = (channel, name, data) else {
        return Err(ApiError::Internal("an event that lacks a field passed the validator"));
    };
    let sent = provider.publish(&channel, &name, &data).await;
    sent.map_err(|words| ApiError::invalid("channel", words))?;
    Ok(response::done("Event sent successfully"))
}

/// The provider, for those who may look into it.
async fn allowed(
    caller: Result<AuthenticatedUser, ApiError>,
    services: &AppState,
) -> Result<&Provider, ApiError> {
    let nothing = || ApiError::not_found("Not found.");
    let console = services.debug.as_ref().ok_or_else(nothing)?;
    let user = services.auth.user(caller?.user).await?;
    if console.users.contains(&user.email) { Ok(&console.provider) } else { Err(nothing()) }
}
