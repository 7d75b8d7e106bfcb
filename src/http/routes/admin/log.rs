//! What administrators have done.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::extract::{Administrator, Read};
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{ApiError, iso8601};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::store::admin_log::LogRow;
use crate::store::views;

#[derive(Serialize, ToSchema)]
#[schema(as = AdminAct)]
struct ActBody {
    /// Acts are numbered without gaps.
    id: i64,
    /// Null: a command.
    token_id: Option<i64>,
    /// Null: no request.
    request_id: Option<String>,
    #[schema(example = "token.created")]
    action: String,
    /// What was changed, as it was before. Null: there was nothing.
    before: Option<Value>,
    /// The same afterwards.
    after: Option<Value>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    /// That of the act before, in hexadecimal.
    previous_hash: String,
    /// The SHA-256 of `previous_hash` and this act.
    hash: String,
}

impl From<LogRow> for ActBody {
    fn from(row: LogRow) -> Self {
        let state = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self {
            id: row.id,
            token_id: row.token_id,
            request_id: row.request_id,
            action: row.action,
            before: row.state_before.map(state),
            after: row.state_after.map(state),
            created_at: iso8601(row.created_at),
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

/// Lists what administrators have done, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/log",
    operation_id = "listAdminActs",
    tag = "Administration",
    security(("token" = [])),
    params(doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<ActBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = read_parameters(query.into_inner(), List::AdminLog, state.list_cap)?;
    let page = state.reader.read(move |c| views::admin_acts(c, &page)).await?;
    let rows: Vec<ActBody> = page.rows.into_iter().map(ActBody::from).collect();
    let message = "Acts of administrators retrieved successfully";
    paging::respond(&request, List::AdminLog, message, rows, page.next)
}
