//! Deposits of administrators as JSON.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::{created, ok};
use crate::events::decimal::DecimalNumber;
use crate::events::timestamp::iso8601;
use crate::http::schema as doc;
use crate::store::deposits::RecordedDeposit;
use crate::store::markets::Catalog;

#[derive(Serialize, ToSchema)]
#[schema(as = RecordedDeposit)]
pub struct RecordedDepositBody {
    id: i64,
    user_id: i64,
    #[schema(example = "USD")]
    asset: String,
    amount: DecimalNumber,
    /// The payment service's name for the payment.
    reference: String,
    note: Option<String>,
    /// The administrator's token. Null: a command.
    token_id: Option<i64>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
}

impl RecordedDepositBody {
    pub fn new(deposit: &RecordedDeposit, catalog: &Catalog) -> Self {
        Self {
            id: deposit.id.0,
            user_id: deposit.account.user.0,
            asset: catalog.asset_symbol(deposit.account.asset).to_owned(),
            amount: DecimalNumber(deposit.amount),
            reference: deposit.reference.as_str().to_owned(),
            note: deposit.note.clone(),
            token_id: deposit.token,
            created_at: iso8601(deposit.created_at),
        }
    }
}

/// 201, or 200 if an earlier request has made the deposit.
pub fn recorded_deposit(
    deposit: &RecordedDeposit,
    is_new: bool,
    catalog: &Catalog,
) -> HttpResponse {
    let data = RecordedDepositBody::new(deposit, catalog);
    if is_new {
        created("Deposit created successfully", data)
    } else {
        ok("Deposit was already created", data)
    }
}
