//! The deposits that administrators have made.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::store::deposits::{DepositRow, RecordedDeposit};
use crate::store::schema::deposits;
use crate::store::{AnyConnection, StoreError};

/// The deposits that have a reference, newest first.
pub fn deposits(
    connection: &mut AnyConnection,
    page: &PageRequest,
) -> Result<Page<RecordedDeposit>, StoreError> {
    let all = || deposits::table;
    let (id, time) = (deposits::id, deposits::created_at);
    let bounds = bounds!(connection, page, false, all(), id, time);
    let query = page_query!(page, bounds, all(), id, time, DepositRow::as_select());
    let rows: Vec<DepositRow> = query.load(connection)?;
    let row = |row: DepositRow| Ok((row.id, row.try_into()?));
    let rows = rows.into_iter().map(row).collect::<Result<_, StoreError>>()?;
    Ok(Page::of(vec![Found { rows, bounds }], page))
}
