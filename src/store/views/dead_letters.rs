//! The events that the provider will never accept.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::store::outbox::DeadLetter;
use crate::store::schema::dead_letters;
use crate::store::{AnyConnection, StoreError};

/// The dead letters, newest event first. Times are those of the events.
pub fn dead_letters(
    connection: &mut AnyConnection,
    page: &PageRequest,
) -> Result<Page<DeadLetter>, StoreError> {
    let all = || dead_letters::table;
    let (id, time) = (dead_letters::id, dead_letters::created_at);
    let bounds = bounds!(connection, page, false, all(), id, time);
    let query = page_query!(page, bounds, all(), id, time, DeadLetter::as_select());
    let rows: Vec<DeadLetter> = query.load(connection)?;
    let rows = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(Page::of(vec![Found { rows, bounds }], page))
}
