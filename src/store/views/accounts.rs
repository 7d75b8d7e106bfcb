//! A user's accounts and their ledger entries.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use super::holdings::AccountVersions;
use super::page::{Bounds, Found, MAX_EXAMINED, Page, PageRequest, bounds, page_query};
use super::versioned::{Columns, Part};
use super::versions::account_versions;
use crate::market::{Account, AccountKey, Action, AssetId, Fixed, UserId};
use crate::store::codes::{self, ReferenceKind};
use crate::store::rows::{AccountRow, StoredEntry};
use crate::store::schema::{accounts, assets, ledger_entries, trades};
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
        let (key, account): (AccountKey, Account) = row.try_into()?;
        let Account { available, locked, .. } = account;
        Ok(Balance { asset: key.asset, available, locked })
    };
    rows.into_iter().map(balance).collect()
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
    /// `None`: no trade of the user.
    pub trade: Option<TradeShare>,
    pub created_at: NaiveDateTime,
}

/// A user's share in a trade, in the quote asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeShare {
    pub value: Fixed,
    /// The user's own: the buyer's or the seller's.
    pub commission: Fixed,
}

/// The columns of a trade from which both shares follow.
#[derive(Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = trades)]
struct ShareColumns {
    buyer_id: i64,
    seller_id: i64,
    value: i64,
    buyer_commission: i64,
    seller_commission: i64,
}

impl ShareColumns {
    fn share_of(self, user: UserId) -> Option<TradeShare> {
        let commission = match user.0 {
            id if id == self.buyer_id => self.buyer_commission,
            id if id == self.seller_id => self.seller_commission,
            _ => return None,
        };
        let (value, commission) = (Fixed::from_units(self.value), Fixed::from_units(commission));
        Some(TradeShare { value, commission })
    }
}

impl EntryView {
    fn new(
        StoredEntry { id, entry, created_at }: StoredEntry,
        trade: Option<TradeShare>,
        symbol: &str,
    ) -> Result<Self, StoreError> {
        let kind = entry.reference_type.map(codes::reference_from_code).transpose()?;
        Ok(Self {
            id,
            symbol: symbol.to_owned(),
            action: codes::action_from_code(entry.action)?,
            available_change: Fixed::from_units(entry.available_change),
            locked_change: Fixed::from_units(entry.locked_change),
            available_after: Fixed::from_units(entry.available_after),
            reference: kind.zip(entry.reference_id),
            trade,
            created_at,
        })
    }
}

/// The entries of a page along `$own`, each with its trade if it has one.
macro_rules! entries_query {
    ($own:expr, $bounds:expr, $page:expr) => {{
        let its_trade = ledger_entries::reference_type
            .eq(codes::reference_code(ReferenceKind::Trade))
            .and(ledger_entries::reference_id.eq(trades::id.nullable()));
        let (id, time) = (ledger_entries::id, ledger_entries::created_at);
        let columns = (StoredEntry::as_select(), Option::<ShareColumns>::as_select());
        let with_trade = $own.left_join(trades::table.on(its_trade));
        page_query!($page, $bounds, with_trade, id, time, columns)
    }};
}

/// A user's ledger entries, newest first: of one asset, or of all.
pub fn history(
    connection: &mut AnyConnection,
    user: UserId,
    asset: Option<AssetId>,
    page: &PageRequest,
) -> Result<Page<EntryView>, StoreError> {
    let own: Vec<(i64, i32, String)> = accounts::table
        .inner_join(assets::table)
        .filter(accounts::user_id.eq(user.0))
        .select((accounts::id, assets::id, assets::symbol))
        .load(connection)?;
    let wanted = own.into_iter().filter(|(_, id, _)| asset.is_none_or(|asset| asset.0 == *id));
    // One account at a time: each is a walk along the index that ends with the page.
    let mut found = Vec::new();
    for (account, _, symbol) in wanted {
        let own = || ledger_entries::table.filter(ledger_entries::account_id.eq(account));
        let (id, time) = (ledger_entries::id, ledger_entries::created_at);
        let bounds = bounds!(connection, page, false, own(), id, time);
        let rows: Vec<EntryColumns> = entries_query!(own(), bounds, page).load(connection)?;
        found.push(Found { rows: views_of(rows, user, &symbol)?, bounds });
    }
    Ok(Page::of(found, page))
}

/// An entry with the trade that it refers to.
type EntryColumns = (StoredEntry, Option<ShareColumns>);

fn views_of(
    rows: Vec<EntryColumns>,
    user: UserId,
    symbol: &str,
) -> Result<Vec<(i64, EntryView)>, StoreError> {
    let row = |(row, trade): EntryColumns| {
        let share = trade.and_then(|trade| trade.share_of(user));
        Ok((row.id, EntryView::new(row, share, symbol)?))
    };
    rows.into_iter().map(row).collect()
}

/// [`history`], and the versions of these accounts at that moment or before. On PostgreSQL both are
/// read by one statement, unless the page is between two times.
pub fn history_with_versions(
    connection: &mut AnyConnection,
    user: UserId,
    asset: Option<AssetId>,
    page: &PageRequest,
) -> Result<(AccountVersions, Page<EntryView>), StoreError> {
    let AnyConnection::Postgres(c) = connection else {
        return history_after_versions(connection, user, asset, page);
    };
    if page.has_times() {
        return history_after_versions(connection, user, asset, page);
    }
    let bounds = Bounds::of(page);
    let own = ledger_entries::table.filter(sql::<Bool>("ledger_entries.account_id = own.id"));
    let page_of_account: Part<'_> = Box::new(entries_query!(own, bounds, page));
    let rows = EntriesByAccount { user, asset, page: page_of_account }.load(c)?;
    let mut accounts: BTreeMap<i32, (i64, String, Vec<EntryColumns>)> = BTreeMap::new();
    for (asset, version, symbol, entry, share) in rows {
        let account = accounts.entry(asset).or_insert((version, symbol, Vec::new()));
        account.2.extend(entry.map(|entry: StoredEntry| (entry, share)));
    }
    let versions = accounts.iter().map(|(asset, (version, ..))| (*asset, *version)).collect();
    let mut found = Vec::with_capacity(accounts.len());
    for (_, symbol, entries) in accounts.into_values() {
        found.push(Found::of(views_of(entries, user, &symbol)?, bounds));
    }
    Ok((versions, Page::of(found, page)))
}

fn history_after_versions(
    connection: &mut AnyConnection,
    user: UserId,
    asset: Option<AssetId>,
    page: &PageRequest,
) -> Result<(AccountVersions, Page<EntryView>), StoreError> {
    let mut versions = account_versions(connection, user)?;
    versions.retain(|(id, _)| asset.is_none_or(|asset| asset.0 == *id));
    Ok((versions, history(connection, user, asset, page)?))
}

/// The accounts of a user, or the one of an asset, each with the entries of `page`, a query along
/// `own.id`, the id of the account; or once with NULL if there is no entry.
struct EntriesByAccount<'a> {
    user: UserId,
    asset: Option<AssetId>,
    page: Part<'a>,
}

impl QueryId for EntriesByAccount<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for EntriesByAccount<'_> {
    /// The asset, the account's version, the symbol, the entry and its trade.
    type SqlType =
        (Integer, BigInt, Text, Columns<Option<StoredEntry>>, Columns<Option<ShareColumns>>);
}

impl RunQueryDsl<PgConnection> for EntriesByAccount<'_> {}

impl QueryFragment<Pg> for EntriesByAccount<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT own.asset_id, own.version, own.symbol, entry.* FROM (SELECT accounts.id, \
             asset_id, version, symbol FROM accounts JOIN assets ON assets.id = asset_id \
             WHERE user_id = ",
        );
        out.push_bind_param::<BigInt, _>(&self.user.0)?;
        if let Some(AssetId(asset)) = &self.asset {
            out.push_sql(" AND asset_id = ");
            out.push_bind_param::<Integer, _>(asset)?;
        }
        out.push_sql(") own LEFT JOIN LATERAL (");
        self.page.walk_ast(out.reborrow())?;
        out.push_sql(") entry ON TRUE");
        Ok(())
    }

    /// With an asset and without one it has one text each.
    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}
