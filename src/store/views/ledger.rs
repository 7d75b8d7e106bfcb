//! The ledger entries of all accounts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::dsl::{exists, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use crate::market::{AccountKey, Action, AssetId, Fixed, UserId};
use crate::store::codes::{self, ReferenceKind};
use crate::store::rows::StoredEntry;
use crate::store::schema::{accounts, ledger_entries};
use crate::store::{AnyConnection, StoreError};

/// One change of one account.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    pub id: i64,
    pub account: AccountKey,
    pub action: Action,
    /// Signed.
    pub available_change: Fixed,
    pub locked_change: Fixed,
    pub available_after: Fixed,
    pub reference: Option<(ReferenceKind, i64)>,
    pub created_at: NaiveDateTime,
}

impl LedgerEntry {
    fn new(
        StoredEntry { id, entry, created_at }: StoredEntry,
        account: AccountKey,
    ) -> Result<Self, StoreError> {
        let kind = entry.reference_type.map(codes::reference_from_code).transpose()?;
        Ok(Self {
            id,
            account,
            action: codes::action_from_code(entry.action)?,
            available_change: Fixed::from_units(entry.available_change),
            locked_change: Fixed::from_units(entry.locked_change),
            available_after: Fixed::from_units(entry.available_after),
            reference: kind.zip(entry.reference_id),
            created_at,
        })
    }
}

/// Which ledger entries are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntryFilter {
    pub user: Option<UserId>,
    pub asset: Option<AssetId>,
    pub action: Option<Action>,
}

/// The entries of a page along `$own`, a query with an index that ends with the id.
macro_rules! entries_along {
    ($connection:expr, $own:expr, $has_index:expr, $asset:expr, $action:expr, $page:expr) => {{
        let (asset, action): (Option<AssetId>, Option<Action>) = ($asset, $action);
        let (id, time) = (ledger_entries::id, ledger_entries::created_at);
        let is_selective = asset.is_some() || action.is_some();
        let bounds = if $has_index {
            bounds!($connection, $page, is_selective, $own, id, time)
        } else {
            Bounds::of($page)
        };
        let mut query = page_query!($page, bounds, $own, id, time, StoredEntry::as_select());
        if let Some(action) = action {
            query = query.filter(ledger_entries::action.eq(action.code()));
        }
        if let Some(asset) = asset {
            let account = accounts::table.filter(accounts::id.eq(ledger_entries::account_id));
            query = query.filter(exists(account.filter(accounts::asset_id.eq(asset.0))));
        }
        let rows: Vec<StoredEntry> = query.load($connection)?;
        (rows, bounds)
    }};
}

/// The ledger entries of all accounts, newest first.
pub fn entries(
    connection: &mut AnyConnection,
    filter: EntryFilter,
    page: &PageRequest,
) -> Result<Page<LedgerEntry>, StoreError> {
    let found = match filter.user {
        Some(user) => entries_of(connection, user, filter, page)?,
        None => vec![entries_of_all(connection, filter, page)?],
    };
    Ok(Page::of(found, page))
}

/// A position in the ledger by account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPosition {
    pub account: i64,
    pub id: i64,
}

impl EntryPosition {
    /// Compares the position of a row with this one, along the index that both databases have. The
    /// query builder has no comparisons of rows; the text contains nothing but numbers.
    fn compared(self, operator: &str) -> SqlLiteral<Bool> {
        let Self { account, id } = self;
        sql(&format!("(account_id, id) {operator} ({account}, {id})"))
    }
}

/// The ledger entries of all accounts by account, the oldest of each first: the order of an index
/// of both databases, unlike that of [`entries`]. Looks at [`MAX_EXAMINED`] rows after a position,
/// and returns that of the next ones. `None`: the beginning, the end.
pub fn entries_by_account(
    connection: &mut AnyConnection,
    EntryFilter { asset, action, .. }: EntryFilter,
    page: &PageRequest,
    after: Option<EntryPosition>,
) -> Result<(Vec<LedgerEntry>, Option<EntryPosition>), StoreError> {
    let after = after.unwrap_or(EntryPosition { account: i64::MIN, id: i64::MIN });
    let place = (ledger_entries::account_id, ledger_entries::id);
    let rest = || ledger_entries::table.filter(after.compared(">"));
    let end = rest().order(place).select(place).offset(MAX_EXAMINED - 1);
    let end: Option<(i64, i64)> = end.first(connection).optional()?;
    let end = end.map(|(account, id)| EntryPosition { account, id });
    let mut query = rest().order(place).select(StoredEntry::as_select()).into_boxed();
    if let Some(end) = end {
        query = query.filter(end.compared("<="));
    }
    if let Some(from) = page.from {
        query = query.filter(ledger_entries::created_at.ge(from));
    }
    if let Some(to) = page.to {
        query = query.filter(ledger_entries::created_at.lt(to));
    }
    if let Some(action) = action {
        query = query.filter(ledger_entries::action.eq(action.code()));
    }
    if let Some(asset) = asset {
        let account = accounts::table.filter(accounts::id.eq(ledger_entries::account_id));
        query = query.filter(exists(account.filter(accounts::asset_id.eq(asset.0))));
    }
    let rows: Vec<StoredEntry> = query.load(connection)?;
    let rows = with_accounts(connection, rows)?;
    Ok((rows.into_iter().map(|(_, entry)| entry).collect(), end))
}

/// One account at a time: each is a walk along the index of its entries.
fn entries_of(
    connection: &mut AnyConnection,
    user: UserId,
    EntryFilter { asset, action, .. }: EntryFilter,
    page: &PageRequest,
) -> Result<Vec<Found<LedgerEntry>>, StoreError> {
    let own: Vec<(i64, i32)> = accounts::table
        .filter(accounts::user_id.eq(user.0))
        .select((accounts::id, accounts::asset_id))
        .load(connection)?;
    let wanted = own.into_iter().map(|(id, asset)| (id, AssetId(asset)));
    let wanted = wanted.filter(|(_, of)| asset.is_none_or(|asset| asset == *of));
    let mut found = Vec::new();
    for (account, asset) in wanted {
        let own = || ledger_entries::table.filter(ledger_entries::account_id.eq(account));
        // All entries of the account are of its asset.
        let (rows, bounds) = entries_along!(connection, own(), true, None, action, page);
        let key = AccountKey { user, asset };
        let row = |row: StoredEntry| Ok((row.id, LedgerEntry::new(row, key)?));
        let rows = rows.into_iter().map(row).collect::<Result<_, StoreError>>()?;
        found.push(Found { rows, bounds });
    }
    Ok(found)
}

/// Along the primary key of SQLite, whatever the filter. PostgreSQL reads the whole ledger for each
/// page: an index by id would have to be maintained by every order.
fn entries_of_all(
    connection: &mut AnyConnection,
    EntryFilter { asset, action, .. }: EntryFilter,
    page: &PageRequest,
) -> Result<Found<LedgerEntry>, StoreError> {
    let all = ledger_entries::table;
    let has_index = matches!(connection, AnyConnection::Sqlite(_));
    let (rows, bounds) = entries_along!(connection, all, has_index, asset, action, page);
    Ok(Found { rows: with_accounts(connection, rows)?, bounds })
}

/// The entries with the accounts that they belong to.
fn with_accounts(
    connection: &mut AnyConnection,
    rows: Vec<StoredEntry>,
) -> Result<Vec<(i64, LedgerEntry)>, StoreError> {
    // A join would let the database begin with the accounts, and sort all of their entries.
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.entry.account_id).collect();
    let owners: Vec<(i64, i64, i32)> = accounts::table
        .filter(accounts::id.eq_any(ids))
        .select((accounts::id, accounts::user_id, accounts::asset_id))
        .load(connection)?;
    let key = |user, asset| AccountKey { user: UserId(user), asset: AssetId(asset) };
    let keys: BTreeMap<i64, AccountKey> =
        owners.into_iter().map(|(id, user, asset)| (id, key(user, asset))).collect();
    let row = |row: StoredEntry| {
        let key = keys.get(&row.entry.account_id).ok_or_else(|| {
            StoreError::Other(format!("the ledger entry {} has no account", row.id))
        })?;
        Ok((row.id, LedgerEntry::new(row, *key)?))
    };
    rows.into_iter().map(row).collect()
}
