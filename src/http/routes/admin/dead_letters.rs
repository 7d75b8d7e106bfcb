//! Dead letters: events that the provider will never accept.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{Administrator, Markets, Read};
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{self, ApiError, iso8601};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::store::outbox::{self, DeadLetter};
use crate::store::views;

/// An event without its payload, which is for the subscribers of the channel only.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
struct DeadLetterBody {
    id: i64,
    #[schema(example = "order.matched")]
    name: String,
    channel: String,
    attempts: i32,
    /// The provider's.
    error: String,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    #[schema(value_type = doc::Timestamp)]
    dead_lettered_at: String,
}

impl From<DeadLetter> for DeadLetterBody {
    fn from(event: DeadLetter) -> Self {
        Self {
            id: event.id,
            name: event.name,
            channel: event.channel,
            attempts: event.attempts,
            error: event.error,
            created_at: iso8601(event.created_at),
            dead_lettered_at: iso8601(event.dead_lettered_at),
        }
    }
}

/// Lists the dead letters, newest event first. Times are those of the events.
#[utoipa::path(
    get,
    path = "/api/admin/dead-letters",
    operation_id = "listDeadLetters",
    tag = "Administration",
    security(("token" = [])),
    params(doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<DeadLetterBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = read_parameters(query.into_inner(), List::DeadLetters, state.list_cap)?;
    let page = state.reader.read(move |c| views::dead_letters(c, &page)).await?;
    let rows: Vec<DeadLetterBody> = page.rows.into_iter().map(DeadLetterBody::from).collect();
    let message = "Dead letters retrieved successfully";
    paging::respond(&request, List::DeadLetters, message, rows, page.next)
}

/// Queues a dead letter again, ahead of the later events of its channel.
#[utoipa::path(
    post,
    path = "/api/admin/dead-letters/{id}/retry",
    operation_id = "retryDeadLetter",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn retry(
    administrator: Administrator<Markets>,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    // An id that is not a number is unknown.
    let id = id.parse::<i64>().map_err(|_| unknown())?;
    let actor = administrator.actor();
    if state.store.transact(move |c| outbox::retry(c, id, &actor)).await? {
        Ok(response::done("Dead letter queued successfully"))
    } else {
        Err(unknown())
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("Dead letter not found.")
}
