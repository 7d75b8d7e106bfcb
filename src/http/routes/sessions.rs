//! Where the user is signed in: each log-in, whether its client keeps a token or a cookie.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::market_data::Query;
use crate::auth::{ActiveLogIn, Credential, SignIn, UserAgent};
use crate::http::client_info;
use crate::http::extract::AuthenticatedUser;
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{self, ApiError, ErrorCode, iso8601};
use crate::http::schema as doc;
use crate::http::state::AppState;

#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    id: i64,
    #[schema(value_type = doc::SessionKind)]
    kind: &'static str,
    /// It is the one of this request.
    current: bool,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    /// To the minute. Null: unknown.
    #[schema(value_type = Option<doc::Timestamp>)]
    last_used_at: Option<String>,
    /// Null: it does not expire.
    #[schema(value_type = Option<doc::Timestamp>)]
    expires_at: Option<String>,
    /// The address that it was last used from. Null: unknown.
    ip_address: Option<String>,
    /// The program and the operating system, such as `Firefox on Linux`. Null: unknown.
    client: Option<String>,
    /// What the client calls itself. Null: unknown.
    #[schema(max_length = 255)]
    user_agent: Option<String>,
}

impl SessionBody {
    fn of(log_in: &ActiveLogIn, current: Option<i64>) -> Self {
        let (client, user_agent) = (&log_in.client, log_in.client.user_agent.as_ref());
        Self {
            id: log_in.id,
            kind: match log_in.credential {
                Credential::Token => "token",
                Credential::Cookie => "cookie",
            },
            current: current == Some(log_in.id),
            created_at: iso8601(log_in.created_at),
            last_used_at: log_in.last_used_at.map(iso8601),
            expires_at: log_in.expires_at.map(iso8601),
            ip_address: client.address.map(|address| address.to_string()),
            client: user_agent.and_then(client_info::describe),
            user_agent: user_agent.map(UserAgent::as_str).map(str::to_owned),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = EndedSessions)]
struct EndedBody {
    /// How many sessions were ended.
    ended: usize,
}

/// Lists the log-ins of the user that have not ended, by token or by cookie.
#[utoipa::path(
    get,
    path = "/api/sessions",
    operation_id = "listSessions",
    tag = "Sign-in",
    responses((status = 200, description = "Success", body = doc::Success<Vec<SessionBody>>)),
    params(doc::Page),
)]
pub async fn list(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = read_parameters(query.into_inner(), List::Sessions, state.list_cap)?;
    let page = state.auth.log_ins(user.id, page).await?;
    let current = user.sign_in.token();
    let rows = page.rows.iter().map(|log_in| SessionBody::of(log_in, current)).collect();
    let message = "Sessions retrieved successfully";
    paging::respond(&request, List::Sessions, message, rows, page.next)
}

/// Ends one session: its token and its cookie are not valid any more.
#[utoipa::path(
    delete,
    path = "/api/sessions/{id}",
    operation_id = "endSession",
    tag = "Sign-in",
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn end(
    user: AuthenticatedUser,
    id: web::Path<String>,
    cookie: Session,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let not_found = || ApiError::refused(ErrorCode::SessionNotFound, "Session not found.");
    let id: i64 = id.parse().map_err(|_| not_found())?;
    let is_own_cookie =
        matches!(&user.sign_in, SignIn::Session { token, .. } if *token == Some(id));
    if !state.auth.end_log_in(user.id, user.sign_in, id).await? {
        return Err(not_found());
    }
    if is_own_cookie {
        cookie.purge();
    }
    Ok(response::done("Session ended successfully"))
}

/// Ends all sessions of the user except the one of the request.
#[utoipa::path(
    delete,
    path = "/api/sessions",
    operation_id = "endOtherSessions",
    tag = "Sign-in",
    responses((status = 200, description = "Success", body = doc::Success<EndedBody>)),
)]
pub async fn end_others(
    user: AuthenticatedUser,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ended = state.auth.end_other_log_ins(user.id, user.sign_in).await?;
    Ok(response::ok("Other sessions ended successfully", EndedBody { ended }))
}
