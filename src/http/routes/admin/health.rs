//! The state of the system, for people who run it.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{Administrator, Read};
use crate::http::readiness::Report;
use crate::http::response::{self, ApiError, iso8601};
use crate::http::schema as doc;
use crate::http::state::{AppState, PublicSettings};
use crate::store::outbox;

#[derive(Serialize, ToSchema)]
#[schema(as = SystemHealth)]
struct HealthBody<'a> {
    version: &'static str,
    readiness: Report,
    outbox: OutboxBody,
    provider: ProviderBody<'a>,
}

/// Events that are not delivered.
#[derive(Serialize, ToSchema)]
#[schema(as = OutboxHealth)]
struct OutboxBody {
    pending: i64,
    /// Of the oldest pending event. Null: there is none.
    #[schema(value_type = Option<doc::Timestamp>)]
    oldest_pending_at: Option<String>,
    /// Of the last failed attempt to deliver the oldest pending event. Null: none has failed.
    last_error: Option<String>,
    dead_letters: i64,
}

/// Where events are delivered to.
#[derive(Serialize, ToSchema)]
#[schema(as = ProviderHealth)]
struct ProviderBody<'a> {
    /// The provider is part of this server.
    embedded: bool,
    /// Null: hosted Pusher in this cluster, or this server.
    host: Option<&'a str>,
    cluster: &'a str,
}

/// Returns the state of the database, the process, the outbox and the provider.
#[utoipa::path(
    get,
    path = "/api/admin/health",
    operation_id = "getSystemHealth",
    tag = "Administration",
    security(("token" = [])),
    responses((status = 200, description = "Success", body = doc::Success<HealthBody>)),
)]
pub async fn get(
    _administrator: Administrator<Read>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let readiness = state.readiness.report().await;
    let ((pending, dead_letters), oldest) =
        state.store.read(|c| Ok((outbox::counts(c)?, outbox::list(c, 1)?.0.pop()))).await?;
    let PublicSettings { embedded, host, cluster, .. } = &state.settings;
    let body = HealthBody {
        version: env!("CARGO_PKG_VERSION"),
        readiness,
        outbox: OutboxBody {
            pending,
            oldest_pending_at: oldest.as_ref().map(|event| iso8601(event.created_at)),
            last_error: oldest.and_then(|event| event.last_error),
            dead_letters,
        },
        provider: ProviderBody { embedded: *embedded, host: host.as_deref(), cluster },
    };
    Ok(response::ok("Health retrieved successfully", body))
}
