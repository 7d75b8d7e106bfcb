//! Ledger entries.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{Entry, Plan, Reference};
use crate::store::codes::{ReferenceKind, reference_code};
use crate::store::schema::ledger_entries;

/// A ledger entry without the id, which the database assigns, and without the time.
#[derive(Clone, Copy, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = ledger_entries)]
#[diesel(treat_none_as_default_value = false)]
pub struct EntryRow {
    pub account_id: i64,
    pub action: i16,
    pub available_change: i64,
    pub locked_change: i64,
    pub available_after: i64,
    pub reference_type: Option<i16>,
    pub reference_id: Option<i64>,
}

impl EntryRow {
    /// An entry of `plan`, whose trades have their ids.
    pub fn new(plan: &Plan, entry: &Entry, account_id: i64) -> Self {
        let reference = match entry.reference {
            Reference::None => None,
            Reference::Order(id) => Some((ReferenceKind::Order, id.0)),
            Reference::Trade(position) => Some((ReferenceKind::Trade, plan.trades[position].id.0)),
            Reference::Deposit(id) => Some((ReferenceKind::Deposit, id.0)),
            Reference::Withdrawal(id) => Some((ReferenceKind::Withdrawal, id.0)),
            Reference::Adjustment(id) => Some((ReferenceKind::Adjustment, id.0)),
            Reference::Market(id) => Some((ReferenceKind::Market, i64::from(id.0))),
        };
        Self {
            account_id,
            action: entry.action.code(),
            available_change: entry.available_change.units(),
            locked_change: entry.locked_change.units(),
            available_after: entry.available_after.units(),
            reference_type: reference.map(|(kind, _)| reference_code(kind)),
            reference_id: reference.map(|(_, id)| id),
        }
    }
}

/// A ledger entry as it is stored: all columns.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = ledger_entries)]
pub struct StoredEntry {
    pub id: i64,
    #[diesel(embed)]
    pub entry: EntryRow,
    pub created_at: NaiveDateTime,
}
