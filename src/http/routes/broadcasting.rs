//! Signatures for subscriptions and sign-ins.
//!
//! These endpoints sign with the secret that also signs REST calls, so nothing that a client sent
//! is ever signed: the channels that the caller may hear are formatted here and compared as a
//! whole, and a socket id is digits, a full stop and digits, byte by byte.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use moka::sync::Cache;
use serde::Serialize;

use crate::config::Delivery;
use crate::events::UserChannels;
use crate::http::Services;
use crate::http::extract::Caller;
use crate::http::extract::{Input, Rules};
use crate::http::response::ApiError;
use crate::market::UserId;
use crate::pusher::{MAX_CHANNEL_NAME_BYTES, MAX_SOCKET_ID_BYTES, SocketId, encryption, sign};
use crate::store::{Store, occupancy};

/// Channels that are remembered at most as noted. Some 100 bytes each.
const EXPECTATIONS_LEN: u64 = 100_000;

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
    caller: Caller,
    input: Input,
    services: web::Data<Services>,
) -> Result<HttpResponse, ApiError> {
    let mut rules = Rules::of(&input);
    let socket_id = read_socket_id(&mut rules);
    let channel = rules.raw_text("channel_name", MAX_CHANNEL_NAME_BYTES);
    rules.finish()?;
    let socket_id = socket_id.ok_or(ApiError::Internal("a socket id that is none passed"))?;
    let asked = channel.unwrap_or_default();
    // Unknown and forbidden are one answer: whether somebody exists is not told here.
    let own = own_channel(services.delivery.user_channels, caller.user, &asked)
        .ok_or_else(|| ApiError::forbidden("You are not allowed to listen to this channel."))?;
    services.expectations.note(&services.store, &own).await?;
    let auth = sign::channel_auth(&services.credentials, &socket_id, &own, None);
    let shared_secret = encryption::shared_secret(&services.credentials, &own);
    Ok(HttpResponse::Ok().json(ChannelAuth { auth, shared_secret }))
}

/// Notes who is about to subscribe, where events that nobody hears are not sent: what happens until
/// the provider tells of the subscription must not be skipped.
pub struct Expectations {
    /// The channels that were noted lately, if that is of any use. Forgotten while what was noted
    /// still holds, so that each authorisation is covered.
    noted: Option<Cache<String, ()>>,
}

impl Expectations {
    pub fn new(delivery: &Delivery) -> Self {
        let refresh = Duration::from_secs(delivery.occupancy_refresh_seconds);
        let held = occupancy::PENDING_FOR.to_std().unwrap_or_default();
        let cache = || {
            let cache = Cache::builder().max_capacity(EXPECTATIONS_LEN);
            cache.time_to_live(refresh.min(held) / 2).build()
        };
        Self { noted: delivery.only_occupied.then(cache) }
    }

    async fn note(&self, store: &Store, channel: &str) -> Result<(), ApiError> {
        let Some(noted) = self.noted.as_ref().filter(|noted| !noted.contains_key(channel)) else {
            return Ok(());
        };
        let expected = channel.to_owned();
        store.transact(move |c| occupancy::mark_pending(c, &expected)).await?;
        noted.insert(channel.to_owned(), ());
        Ok(())
    }
}

/// The user's channel that was asked for, as the server formats it.
fn own_channel(channels: UserChannels, user: UserId, requested: &str) -> Option<String> {
    channels.of(user).find(|channel| channel == requested)
}

/// `POST /broadcasting/user-auth`
pub async fn user_auth(
    caller: Caller,
    input: Input,
    services: web::Data<Services>,
) -> Result<HttpResponse, ApiError> {
    let mut rules = Rules::of(&input);
    let socket_id = read_socket_id(&mut rules);
    rules.finish()?;
    let socket_id = socket_id.ok_or(ApiError::Internal("a socket id that is none passed"))?;
    let user_data = format!(r#"{{"id":"{}"}}"#, caller.user);
    let auth = sign::user_auth(&services.credentials, &socket_id, &user_data);
    Ok(HttpResponse::Ok().json(UserAuth { auth, user_data }))
}

/// `None` exactly when the rules have noted why.
fn read_socket_id(rules: &mut Rules<'_>) -> Option<SocketId> {
    let text = rules.raw_text("socket_id", MAX_SOCKET_ID_BYTES)?;
    let parsed = SocketId::parse(&text);
    if parsed.is_err() {
        rules.fail("socket_id", "The socket id field format is invalid.");
    }
    parsed.ok()
}
