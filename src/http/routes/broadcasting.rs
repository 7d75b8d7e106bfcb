//! Signatures for subscriptions and for the sign-in to the provider.
//!
//! The secret that signs here also signs REST requests to the provider. So nothing that a client
//! sent is signed: the user's channels are formatted on the server and compared as a whole, and a
//! socket id is checked byte by byte.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::events::UserChannels;
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::response::ApiError;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::UserId;
use crate::pusher::{
    ChannelName, MAX_CHANNEL_NAME_BYTES, MAX_SOCKET_ID_BYTES, SocketId, encryption, sign,
};

#[derive(Serialize, ToSchema)]
struct ChannelAuth {
    auth: String,
    /// The key of an encrypted channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct UserAuth {
    auth: String,
    user_data: String,
}

/// Signs a subscription to a private channel of the user.
#[utoipa::path(
    post,
    path = "/api/broadcasting/auth",
    operation_id = "authorizeChannel",
    tag = "Events",
    request_body = doc::ChannelRequest,
    responses((status = 200, description = "Success", body = ChannelAuth)),
)]
pub async fn auth(
    user: AuthenticatedUser,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let socket_id = read_socket_id(&mut validator);
    let requested = validator.raw_text("channel_name", MAX_CHANNEL_NAME_BYTES);
    let (socket_id, requested) = validator.finish((socket_id, requested))?;
    let Some(channel) = channel_of(user.id, &state.user_channels, &requested) else {
        // An operator sees what a page asks for that was written for another backend.
        if let Ok(channel) = ChannelName::parse(&requested) {
            tracing::debug!(%channel, "a subscription was refused: not a channel of the user");
        }
        // The same error for unknown and forbidden channels, so that it does not reveal who exists.
        return Err(ApiError::forbidden("You are not allowed to listen to this channel."));
    };
    state.pending_subscriptions.mark(&state.store, &channel).await?;
    let auth = sign::channel_auth(&state.credentials, &socket_id, &channel, None);
    let shared_secret = encryption::shared_secret(&state.credentials, &channel);
    Ok(HttpResponse::Ok().json(ChannelAuth { auth, shared_secret }))
}

/// The requested channel as the server formats it, if it is one of the user's.
fn channel_of(user: UserId, channels: &UserChannels, requested: &str) -> Option<String> {
    channels.of(user).find(|channel| channel == requested)
}

/// Signs the user's sign-in to the provider.
#[utoipa::path(
    post,
    path = "/api/broadcasting/user-auth",
    operation_id = "authorizeSignIn",
    tag = "Events",
    request_body = doc::SignInRequest,
    responses((status = 200, description = "Success", body = UserAuth)),
)]
pub async fn user_auth(
    user: AuthenticatedUser,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let socket_id = read_socket_id(&mut validator);
    let socket_id = validator.finish(socket_id)?;
    let user_data = format!(r#"{{"id":"{}"}}"#, user.id);
    let auth = sign::user_auth(&state.credentials, &socket_id, &user_data);
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
