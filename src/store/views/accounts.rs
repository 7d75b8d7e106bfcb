//! A user's accounts and their ledger entries.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{Account, AccountKey, Action, AssetId, Fixed, UserId};
use crate::store::codes::{self, ReferenceKind};
use crate::store::rows::{AccountRow, StoredEntry};
use crate::store::schema::{accounts, assets, ledger_entries};
use crate::store::{AnyConnection, StoreError};

/// A user's holding of one asset.
#[derive(Clone, Debug)]
pub struct Balance {
    pub asset: AssetId,
    pub available: Fixed,
    pub locked: Fixed,
}

/// A user's accounts, in the order in which the assets were created.
pub fn balances(connection: &mut AnyConnection, user: UserId) -> Result<Vec<Balance>, StoreError> {
    let rows: Vec<AccountRow> = accounts::table
        .filter(accounts::user_id.eq(user.0))
        .order(accounts::asset_id.asc())
        .select(AccountRow::as_select())
        .load(connection)?;
    let balance = |row: AccountRow| {
        let (key, Account { available, locked, .. }): (AccountKey, Account) = row.into();
        Balance { asset: key.asset, available, locked }
    };
    Ok(rows.into_iter().map(balance).collect())
}

/// One change of one of a user's accounts.
#[derive(Clone, Debug)]
pub struct EntryView {
    pub id: i64,
    pub symbol: String,
    pub action: Action,
    /// Signed.
    pub available_change: Fixed,
    pub locked_change: Fixed,
    pub available_after: Fixed,
    pub reference: Option<(ReferenceKind, i64)>,
    pub created_at: NaiveDateTime,
}

impl EntryView {
    fn new(StoredEntry { id, entry }: StoredEntry, symbol: &str) -> Result<Self, StoreError> {
        let kind = entry.reference_type.map(codes::reference_from_code).transpose()?;
        Ok(Self {
            id,
            symbol: symbol.to_owned(),
            action: codes::action_from_code(entry.action)?,
            available_change: Fixed::from_units(entry.available_change),
            locked_change: Fixed::from_units(entry.locked_change),
            available_after: Fixed::from_units(entry.available_after),
            reference: kind.zip(entry.reference_id),
            created_at: entry.created_at,
        })
    }
}

/// A user's ledger entries, newest first: of one asset, or of all.
pub fn history(
    connection: &mut AnyConnection,
    user: UserId,
    asset: Option<AssetId>,
    cap: i64,
) -> Result<Vec<EntryView>, StoreError> {
    let own: Vec<(i64, i32, String)> = accounts::table
        .inner_join(assets::table)
        .filter(accounts::user_id.eq(user.0))
        .select((accounts::id, assets::id, assets::symbol))
        .load(connection)?;
    let wanted = own.into_iter().filter(|(_, id, _)| asset.is_none_or(|asset| asset.0 == *id));
    // One account at a time: each is a walk along the index that ends at the cap.
    let mut entries = Vec::new();
    for (account, _, symbol) in wanted {
        let rows: Vec<StoredEntry> = ledger_entries::table
            .filter(ledger_entries::account_id.eq(account))
            .order(ledger_entries::id.desc())
            .limit(cap)
            .select(StoredEntry::as_select())
            .load(connection)?;
        for row in rows {
            entries.push(EntryView::new(row, &symbol)?);
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    entries.truncate(usize::try_from(cap).unwrap_or(usize::MAX));
    Ok(entries)
}
