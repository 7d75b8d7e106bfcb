//! The user's webhook endpoints: URLs that events are posted to.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{NaiveDateTime, TimeDelta};

use super::market_data::Query;
use super::webhook_bodies::{MessageBody, OneWebhook, Replayed, WebhookBody, WithSecret};
use crate::events::EventKind;
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::idempotency::write_once;
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{self, ApiError, ErrorCode};
use crate::http::schema as doc;
use crate::http::state::{AppState, Webhooks};
use crate::store::webhook_endpoints::{
    self as endpoints, Endpoint, MOST_OF_OWNER, NewEndpoint, Owner,
};
use crate::store::webhook_messages as messages;
use crate::store::{AnyConnection, now};
use crate::webhooks::{Secret, Target};

/// How long a replaced secret signs as well.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The most characters of a URL that are looked at.
const MAX_TEXT: usize = 4096;

/// Lists the user's webhooks.
#[utoipa::path(
    get,
    path = "/api/webhooks",
    operation_id = "listWebhooks",
    tag = "Webhooks",
    responses((status = 200, description = "Success", body = doc::Success<Vec<WebhookBody>>)),
)]
pub async fn list(
    user: AuthenticatedUser,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let owner = Owner::User(user.id);
    let found = state.store.read(move |c| endpoints::list(c, owner)).await?;
    let rows: Vec<WebhookBody> = found.into_iter().map(Into::into).collect();
    Ok(response::ok("Webhooks retrieved successfully", rows))
}

/// Returns a webhook of the user.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}",
    operation_id = "getWebhook",
    tag = "Webhooks",
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Success<OneWebhook>)),
)]
pub async fn get(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let webhook = find(&state, &user, &id).await?.into();
    Ok(response::ok("Webhook retrieved successfully", OneWebhook { webhook }))
}

/// Creates a webhook.
#[utoipa::path(
    post,
    path = "/api/webhooks",
    operation_id = "createWebhook",
    tag = "Webhooks",
    params(doc::IdempotencyKey),
    request_body = doc::NewWebhook,
    responses((
        status = 201,
        description = "Success",
        body = doc::Success<WithSecret>,
        links(
            ("GetWebhook" = (
                operation_id = "getWebhook",
                parameters(("id" = "$response.body#/data/webhook/id")),
            )),
            ("ListMessages" = (
                operation_id = "listWebhookMessages",
                parameters(("id" = "$response.body#/data/webhook/id")),
            )),
            ("Replay" = (
                operation_id = "replayWebhook",
                parameters(("id" = "$response.body#/data/webhook/id")),
            )),
            ("RotateSecret" = (
                operation_id = "rotateWebhookSecret",
                parameters(("id" = "$response.body#/data/webhook/id")),
            )),
            ("DeleteWebhook" = (
                operation_id = "deleteWebhook",
                parameters(("id" = "$response.body#/data/webhook/id")),
            )),
        ),
    )),
)]
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

/// Deletes a webhook and its log.
#[utoipa::path(
    delete,
    path = "/api/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "Webhooks",
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Done)),
)]
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

/// Replaces the secret, and signs with both for 24 hours.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "Webhooks",
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Success<WithSecret>)),
)]
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

/// Enables a webhook that was disabled.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/enable",
    operation_id = "enableWebhook",
    tag = "Webhooks",
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Success<OneWebhook>)),
)]
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

/// Delivers messages of a range again.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/replay",
    operation_id = "replayWebhook",
    tag = "Webhooks",
    params(doc::ById, doc::IdempotencyKey),
    request_body = doc::ReplayedRange,
    responses((status = 200, description = "Success", body = doc::Success<Replayed>)),
)]
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

/// Lists the messages of a webhook, newest first.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}/messages",
    operation_id = "listWebhookMessages",
    tag = "Webhooks",
    params(doc::ById, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<MessageBody>>)),
)]
pub async fn log(
    user: AuthenticatedUser,
    id: web::Path<String>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = find(&state, &user, &id).await?.id;
    let page = read_parameters(query.into_inner(), List::WebhookMessages, state.list_cap)?;
    let page = state.reader.read(move |c| messages::log(c, id, &page)).await?;
    let rows: Vec<MessageBody> = page.rows.into_iter().map(Into::into).collect();
    let message = "Messages retrieved successfully";
    paging::respond(&request, List::WebhookMessages, message, rows, page.next)
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
