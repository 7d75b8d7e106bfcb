//! Adjustments as JSON.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::{created, ok};
use crate::events::decimal::DecimalNumber;
use crate::events::funds::adjustment_status_name;
use crate::events::timestamp::iso8601;
use crate::http::schema as doc;
use crate::market::Adjustment;
use crate::store::adjustments::RecordedAdjustment;
use crate::store::markets::Catalog;

#[derive(Serialize, ToSchema)]
#[schema(as = Adjustment)]
pub struct AdjustmentBody {
    id: i64,
    user_id: i64,
    #[schema(example = "USD")]
    asset: String,
    /// Added to the available balance; negative if it was taken away.
    amount: DecimalNumber,
    reason: String,
    #[schema(value_type = doc::AdjustmentStatus)]
    status: &'static str,
    /// The administrator's token. Null: a command.
    proposed_by: Option<i64>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    /// The token of the administrator who has approved or rejected it. Null: a command, or nobody.
    decided_by: Option<i64>,
    /// Null: nobody has, or it was applied at once.
    #[schema(value_type = Option<doc::Timestamp>)]
    decided_at: Option<String>,
}

impl AdjustmentBody {
    pub fn new(recorded: &RecordedAdjustment, catalog: &Catalog) -> Self {
        let Adjustment { id, account, amount, status, proposer } = recorded.adjustment;
        Self {
            id: id.0,
            user_id: account.user.0,
            asset: catalog.asset_symbol(account.asset).to_owned(),
            amount: DecimalNumber(amount),
            reason: recorded.reason.clone(),
            status: adjustment_status_name(status),
            proposed_by: proposer,
            created_at: iso8601(recorded.created_at),
            decided_by: recorded.decider,
            decided_at: recorded.decided_at.map(iso8601),
        }
    }
}

/// 201 if it was applied without being proposed, 200 if it was approved.
pub fn applied_adjustment(
    recorded: &RecordedAdjustment,
    is_new: bool,
    catalog: &Catalog,
) -> HttpResponse {
    let data = AdjustmentBody::new(recorded, catalog);
    match (is_new, recorded.decided_at) {
        (true, None) => created("Adjustment applied successfully", data),
        (true, Some(_)) => ok("Adjustment approved successfully", data),
        (false, _) => ok("Adjustment was already applied", data),
    }
}
