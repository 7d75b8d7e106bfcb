//! The debug console: what passes through the embedded provider, for the demo's users alone.
//!
//! Everywhere else, and to everybody else, there is nothing here: a 404 like any unknown path.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::auth;
use crate::http::extract::Caller;
use crate::http::extract::{Input, Rules};
use crate::http::response::ApiError;
use crate::http::{Services, response};
use crate::provider::Provider;
use crate::pusher::{MAX_CHANNEL_NAME_BYTES, MAX_DATA_BYTES, MAX_EVENT_NAME_BYTES};

/// What the console looks into, and who may look.
pub struct DebugConsole {
    pub provider: Provider,
    /// E-mail addresses.
    pub users: Vec<String>,
}

#[derive(Deserialize)]
pub struct LookQuery {
    /// The last entry that was seen.
    #[serde(default)]
    seen: u64,
}

/// `GET /debug/events?seen=17`: who is connected, and what has passed since then.
pub async fn look(
    caller: Result<Caller, ApiError>,
    query: web::Query<LookQuery>,
    services: web::Data<Services>,
) -> Result<HttpResponse, ApiError> {
    let provider = allowed(caller, &services).await?;
    let snapshot = provider.snapshot(query.seen).await;
    let snapshot = snapshot.ok_or(ApiError::Internal("the embedded provider has ended"))?;
    Ok(response::ok("Events retrieved successfully", snapshot))
}

/// `POST /debug/events {channel, name, data}`: sends an event, as a backend would.
pub async fn send(
    caller: Result<Caller, ApiError>,
    input: Input,
    services: web::Data<Services>,
) -> Result<HttpResponse, ApiError> {
    let provider = allowed(caller, &services).await?;
    let mut rules = Rules::of(&input);
    let channel = rules.raw_text("channel", MAX_CHANNEL_NAME_BYTES);
    let name = rules.raw_text("name", MAX_EVENT_NAME_BYTES);
    let data = rules.raw_text("data", MAX_DATA_BYTES);
    rules.finish()?;
    let (Some(channel), Some(name), Some(data)) = (channel, name, data) else {
        return Err(ApiError::Internal("an event that lacks a field passed the rules"));
    };
    let sent = provider.publish(&channel, &name, &data).await;
    sent.map_err(|words| ApiError::invalid("channel", words))?;
    Ok(response::done("Event sent successfully"))
}

/// The provider, for those who may look into it.
async fn allowed(
    caller: Result<Caller, ApiError>,
    services: &Services,
) -> Result<&Provider, ApiError> {
    let nothing = || ApiError::not_found("Not found.");
    let console = services.debug.as_ref().ok_or_else(nothing)?;
    let user = auth::current(services, &caller?).await?;
    if console.users.contains(&user.email) { Ok(&console.provider) } else { Err(nothing()) }
}
