//! Adjustments of balances: what is recorded about them next to the ledger.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde_json::json;

use super::admin_log::{self, Act, Actor, AdminAction};
use super::numbering::Numbered;
use super::schema::adjustments;
use super::{AnyConnection, StoreError, codes, now};
use crate::market::{
    AccountKey, Adjustment, AdjustmentId, AdjustmentStatus, AssetId, Fixed, UserId,
};

/// An adjustment with everything that is recorded about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAdjustment {
    pub adjustment: Adjustment,
    pub reason: String,
    pub created_at: NaiveDateTime,
    /// The token of the administrator who has approved or rejected it. `None`: a command, or
    /// nobody.
    pub decider: Option<i64>,
    /// `None`: nobody has, or it was applied without being proposed.
    pub decided_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = adjustments)]
pub(super) struct AdjustmentRow {
    pub id: i64,
    user_id: i64,
    asset_id: i32,
    amount: i64,
    reason: String,
    status: i16,
    proposer_id: Option<i64>,
    created_at: NaiveDateTime,
    decider_id: Option<i64>,
    decided_at: Option<NaiveDateTime>,
}

impl TryFrom<AdjustmentRow> for RecordedAdjustment {
    type Error = StoreError;

    fn try_from(row: AdjustmentRow) -> Result<Self, StoreError> {
        let adjustment = Adjustment {
            id: AdjustmentId(row.id),
            account: AccountKey { user: UserId(row.user_id), asset: AssetId(row.asset_id) },
            amount: Fixed::from_units(row.amount),
            status: codes::adjustment_status_from_code(row.status)?,
            proposer: row.proposer_id,
        };
        Ok(Self {
            adjustment,
            reason: row.reason,
            created_at: row.created_at,
            decider: row.decider_id,
            decided_at: row.decided_at,
        })
    }
}

impl From<&RecordedAdjustment> for AdjustmentRow {
    fn from(recorded: &RecordedAdjustment) -> Self {
        let Adjustment { id, account, amount, status, proposer } = recorded.adjustment;
        Self {
            id: id.0,
            user_id: account.user.0,
            asset_id: account.asset.0,
            amount: amount.units(),
            reason: recorded.reason.clone(),
            status: codes::adjustment_status_code(status),
            proposer_id: proposer,
            created_at: recorded.created_at,
            decider_id: recorded.decider,
            decided_at: recorded.decided_at,
        }
    }
}

/// The adjustments with these ids.
pub fn by_ids(
    connection: &mut AnyConnection,
    ids: impl IntoIterator<Item = AdjustmentId>,
) -> Result<BTreeMap<AdjustmentId, RecordedAdjustment>, StoreError> {
    let found = adjustments::table.filter(adjustments::id.eq_any(ids.into_iter().map(|id| id.0)));
    let rows: Vec<AdjustmentRow> = found.select(AdjustmentRow::as_select()).load(connection)?;
    let recorded = rows.into_iter().map(RecordedAdjustment::try_from);
    recorded.map(|recorded| recorded.map(|found| (found.adjustment.id, found))).collect()
}

/// An adjustment. `None`: there is none with this id.
pub fn by_id(
    connection: &mut AnyConnection,
    id: AdjustmentId,
) -> Result<Option<RecordedAdjustment>, StoreError> {
    Ok(by_ids(connection, [id])?.remove(&id))
}

/// Records a new adjustment.
pub fn insert(
    connection: &mut AnyConnection,
    adjustment: &RecordedAdjustment,
) -> Result<(), StoreError> {
    let row = AdjustmentRow::from(adjustment);
    diesel::insert_into(adjustments::table).values(row).execute(connection)?;
    Ok(())
}

/// Records what was decided about an adjustment that was proposed. The log of administrators must
/// be locked.
///
/// # Errors
/// If something else was decided before.
pub fn decide(
    connection: &mut AnyConnection,
    decided: &RecordedAdjustment,
) -> Result<(), StoreError> {
    let proposed = codes::adjustment_status_code(AdjustmentStatus::Proposed);
    let row = AdjustmentRow::from(decided);
    let id = row.id;
    let changes = (
        adjustments::status.eq(row.status),
        adjustments::decider_id.eq(row.decider_id),
        adjustments::decided_at.eq(row.decided_at),
    );
    let open = adjustments::table.find(id).filter(adjustments::status.eq(proposed));
    if diesel::update(open).set(changes).execute(connection)? != 1 {
        return Err(StoreError::Other(format!("adjustment {id} is not proposed")));
    }
    Ok(())
}

/// An adjustment that is to be proposed.
#[derive(Clone, Debug)]
pub struct NewAdjustment {
    pub account: AccountKey,
    pub amount: Fixed,
    pub reason: String,
}

/// What became of an adjustment that was to be rejected.
#[derive(Clone, Debug)]
pub enum Decision {
    /// There is no such adjustment.
    Unknown,
    /// It was approved before.
    Applied,
    Rejected {
        adjustment: RecordedAdjustment,
        /// It was rejected now, and not before.
        is_new: bool,
    },
}

/// Records an adjustment that another administrator has to approve, and the act. `asset` is the
/// symbol of its asset. Runs in a write transaction.
pub fn propose(
    connection: &mut AnyConnection,
    actor: &Actor,
    new: &NewAdjustment,
    asset: &str,
) -> Result<RecordedAdjustment, StoreError> {
    admin_log::lock(connection)?;
    let id = Numbered::Adjustments.next_ids(connection, 1)?.pop();
    let id = id.ok_or_else(|| StoreError::Other("there is no id for an adjustment".to_owned()))?;
    let NewAdjustment { account, amount, reason } = new;
    let adjustment = Adjustment {
        id: AdjustmentId(id),
        account: *account,
        amount: *amount,
        status: AdjustmentStatus::Proposed,
        proposer: actor.token,
    };
    let recorded = RecordedAdjustment {
        adjustment,
        reason: reason.clone(),
        created_at: now(),
        decider: None,
        decided_at: None,
    };
    insert(connection, &recorded)?;
    let after = json!({
        "id": id,
        "user_id": account.user.0,
        "asset": asset,
        "amount": amount.to_string(),
        "reason": reason,
    });
    let action = AdminAction::AdjustmentProposed;
    let act = Act { actor: actor.clone(), action, before: None, after: Some(after) };
    admin_log::append(connection, vec![act], recorded.created_at)?;
    Ok(recorded)
}

/// Records that an adjustment will not be made, and the act. Runs in a write transaction.
pub fn reject(
    connection: &mut AnyConnection,
    actor: &Actor,
    id: AdjustmentId,
) -> Result<Decision, StoreError> {
    // An approval holds this lock too.
    admin_log::lock(connection)?;
    let Some(found) = by_id(connection, id)? else { return Ok(Decision::Unknown) };
    match found.adjustment.status {
        AdjustmentStatus::Applied => return Ok(Decision::Applied),
        AdjustmentStatus::Rejected => {
            return Ok(Decision::Rejected { adjustment: found, is_new: false });
        }
        AdjustmentStatus::Proposed => {}
    }
    let at = now();
    let status = AdjustmentStatus::Rejected;
    let adjustment = RecordedAdjustment {
        adjustment: Adjustment { status, ..found.adjustment },
        decider: actor.token,
        decided_at: Some(at),
        ..found
    };
    decide(connection, &adjustment)?;
    let act = Act {
        actor: actor.clone(),
        action: AdminAction::AdjustmentRejected,
        before: Some(json!({ "status": "proposed" })),
        after: Some(json!({ "id": id.0, "status": "rejected" })),
    };
    admin_log::append(connection, vec![act], at)?;
    Ok(Decision::Rejected { adjustment, is_new: true })
}
