//! What all requests have in common: the signature and the parsing of a JSON body.

use std::time::SystemTime;

use actix_web::HttpRequest;
use serde::Deserialize;

use super::error::RestError;
use crate::provider::instance::Provider;
use crate::pusher::{ChannelKind, ChannelName, sign};

/// Verifies that the sender knows the secret and that the request is for this app.
pub fn authenticate(
    provider: &Provider,
    request: &HttpRequest,
    body: &[u8],
) -> Result<(), RestError> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    sign::verify_request(
        &provider.credentials,
        request.method().as_str(),
        request.path(),
        request.query_string(),
        body,
        now.map_or(0, |since| since.as_secs()),
    )?;
    match request.match_info().get("app_id") {
        Some(app_id) if app_id == provider.credentials.app_id() => Ok(()),
        app_id => Err(RestError::UnknownApp(app_id.unwrap_or_default().to_owned())),
    }
}

pub fn parse_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|error| RestError::Malformed(format!("Body: {error}")))
}

pub fn require_presence(channel: &ChannelName) -> Result<(), RestError> {
    match channel.kind() {
        ChannelKind::Presence => Ok(()),
        _ => Err(RestError::Malformed("Only presence channels have users".to_owned())),
    }
}
