//! The log of administrators, as it is read by them.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::store::admin_log::LogRow;
use crate::store::schema::admin_log;
use crate::store::{AnyConnection, StoreError};

/// The acts of administrators, newest first.
pub fn admin_acts(
    connection: &mut AnyConnection,
    page: &PageRequest,
) -> Result<Page<LogRow>, StoreError> {
    let all = || admin_log::table;
    let (id, time) = (admin_log::id, admin_log::created_at);
    let bounds = bounds!(connection, page, false, all(), id, time);
    let query = page_query!(page, bounds, all(), id, time, LogRow::as_select());
    let rows: Vec<LogRow> = query.load(connection)?;
    let rows = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(Page::of(vec![Found { rows, bounds }], page))
}
