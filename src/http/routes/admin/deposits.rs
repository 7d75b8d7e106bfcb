//! Deposits: money that a payment service has received.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::config::ExcessDecimals;
use crate::engine::{DepositOrigin, NewDeposit};
use crate::http::extract::{Administrator, Funds, Input, Read, Validator};
use crate::http::idempotency;
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{ApiError, RecordedDepositBody};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{AccountKey, DepositReference, UserId};
use crate::store::{users, views};

const MAX_SYMBOL_CHARS: usize = 16;
const MAX_NOTE_CHARS: usize = 1000;

/// Credits an account, once per reference.
#[utoipa::path(
    post,
    path = "/api/admin/deposits",
    operation_id = "createDeposit",
    tag = "Administration",
    security(("token" = [])),
    params(doc::IdempotencyKey),
    request_body = doc::NewDeposit,
    responses(
        (status = 201, description = "Success", body = doc::Success<RecordedDepositBody>),
        (
            status = 200,
            description = "An earlier request with this reference has made the same deposit.",
            body = doc::Success<RecordedDepositBody>,
        ),
    ),
)]
pub async fn create(
    administrator: Administrator<Funds>,
    request: HttpRequest,
    input: Input,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let mut validator = Validator::of(&input);
    let user = validator.id("user_id").map(UserId);
    if let Some(user) = user
        && state.store.read(move |c| users::by_id(c, user)).await?.is_none()
    {
        validator.fail("user_id", "The selected user id is invalid.");
    }
    let symbol = validator.text("asset", MAX_SYMBOL_CHARS);
    let asset = symbol.as_deref().and_then(|symbol| state.catalog.current().asset(symbol));
    if symbol.is_some() && asset.is_none() {
        validator.fail("asset", "The selected asset is invalid.");
    }
    // No part of a payment is cut off.
    let amount = validator.positive("amount", ExcessDecimals::Reject);
    let text = validator.text("reference", DepositReference::MAX_CHARS);
    let reference = text.as_deref().and_then(DepositReference::parse);
    if text.is_some() && reference.is_none() {
        validator.fail("reference", "The reference field format is invalid.");
    }
    let note = validator.optional_text("note", MAX_NOTE_CHARS);
    let (user, asset, amount, reference) = validator.finish((user, asset, amount, reference))?;
    let token = administrator.token.id;
    let origin = DepositOrigin { token: Some(token), note };
    let deposit = NewDeposit { account: AccountKey { user, asset }, amount, reference, origin };
    idempotency::deposit(&state, token, &request, &input, deposit).await
}

/// Lists the deposits of administrators, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/deposits",
    operation_id = "listDeposits",
    tag = "Administration",
    security(("token" = [])),
    params(doc::Page),
    responses(
        (status = 200, description = "Success", body = doc::Success<Vec<RecordedDepositBody>>),
    ),
)]
pub async fn list(
    _administrator: Administrator<Read>,
    request: HttpRequest,
    query: Query,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let page = read_parameters(query.into_inner(), List::Deposits, state.list_cap)?;
    let page = state.store.read(move |c| views::deposits(c, &page)).await?;
    let catalog = state.catalog.current();
    let rows = page.rows.iter().map(|row| RecordedDepositBody::new(row, &catalog)).collect();
    let message = "Deposits retrieved successfully";
    paging::respond::<RecordedDepositBody>(&request, List::Deposits, message, rows, page.next)
}
