//! The check of the log of administrators: whether a row was changed, is missing or was added.

use crate::store::admin_log::{self, FIRST_HASH, Head, LogRow};
use crate::store::{AnyConnection, StoreError};

pub const CHECK: &str = "the log of administrators is complete and unchanged";

/// Rows that are in memory at once.
const ROWS: i64 = 1_000;

/// The first difference, if there is any.
pub fn difference(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let mut last: Option<LogRow> = None;
    loop {
        let after = last.as_ref().map_or(i64::MIN, |row| row.id);
        let rows = admin_log::rows_after(connection, after, ROWS)?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            if let Some(difference) = compare(last.as_ref(), &row) {
                return Ok(Some(difference));
            }
            last = Some(row);
        }
    }
    Ok(at_end(last.as_ref(), admin_log::head(connection)?.as_ref()))
}

fn id_of(row: Option<&LogRow>) -> i64 {
    row.map_or(0, |row| row.id)
}

fn hash_of(row: Option<&LogRow>) -> &str {
    row.map_or(FIRST_HASH, |row| &row.hash)
}

/// Compares a row with its own hash, and with the row before.
fn compare(last: Option<&LogRow>, row: &LogRow) -> Option<String> {
    let (last_id, id) = (id_of(last), row.id);
    if id <= last_id {
        Some(format!("row {id} was added"))
    } else if id != last_id.saturating_add(1) {
        Some(format!("row {} is missing", last_id.saturating_add(1)))
    } else if row.hash != row.computed_hash() {
        Some(format!("row {id} was changed"))
    } else if row.previous_hash != hash_of(last) {
        // This row proves what the row before was.
        Some(format!("row {} was changed", last_id.max(1)))
    } else {
        None
    }
}

/// Compares the last row with the end of the log.
fn at_end(last: Option<&LogRow>, head: Option<&Head>) -> Option<String> {
    let (last_id, last_hash) = (id_of(last), hash_of(last));
    let Some(head) = head else { return Some("the end of the log is missing".to_owned()) };
    if head.last_id > last_id {
        Some(format!("row {} is missing", last_id.saturating_add(1)))
    } else if head.last_id < last_id {
        Some(format!("row {} was added", head.last_id.saturating_add(1)))
    } else if head.last_hash != last_hash {
        Some(format!("row {last_id} was changed"))
    } else {
        None
    }
}
