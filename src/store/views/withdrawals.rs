//! Withdrawals and adjustments, of one user or of all.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::market::{AdjustmentStatus, UserId, WithdrawalStatus};
use crate::store::adjustments::{AdjustmentRow, RecordedAdjustment};
use crate::store::schema::{adjustments, withdrawals};
use crate::store::withdrawals::{RecordedWithdrawal, WithdrawalRow};
use crate::store::{AnyConnection, StoreError, codes};

/// Which withdrawals a list has. `None`: all.
#[derive(Clone, Copy, Debug)]
pub struct WithdrawalFilter {
    pub user: Option<UserId>,
    pub status: Option<WithdrawalStatus>,
}

/// Which adjustments a list has. `None`: all.
#[derive(Clone, Copy, Debug)]
pub struct AdjustmentFilter {
    pub user: Option<UserId>,
    pub status: Option<AdjustmentStatus>,
}

/// Withdrawals, newest first.
pub fn withdrawals(
    connection: &mut AnyConnection,
    filter: WithdrawalFilter,
    page: &PageRequest,
) -> Result<Page<RecordedWithdrawal>, StoreError> {
    let WithdrawalFilter { user, status } = filter;
    let (id, time) = (withdrawals::id, withdrawals::created_at);
    let is_of = withdrawals::user_id.eq(user.map_or(0, |user| user.0));
    // A walk along an index that ends with the page: of the user, of what is pending, or of all.
    macro_rules! rows {
        ($own:expr, $status:expr) => {{
            let bounds = bounds!(connection, page, $status.is_some(), $own, id, time);
            let mut query = page_query!(page, bounds, $own, id, time, WithdrawalRow::as_select());
            if let Some(status) = $status {
                let code = codes::withdrawal_status_code(status);
                query = query.filter(withdrawals::status.eq(code));
            }
            Found { rows: found(query.load::<WithdrawalRow>(connection)?, |row| row.id)?, bounds }
        }};
    }
    let found = match (user, status) {
        (Some(_), status) => rows!(withdrawals::table.filter(is_of), status),
        (None, Some(WithdrawalStatus::Pending)) => {
            let pending = diesel::dsl::sql::<diesel::sql_types::Bool>("status = 1");
            rows!(withdrawals::table.filter(pending.clone()), None::<WithdrawalStatus>)
        }
        (None, status) => rows!(withdrawals::table, status),
    };
    Ok(Page::of(vec![found], page))
}

/// Adjustments, newest first.
pub fn adjustments(
    connection: &mut AnyConnection,
    filter: AdjustmentFilter,
    page: &PageRequest,
) -> Result<Page<RecordedAdjustment>, StoreError> {
    let AdjustmentFilter { user, status } = filter;
    let (id, time) = (adjustments::id, adjustments::created_at);
    let is_filtered = user.is_some() || status.is_some();
    let all = || adjustments::table;
    let bounds = bounds!(connection, page, is_filtered, all(), id, time);
    let mut query = page_query!(page, bounds, all(), id, time, AdjustmentRow::as_select());
    if let Some(user) = user {
        query = query.filter(adjustments::user_id.eq(user.0));
    }
    if let Some(status) = status {
        query = query.filter(adjustments::status.eq(codes::adjustment_status_code(status)));
    }
    let rows = found(query.load::<AdjustmentRow>(connection)?, |row| row.id)?;
    Ok(Page::of(vec![Found { rows, bounds }], page))
}

/// Rows with their ids.
fn found<R, T: TryFrom<R, Error = StoreError>>(
    rows: Vec<R>,
    id: impl Fn(&R) -> i64,
) -> Result<Vec<(i64, T)>, StoreError> {
    rows.into_iter().map(|row| Ok((id(&row), row.try_into()?))).collect()
}
