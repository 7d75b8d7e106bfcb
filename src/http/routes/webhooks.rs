//! The user's webhook endpoints: URLs that events are posted to.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::events::EventKind;
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::idempotency::write_once;
use crate::http::response::{self, ApiError, ErrorCode, iso8601};
use crate::http::state::{AppState, Webhooks};
use crate::store::webhook_endpoints::{
    self as endpoints, Endpoint, MOST_OF_OWNER, NewEndpoint, Owner,
};
use crate::store::webhook_messages::{self as messages, LoggedMessage};
use crate::store::{AnyConnection, now};
use crate::webhooks::{Secret, Target, message_id};

/// How long a replaced secret signs as well.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The most characters of a URL that are looked at.
const MAX_TEXT: usize = 4096;
/// The most rows of the log in a response.
const MAX_LOG: i64 = 100;

/// A webhook as responses show it.
#[derive(Serialize)]
struct WebhookBody {
    id: i64,
    url: String,
    events: Vec<String>,
    /// `active`, `failing` or `disabled`.
    status: &'static str,
    failing_since: Option<String>,
    disabled_at: Option<String>,
    disabled_reason: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
struct OneWebhook {
    webhook: WebhookBody,
}

#[derive(Serialize)]
struct WithSecret {
    webhook: WebhookBody,
    /// Only in this response.
    secret: String,
}

#[derive(Serialize)]
struct MessageBody {
    /// The header `webhook-id` of its requests.
    id: String,
    event: String,
    /// `pending`, `delivered` or `failed`.
    status: &'static str,
    attempts: i32,
    response_status: Option<i16>,
    error: Option<String>,
    created_at: String,
    last_attempt_at: Option<String>,
    next_attempt_at: Option<String>,
}

#[derive(Serialize)]
struct Replayed {
    /// The number of messages.
    replayed: usize,
}

impl From<Endpoint> for WebhookBody {
    fn from(endpoint: Endpoint) -> Self {
        let status = match (endpoint.disabled_at, endpoint.failing_since) {
            (Some(_), _) => "disabled",
            (None, Some(_)) => "failing",
            (None, None) => "active",
        };
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.events.split(',').map(str::to_owned).collect(),
            status,
            failing_since: endpoint.failing_since.map(iso8601),
            disabled_at: endpoint.disabled_at.map(iso8601),
            disabled_reason: endpoint.disabled_reason,
            created_at: iso8601(endpoint.created_at),
        }
    }
}

impl From<LoggedMessage> for MessageBody {
    fn from(message: LoggedMessage) -> Self {
        Self {
            id: message_id(message.id),
            event: message.event,
            status: message.status.name(),
            attempts: message.attempts,
            response_status: message.response_status,
            error: message.error,
            created_at: iso8601(message.created_at),
            last_attempt_at: message.last_attempt_at.map(iso8601),
            next_attempt_at: message.next_attempt_at.map(iso8601),
        }
    }
}

/// `GET /webhooks`
pub async fn list(
    user: AuthenticatedUser,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let owner = Owner::User(user.id);
    let found = state.store.read(move |c| endpoints::list(c, owner)).await?;
    let rows: Vec<WebhookBody> = found.into_iter().map(Into::into).collect();
    Ok(response::ok("Webhooks retrieved successfully", rows))
}

/// `GET /webhooks/{id}`
pub async fn get(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let webhook = find(&state, &user, &id).await?.into();
    Ok(response::ok("Webhook retrieved successfully", OneWebhook { webhook }))
}

/// `POST /webhooks`
pub async fn create(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let webhooks = enabled(&state)?;
    let mut validator = Validator::of(&input);
    let url = validator.text("url", MAX_TEXT);
    let target = url.as_deref().map(|url| Target::parse(url, webhooks.allows_private));
    if let Some(Err(error)) = &target {
        validator.fail("url", format!("The url {error}."));
    }
    let of_users = webhooks.events.iter().filter(|kind| kind.concerns_a_user());
    let words: Vec<(&str, EventKind)> = of_users.map(|kind| (kind.name(), *kind)).collect();
    let kinds = validator.some_of("events", &words);
    let (url, mut kinds) = validator.finish((url, kinds))?;
    kinds.sort_unstable();
    kinds.dedup();

    let owner = Owner::User(user.id);
    let work = move |c: &mut AnyConnection| {
        let secret = Secret::generate().expose();
        let (url, events) = (url.clone(), kinds.clone());
        let new = NewEndpoint { owner, url, events, secret: secret.clone() };
        Ok(match endpoints::create(c, &new)? {
            Some(created) => Ok(response::created(
                "Webhook created successfully",
                WithSecret { webhook: created.into(), secret },
            )),
            None => Err(too_many()),
        })
    };
    let response = write_once(&state, &user, &request, Some(&input), work).await;
    refresh(&state).await;
    response
}

fn too_many() -> ApiError {
    let text = format!("You cannot have more than {MOST_OF_OWNER} webhooks.");
    ApiError::refused(ErrorCode::TooManyWebhooks, text)
}

/// `DELETE /webhooks/{id}`
pub async fn delete(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (id, owner) = (parse_id(&id)?, Owner::User(user.id));
    let work = move |c: &mut AnyConnection| {
        let is_deleted = endpoints::delete(c, owner, id)?;
        Ok(if is_deleted { Ok(response::done("Webhook deleted successfully")) } else { unknown() })
    };
    let response = write_once(&state, &user, &request, None, work).await;
    refresh(&state).await;
    response
}

/// `POST /webhooks/{id}/rotate-secret`
pub async fn rotate_secret(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (id, owner) = (parse_id(&id)?, Owner::User(user.id));
    let work = move |c: &mut AnyConnection| {
        let secret = Secret::generate().expose();
        if !endpoints::rotate_secret(c, owner, id, &secret, now() + OVERLAP)? {
            return Ok(unknown());
        }
        let Some(webhook) = endpoints::find(c, owner, id)? else { return Ok(unknown()) };
        let body = WithSecret { webhook: webhook.into(), secret };
        Ok(Ok(response::ok("Secret replaced successfully", body)))
    };
    write_once(&state, &user, &request, None, work).await
}

/// `POST /webhooks/{id}/enable`
pub async fn enable(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (id, owner) = (parse_id(&id)?, Owner::User(user.id));
    let work = move |c: &mut AnyConnection| {
        endpoints::enable(c, owner, id)?;
        Ok(match endpoints::find(c, owner, id)? {
            Some(webhook) => {
                let body = OneWebhook { webhook: webhook.into() };
                Ok(response::ok("Webhook enabled successfully", body))
            }
            None => unknown(),
        })
    };
    let response = write_once(&state, &user, &request, None, work).await;
    refresh(&state).await;
    response
}

/// `POST /webhooks/{id}/replay`
pub async fn replay(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = find(&state, &user, &id).await?.id;
    let mut validator = Validator::of(&input);
    let from = validator.time("from");
    let to = if input.is_missing("to") { None } else { validator.time("to") };
    let from = validator.finish(from)?;
    let (from, to) = (naive(from)?, to.map(naive).transpose()?);
    let work = move |c: &mut AnyConnection| {
        let now = now();
        let replayed = messages::replay(c, id, from, to.unwrap_or(now), now)?;
        Ok(Ok(response::ok("Messages queued successfully", Replayed { replayed })))
    };
    write_once(&state, &user, &request, Some(&input), work).await
}

#[derive(Deserialize)]
pub struct LogQuery {
    /// The last id of the page before.
    cursor: Option<String>,
}

/// `GET /webhooks/{id}/messages`
pub async fn log(
    user: AuthenticatedUser,
    id: web::Path<String>,
    query: web::Query<LogQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = find(&state, &user, &id).await?.id;
    let before = query.into_inner().cursor.filter(|cursor| !cursor.is_empty());
    let before = before.map(|cursor| {
        let number = cursor.strip_prefix("msg_").and_then(|number| number.parse().ok());
        number.ok_or_else(|| ApiError::invalid("cursor", "The selected cursor is invalid."))
    });
    let before = before.transpose()?;
    let found = state.store.read(move |c| messages::log(c, id, before, MAX_LOG)).await?;
    let rows: Vec<MessageBody> = found.into_iter().map(Into::into).collect();
    Ok(response::ok("Messages retrieved successfully", rows))
}

fn naive(time: crate::market::UnixMicros) -> Result<NaiveDateTime, ApiError> {
    Ok(crate::store::from_unix_micros(time)?)
}

/// An id that is not a number is unknown.
fn parse_id(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| not_found())
}

async fn find(state: &AppState, user: &AuthenticatedUser, id: &str) -> Result<Endpoint, ApiError> {
    let (id, owner) = (parse_id(id)?, Owner::User(user.id));
    let found = state.store.read(move |c| endpoints::find(c, owner, id)).await?;
    found.ok_or_else(not_found)
}

fn unknown() -> Result<HttpResponse, ApiError> {
    Err(not_found())
}

fn not_found() -> ApiError {
    ApiError::not_found("Webhook not found.")
}

/// # Errors
/// 404 if webhooks are disabled.
fn enabled(state: &AppState) -> Result<&Webhooks, ApiError> {
    state.webhooks.as_ref().ok_or_else(|| ApiError::not_found("Not found."))
}

/// Lets this process know of a change at once. If that fails, it will know within a second: the
/// change itself is committed.
async fn refresh(state: &AppState) {
    let Some(webhooks) = &state.webhooks else { return };
    match state.store.read(endpoints::subscriptions).await {
        Ok(subscriptions) => webhooks.subscriptions.replace(subscriptions),
        Err(error) => tracing::debug!(%error, "the webhooks could not be read again"),
    }
}
