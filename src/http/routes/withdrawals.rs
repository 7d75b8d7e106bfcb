//! The user's withdrawals.

use actix_web::{HttpRequest, HttpResponse, web};

use super::fields::existing_asset;
use super::market_data::Query;
use crate::config::ExcessDecimals;
use crate::events::funds::withdrawal_status_name;
use crate::http::extract::{AuthenticatedUser, Input, Validator};
use crate::http::idempotency;
use crate::http::paging::{self, List, read_page};
use crate::http::response::{self, ApiError, WithdrawalBody};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{
    AccountKey, Command, Destination, Rejection, WithdrawalEnd, WithdrawalId, WithdrawalStatus,
    WithdrawalTerms,
};
use crate::store::views::{self, WithdrawalFilter};
use crate::store::withdrawals::{self, RecordedWithdrawal};

/// The words of the parameter `status`.
pub const STATUSES: [(&str, WithdrawalStatus); 4] = [
    named(WithdrawalStatus::Pending),
    named(WithdrawalStatus::Ended(WithdrawalEnd::Completed)),
    named(WithdrawalStatus::Ended(WithdrawalEnd::Rejected)),
    named(WithdrawalStatus::Ended(WithdrawalEnd::Cancelled)),
];

const fn named(status: WithdrawalStatus) -> (&'static str, WithdrawalStatus) {
    (withdrawal_status_name(status), status)
}

/// Requests a withdrawal: its amount is locked until it has ended.
#[utoipa::path(
    post,
    path = "/api/withdrawals",
    operation_id = "requestWithdrawal",
    tag = "Account",
    params(doc::IdempotencyKey),
    request_body = doc::NewWithdrawal,
    responses((status = 201, description = "Success", body = doc::Success<WithdrawalBody>)),
)]
pub async fn request(
    user: AuthenticatedUser,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let asset = existing_asset(&state, &mut validator);
    let amount = validator.positive("amount", ExcessDecimals::Reject);
    let text = validator.text("destination", Destination::MAX_CHARS);
    let destination = text.as_deref().and_then(Destination::parse);
    if text.is_some() && destination.is_none() {
        validator.fail("destination", "The destination field format is invalid.");
    }
    let (asset, amount, destination) = validator.finish((asset, amount, destination))?;
    let terms = state.withdrawal_terms.get(state.catalog.current().asset_symbol(asset)).copied();
    let terms = terms.unwrap_or(WithdrawalTerms::NONE);
    let account = AccountKey { user: user.id, asset };
    let command = Command::RequestWithdrawal { account, amount, destination, terms };
    idempotency::execute(&state, &user, &request, Some(&input), command).await
}

/// Lists the user's withdrawals, newest first.
#[utoipa::path(
    get,
    path = "/api/withdrawals",
    operation_id = "listWithdrawals",
    tag = "Account",
    params(doc::OfWithdrawalStatus, doc::Page),
    responses((status = 200, description = "Success", body = doc::Success<Vec<WithdrawalBody>>)),
)]
pub async fn list(
    user: AuthenticatedUser,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let input = Input::from(query.into_inner());
    let mut validator = Validator::of(&input);
    let page = read_page(&mut validator, List::Withdrawals, state.list_cap);
    let status = validator.optional_one_of("status", &STATUSES);
    let page = validator.finish(Some(page))?;
    let filter = WithdrawalFilter { user: Some(user.id), status };
    let page = state.reader.read(move |c| views::withdrawals(c, filter, &page)).await?;
    let catalog = state.catalog.current();
    let rows = page.rows.iter().map(|row| WithdrawalBody::new(row, &catalog)).collect();
    let message = "Withdrawals retrieved successfully";
    paging::respond::<WithdrawalBody>(&request, List::Withdrawals, message, rows, page.next)
}

/// Returns a withdrawal.
#[utoipa::path(
    get,
    path = "/api/withdrawals/{id}",
    operation_id = "getWithdrawal",
    tag = "Account",
    params(doc::ById),
    responses((status = 200, description = "Success", body = doc::Success<WithdrawalBody>)),
)]
pub async fn get(
    user: AuthenticatedUser,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let found = own(&user, &id, &state).await?;
    let data = WithdrawalBody::new(&found, &state.catalog.current());
    Ok(response::ok("Withdrawal retrieved successfully", data))
}

/// Cancels a pending withdrawal.
#[utoipa::path(
    post,
    path = "/api/withdrawals/{id}/cancel",
    operation_id = "cancelWithdrawal",
    tag = "Account",
    params(doc::ById, doc::IdempotencyKey),
    responses((status = 200, description = "Success", body = doc::Success<WithdrawalBody>)),
)]
pub async fn cancel(
    user: AuthenticatedUser,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let withdrawal = own(&user, &id, &state).await?.withdrawal;
    let (account, end) = (withdrawal.account, WithdrawalEnd::Cancelled);
    let command = Command::EndWithdrawal { account, withdrawal: withdrawal.id, end };
    idempotency::execute(&state, &user, &request, None, command).await
}

/// A withdrawal of this user.
async fn own(
    user: &AuthenticatedUser,
    id: &str,
    state: &AppState,
) -> Result<RecordedWithdrawal, ApiError> {
    let found = find(id, state).await?;
    let is_own = found.withdrawal.account.user == user.id;
    if is_own { Ok(found) } else { Err(Rejection::WithdrawalNotFound.into()) }
}

/// A withdrawal of any user. An id that is not a number is unknown.
pub async fn find(id: &str, state: &AppState) -> Result<RecordedWithdrawal, ApiError> {
    let id = id.parse().map(WithdrawalId).map_err(|_| Rejection::WithdrawalNotFound)?;
    let found = state.store.read(move |c| withdrawals::by_id(c, id)).await?;
    Ok(found.ok_or(Rejection::WithdrawalNotFound)?)
}
