//! Signatures for subscriptions and sign-ins.
//!
//! These endpoints sign with the secret that also signs REST calls, so nothing that a client sent
//! is ever signed: the channels that the caller may hear are formatted here and compared as a
//! whole, and a socket id is digits, a full stop and digits, byte by byte.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::events::UserChannels;
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::market::UserId;
use crate::pusher::{MAX_CHANNEL_NAME_BYTES, MAX_SOCKET_ID_BYTES, SocketId, encryption, sign};

#[derive(Serialize)]
struct ChannelAuth {
    auth: String,
    /// What an encrypted channel is read with.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_secret: Option<String>,
}

#[derive(Serialize)]
struct UserAuth {
    auth: String,
    user_data: String,
}

/// `POST /broadcasting/auth`
pub async fn auth(
    caller: AuthenticatedUser,
    input: Input,
    services: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let socket_id = read_socket_id(&mut validator);
    let channel = validator.raw_text("channel_name", MAX_CHANNEL_NAME_BYTES);
    validator.finish()?;
    let socket_id = socket_id.ok_or(ApiError::Internal("a socket id that is none passed"))?;
    let asked = channel.unwrap_or_default();
    // Unknown and forbidden are one answer: whether somebody exists is not told here.
    let own = own_channel(services.delivery.user_channels, caller.user, &asked)
        .ok_or_else(|| ApiError::forbidden("You are not allowed to listen to this channel."))?;
    services.pending_subscriptions.note(&services.store, &own).await?;
    let auth = sign::channel_auth(&services.credentials, &socket_id, &own, None);
    let shared_secret = encryption::shared_secret(&services.credentials, &own);
    Ok(HttpResponse::Ok().json(ChannelAuth { auth, shared_secret }))
}

/// The user's channel that was asked for, as the server formats it.
fn own_channel(channels: UserChannels, user: UserId, requested: &str) -> Option<String> {
    channels.of(user).find(|channel| channel == requested)
}

/// `POST /broadcasting/user-auth`
pub async fn user_auth(
    caller: AuthenticatedUser,
    input: Input,
    services: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let socket_id = read_socket_id(&mut validator);
    validator.finish()?;
    let socket_id = socket_id.ok_or(ApiError::Internal("a socket id that is none passed"))?;
    let user_data = format!(r#"{{"id":"{}"}}"#, caller.user);
    let auth = sign::user_auth(&services.credentials, &socket_id, &user_data);
    Ok(HttpResponse::Ok().json(UserAuth { auth, user_data }))
}

/// `None` exactly when the validator has an error for it.
fn read_socket_id(validator: &mut Validator<'_>) -> Option<SocketId> {
    let text = validator.raw_text("socket_id", MAX_SOCKET_ID_BYTES)?;
    let parsed = SocketId::parse(&text);
    if parsed.is_err() {
        validator.fail("socket_id", "The socket id field format is invalid.");
    }
    parsed.ok()
}
