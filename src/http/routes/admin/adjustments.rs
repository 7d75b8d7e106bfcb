//! Corrections of balances.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::config::ExcessDecimals;
use crate::engine::Origin;
use crate::events::funds::adjustment_status_name;
use crate::http::extract::{Administrator, Funds, Input, Read, Validator};
use crate::http::idempotency;
use crate::http::paging::{self, List, read_page};
use crate::http::response::{self, AdjustmentBody, ApiError};
use crate::http::routes::fields::{MAX_NOTE_CHARS, existing_asset, existing_user};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{AccountKey, AdjustmentId, AdjustmentStatus, Command, Rejection, UserId};
use crate::store::adjustments::{self, Decision, NewAdjustment};
use crate::store::views::{self, AdjustmentFilter};

/// The words of the parameter `status`.
const STATUSES: [(&str, AdjustmentStatus); 3] = [
    named(AdjustmentStatus::Proposed),
    named(AdjustmentStatus::Applied),
    named(AdjustmentStatus::Rejected),
];

const fn named(status: AdjustmentStatus) -> (&'static str, AdjustmentStatus) {
    (adjustment_status_name(status), status)
}

/// Lists adjustments, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/adjustments",
    operation_id = "listAdjustments",
    tag = "Administration",
    security(("token" = [])),
    params(doc::OfUser, doc::OfAdjustmentStatus, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<AdjustmentBody>>)),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::Adjustments, state.list_cap);
    let user = validator.optional_id("user_id").map(UserId);
    let filter = AdjustmentFilter { user, status: validator.optional_one_of("status", &STATUSES) };
    let page = validator.finish(Some(page))?;
    let page = state.reader.read(move |c| views::adjustments(c, filter, &page)).await?;
    let catalog = state.catalog.current();
    let rows = page.rows.iter().map(|row| AdjustmentBody::new(row, &catalog)).collect();
    let message = "Adjustments retrieved successfully";
    paging::respond::<AdjustmentBody>(&request, List::Adjustments, message, rows, page.next)
}

/// Changes a balance, or proposes it where two administrators are needed (`admin.four_eyes`).
#[utoipa::path(
    post,
    path = "/api/admin/adjustments",
    operation_id = "createAdjustment",
    tag = "Administration",
    security(("token" = [])),
    params(doc::IdempotencyKey),
    request_body = doc::NewAdjustment,
    responses((
        status = 201,
        description = "It was applied, or it is proposed: see its status.",
        body = doc::Success<AdjustmentBody>,
    )),
)]
pub async fn create(
    administrator: Administrator<Funds>,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let user = existing_user(&state, &mut validator).await?;
    let asset = existing_asset(&state, &mut validator);
    let amount = validator.signed("amount", ExcessDecimals::Reject);
    let reason = validator.text("reason", MAX_NOTE_CHARS);
    let (user, asset, amount, reason) = validator.finish((user, asset, amount, reason))?;
    let account = AccountKey { user, asset };
    if !state.four_eyes {
        let origin = Origin { note: Some(reason), ..administrator.origin() };
        let command = Command::Adjust { account, amount };
        return idempotency::administer(&state, &administrator, &request, &input, command, origin)
            .await;
    }
    let catalog = state.catalog.current();
    let (actor, new) = (administrator.actor(), NewAdjustment { account, amount, reason });
    let work = move |c: &mut crate::store::AnyConnection| {
        let symbol = catalog.asset_symbol(account.asset);
        let proposed = adjustments::propose(c, &actor, &new, symbol)?;
        let data = AdjustmentBody::new(&proposed, &catalog);
        Ok(Ok(response::created("Adjustment proposed successfully", data)))
    };
    idempotency::write_once(&state, &administrator, &request, Some(&input), work).await
}

/// Makes an adjustment that another administrator has proposed, once.
#[utoipa::path(
    post,
    path = "/api/admin/adjustments/{id}/approve",
    operation_id = "approveAdjustment",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Success<AdjustmentBody>)),
)]
pub async fn approve(
    administrator: Administrator<Funds>,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = parse_id(&id)?;
    let found = state.store.read(move |c| adjustments::by_id(c, id)).await?;
    let account = found.ok_or(Rejection::AdjustmentNotFound)?.adjustment.account;
    let approver = Some(administrator.token.id);
    let command = Command::ApproveAdjustment { account, adjustment: id, approver };
    let origin = administrator.origin();
    let input = Input::default();
    idempotency::administer(&state, &administrator, &request, &input, command, origin).await
}

/// Rejects or withdraws an adjustment that was proposed.
#[utoipa::path(
    post,
    path = "/api/admin/adjustments/{id}/reject",
    operation_id = "rejectAdjustment",
    tag = "Administration",
    security(("token" = [])),
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Success<AdjustmentBody>)),
)]
pub async fn reject(
    administrator: Administrator<Funds>,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id = parse_id(&id)?;
    let (actor, catalog) = (administrator.actor(), state.catalog.current());
    let work = move |c: &mut crate::store::AnyConnection| {
        let decision = adjustments::reject(c, &actor, id)?;
        let body = |found: &_| AdjustmentBody::new(found, &catalog);
        Ok(match &decision {
            Decision::Unknown => Err(Rejection::AdjustmentNotFound.into()),
            Decision::Applied => Err(ApiError::adjustment_applied()),
            Decision::Rejected { adjustment, is_new: true } => {
                Ok(response::ok("Adjustment rejected successfully", body(adjustment)))
            }
            Decision::Rejected { adjustment, is_new: false } => {
                Ok(response::ok("Adjustment was already rejected", body(adjustment)))
            }
        })
    };
    idempotency::write_once(&state, &administrator, &request, None, work).await
}

/// An id that is not a number is unknown.
fn parse_id(id: &str) -> Result<AdjustmentId, ApiError> {
    Ok(id.parse().map(AdjustmentId).map_err(|_| Rejection::AdjustmentNotFound)?)
}
