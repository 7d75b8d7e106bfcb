//! Deposits: money that a payment service has received.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::config::ExcessDecimals;
use crate::engine::Origin;
use crate::http::extract::{Administrator, Funds, Input, Read, Validator};
use crate::http::idempotency;
use crate::http::paging::{self, List, read_parameters};
use crate::http::response::{ApiError, RecordedDepositBody};
use crate::http::routes::fields::{MAX_NOTE_CHARS, existing_asset, existing_user};
use crate::http::routes::market_data::Query;
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::market::{AccountKey, Command, DepositReference};
use crate::store::views;

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
    let user = existing_user(&state, &mut validator).await?;
    let asset = existing_asset(&state, &mut validator);
    // No part of a payment is cut off.
    let amount = validator.positive("amount", ExcessDecimals::Reject);
    let text = validator.text("reference", DepositReference::MAX_CHARS);
    let reference = text.as_deref().and_then(DepositReference::parse);
    if text.is_some() && reference.is_none() {
        validator.fail("reference", "The reference field format is invalid.");
    }
    let note = validator.optional_text("note", MAX_NOTE_CHARS);
    let (user, asset, amount, reference) = validator.finish((user, asset, amount, reference))?;
    let origin = Origin { note, ..administrator.origin() };
    let account = AccountKey { user, asset };
    let command = Command::DepositOnce { account, amount, reference };
    idempotency::administer(&state, &administrator, &request, &input, command, origin).await
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
    let page = state.reader.read(move |c| views::deposits(c, &page)).await?;
    let catalog = state.catalog.current();
    let rows = page.rows.iter().map(|row| RecordedDepositBody::new(row, &catalog)).collect();
    let message = "Deposits retrieved successfully";
    paging::respond::<RecordedDepositBody>(&request, List::Deposits, message, rows, page.next)
}
