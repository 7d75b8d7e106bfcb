//! Withdrawals as JSON, for their users and for administrators.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::{created, ok};
use crate::events::decimal::DecimalNumber;
use crate::events::funds::withdrawal_status_name;
use crate::events::timestamp::iso8601;
use crate::http::schema as doc;
use crate::market::{Fixed, Withdrawal, WithdrawalEnd, WithdrawalStatus};
use crate::store::markets::Catalog;
use crate::store::withdrawals::RecordedWithdrawal;

#[derive(Serialize, ToSchema)]
#[schema(as = Withdrawal)]
pub struct WithdrawalBody {
    id: i64,
    user_id: i64,
    #[schema(example = "USD")]
    asset: String,
    /// What the account loses.
    amount: DecimalNumber,
    fee: DecimalNumber,
    /// What is paid: `amount` less `fee`.
    net_amount: DecimalNumber,
    destination: String,
    #[schema(value_type = doc::WithdrawalStatus)]
    status: &'static str,
    /// The payment service's name for the payment.
    reference: Option<String>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    /// Null: it is pending.
    #[schema(value_type = Option<doc::Timestamp>)]
    ended_at: Option<String>,
}

impl WithdrawalBody {
    pub fn new(recorded: &RecordedWithdrawal, catalog: &Catalog) -> Self {
        let Withdrawal { id, account, amount, fee, status } = recorded.withdrawal;
        let net_amount = amount.checked_sub(fee).unwrap_or(Fixed::ZERO);
        Self {
            id: id.0,
            user_id: account.user.0,
            asset: catalog.asset_symbol(account.asset).to_owned(),
            amount: DecimalNumber(amount),
            fee: DecimalNumber(fee),
            net_amount: DecimalNumber(net_amount),
            destination: recorded.destination.as_str().to_owned(),
            status: withdrawal_status_name(status),
            reference: recorded.reference.clone(),
            created_at: iso8601(recorded.created_at),
            ended_at: recorded.ended_at.map(iso8601),
        }
    }
}

/// A withdrawal with what only administrators see.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminWithdrawal)]
pub struct AdminWithdrawalBody {
    #[serde(flatten)]
    withdrawal: WithdrawalBody,
    note: Option<String>,
    /// The administrator's token that has ended it. Null: a command, its user, or nobody.
    token_id: Option<i64>,
}

impl AdminWithdrawalBody {
    pub fn new(recorded: &RecordedWithdrawal, catalog: &Catalog) -> Self {
        let (note, token_id) = (recorded.note.clone(), recorded.token);
        Self { withdrawal: WithdrawalBody::new(recorded, catalog), note, token_id }
    }
}

/// 201 for a new one, 200 for one that has ended, now or before.
pub fn recorded_withdrawal(
    recorded: &RecordedWithdrawal,
    is_new: bool,
    catalog: &Catalog,
) -> HttpResponse {
    let user = || WithdrawalBody::new(recorded, catalog);
    let administrator = || AdminWithdrawalBody::new(recorded, catalog);
    match (recorded.withdrawal.status, is_new) {
        (WithdrawalStatus::Pending, _) => created("Withdrawal requested successfully", user()),
        (WithdrawalStatus::Ended(WithdrawalEnd::Cancelled), true) => {
            ok("Withdrawal cancelled successfully", user())
        }
        (WithdrawalStatus::Ended(WithdrawalEnd::Cancelled), false) => {
            ok("Withdrawal was already cancelled", user())
        }
        (WithdrawalStatus::Ended(WithdrawalEnd::Completed), true) => {
            ok("Withdrawal completed successfully", administrator())
        }
        (WithdrawalStatus::Ended(WithdrawalEnd::Completed), false) => {
            ok("Withdrawal was already completed", administrator())
        }
        (WithdrawalStatus::Ended(WithdrawalEnd::Rejected), true) => {
            ok("Withdrawal rejected successfully", administrator())
        }
        (WithdrawalStatus::Ended(WithdrawalEnd::Rejected), false) => {
            ok("Withdrawal was already rejected", administrator())
        }
    }
}
