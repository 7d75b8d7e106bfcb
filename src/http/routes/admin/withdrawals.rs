//! The withdrawals of all users.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::engine::Origin;
use crate::http::extract::{Administrator, Funds, Input, Read, Validator};
use crate::http::idempotency;
use crate::http::paging::{self, List, read_page};
use crate::http::response::{AdminWithdrawalBody, ApiError};
use crate::http::routes::fields::{MAX_NOTE_CHARS, MAX_REFERENCE_CHARS};
use crate::http::routes::market_data::Query;
use crate::http::routes::withdrawals::{STATUSES, find};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{Command, UserId, WithdrawalEnd};
use crate::store::views::{self, WithdrawalFilter};

/// Lists the withdrawals of all users, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/withdrawals",
    operation_id = "listAllWithdrawals",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::OfWithdrawalStatus, doc::Page),
    responses(
        (status = 200, description = "Success", body = doc::Success<Vec<AdminWithdrawalBody>>),
    ),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::AllWithdrawals, state.list_cap);
    let user = validator.optional_id("user_id").map(UserId);
    let filter = WithdrawalFilter { user, status: validator.optional_one_of("status", &STATUSES) };
    let page = validator.finish(Some(page))?;
    let page = state.reader.read(move |c| views::withdrawals(c, filter, &page)).await?;
    let catalog = state.catalog.current();
    let rows = page.rows.iter().map(|row| AdminWithdrawalBody::new(row, &catalog)).collect();
    let (list, message) = (List::AllWithdrawals, "Withdrawals retrieved successfully");
    paging::respond::<AdminWithdrawalBody>(&request, list, message, rows, page.next)
}

/// Settles a pending withdrawal that was paid, once.
#[utoipa::path(
    post,
    path = "/api/admin/withdrawals/{id}/complete",
    operation_id = "completeWithdrawal",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById, doc::IdempotencyKey),
    request_body = doc::CompletedWithdrawal,
    responses((status = 200, description = "Success", body = doc::Success<AdminWithdrawalBody>)),
)]
pub async fn complete(
    administrator: Administrator<Funds>,
    request: HttpRequest,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    end(&administrator, &request, &id, &input, WithdrawalEnd::Completed, &state).await
}

/// Gives the amount of a pending withdrawal back, once.
#[utoipa::path(
    post,
    path = "/api/admin/withdrawals/{id}/reject",
    operation_id = "rejectWithdrawal",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById, doc::IdempotencyKey),
    request_body = doc::RejectedWithdrawal,
    responses((status = 200, description = "Success", body = doc::Success<AdminWithdrawalBody>)),
)]
pub async fn reject(
    administrator: Administrator<Funds>,
    request: HttpRequest,
    id: web::Path<String>,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    end(&administrator, &request, &id, &input, WithdrawalEnd::Rejected, &state).await
}

async fn end(
    administrator: &Administrator<Funds>,
    request: &HttpRequest,
    id: &str,
    input: &Input,
    end: WithdrawalEnd,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(input);
    let reference = match end {
        WithdrawalEnd::Completed => validator.optional_text("reference", MAX_REFERENCE_CHARS),
        WithdrawalEnd::Rejected | WithdrawalEnd::Cancelled => None,
    };
    let note = validator.optional_text("note", MAX_NOTE_CHARS);
    validator.finish(Some(()))?;
    let withdrawal = find(id, state).await?.withdrawal;
    let account = withdrawal.account;
    let command = Command::EndWithdrawal { account, withdrawal: withdrawal.id, end };
    let origin = Origin { reference, note, ..administrator.origin() };
    idempotency::administer(state, administrator, request, input, command, origin).await
}
