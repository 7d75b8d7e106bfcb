//! Writes users, tokens and accounts into the target, each account with its ledger.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use super::destination::{Target, insert};
use super::error::ImportError;
use super::reading::Progress;
use super::staging::Staging;
use crate::market::Action;
use crate::store::AnyConnection;
use crate::store::markets::QUOTE;
use crate::store::rows::EntryRow;
use crate::store::schema::{accounts, ledger_entries, tokens, users};

/// Users whose accounts are written together.
const USERS: i64 = 500;

#[derive(QueryableByName, Insertable)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
struct UserRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Nullable<Text>)]
    password: Option<String>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    email_verified_at: Option<NaiveDateTime>,
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
    #[diesel(sql_type = Timestamp)]
    updated_at: NaiveDateTime,
    #[diesel(sql_type = diesel::sql_types::SmallInt)]
    status: i16,
}

#[derive(QueryableByName, Insertable)]
#[diesel(table_name = tokens)]
#[diesel(treat_none_as_default_value = false)]
struct TokenRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    secret_hash: String,
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
    #[diesel(sql_type = Nullable<Timestamp>)]
    expires_at: Option<NaiveDateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = diesel::sql_types::SmallInt)]
    abilities: i16,
    #[diesel(sql_type = Nullable<Timestamp>)]
    last_used_at: Option<NaiveDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = accounts)]
struct FullAccountRow {
    id: i64,
    user_id: i64,
    asset_id: i32,
    available: i64,
    locked: i64,
    open_orders: i32,
    user_status: i16,
}

#[derive(Insertable)]
#[diesel(table_name = ledger_entries)]
#[diesel(treat_none_as_default_value = false)]
struct FullEntryRow {
    id: i64,
    #[diesel(embed)]
    entry: EntryRow,
    created_at: NaiveDateTime,
}

/// A change of an account: a row of the history, or an adjustment.
#[derive(QueryableByName)]
struct Change {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    asset: String,
    #[diesel(sql_type = BigInt)]
    available: i64,
    #[diesel(sql_type = BigInt)]
    locked: i64,
    /// Of a history: the balance after it.
    #[diesel(sql_type = BigInt)]
    balance: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    reference_type: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    reference_id: Option<i64>,
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
}

#[derive(QueryableByName)]
struct Holding {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    asset: String,
    #[diesel(sql_type = BigInt)]
    available: i64,
    #[diesel(sql_type = BigInt)]
    locked: i64,
}

#[derive(QueryableByName)]
struct OpenOrders {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    asset: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

type ByAccount<T> = BTreeMap<(i64, String), T>;

/// Writes all users with what they have.
pub fn write(
    target: &mut Target<'_>,
    staging: &mut Staging,
    progress: Progress<'_>,
) -> Result<(), ImportError> {
    let total = staging.number("SELECT count(*) FROM users")?.unsigned_abs();
    let (mut after, mut done) = (0, 0);
    loop {
        let page: Vec<UserRow> = diesel::sql_query(
            "SELECT id, name, email, password, verified_at AS email_verified_at, created_at, \
             updated_at, CASE is_former WHEN 1 THEN 3 ELSE 1 END AS status FROM users \
             WHERE id > ? ORDER BY id LIMIT ?",
        )
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(USERS)
        .load(&mut staging.connection)?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        let range = format!("user_id BETWEEN {} AND {}", first.id, last.id);
        insert!(&mut *target.connection, users::table, &page);
        write_tokens(target, staging, &range)?;
        write_accounts(target, staging, &page, &range)?;
        after = last.id;
        done += page.len() as u64;
        progress("users", done, total);
    }
    write_houses(target, staging)
}

fn write_tokens(
    target: &mut Target<'_>,
    staging: &mut Staging,
    range: &str,
) -> Result<(), ImportError> {
    let rows: Vec<TokenRow> = diesel::sql_query(format!(
        "SELECT id, user_id, hash AS secret_hash, created_at, expires_at, name, abilities, \
         last_used_at FROM tokens WHERE {range} ORDER BY id"
    ))
    .load(&mut staging.connection)?;
    for rows in rows.chunks(1000) {
        insert!(&mut *target.connection, tokens::table, rows);
    }
    Ok(())
}

fn by_account(changes: Vec<Change>) -> ByAccount<Vec<Change>> {
    let mut all = ByAccount::<Vec<Change>>::new();
    for change in changes {
        all.entry((change.user_id, change.asset.clone())).or_default().push(change);
    }
    all
}

fn write_accounts(
    target: &mut Target<'_>,
    staging: &mut Staging,
    page: &[UserRow],
    range: &str,
) -> Result<(), ImportError> {
    let c = &mut staging.connection;
    let holdings: Vec<Holding> = diesel::sql_query(format!(
        "SELECT user_id, asset, available, coalesce(locked, 0) AS locked FROM holdings \
         WHERE {range}"
    ))
    .load(c)?;
    let holdings: ByAccount<Holding> =
        holdings.into_iter().map(|row| ((row.user_id, row.asset.clone()), row)).collect();
    let histories = by_account(
        diesel::sql_query(format!(
            "SELECT user_id, '{QUOTE}' AS asset, change AS available, 0 AS locked, balance, \
             reference_type, reference_id, created_at FROM histories WHERE {range} ORDER BY id"
        ))
        .load(c)?,
    );
    let adjustments = by_account(
        diesel::sql_query(format!(
            "SELECT user_id, asset, available, locked, 0 AS balance, \
             CASE WHEN order_id IS NULL THEN NULL ELSE 1 END AS reference_type, \
             order_id AS reference_id, '{}' AS created_at FROM adjustments WHERE {range} \
             ORDER BY id",
            target.now.format("%F %T%.f")
        ))
        .load(c)?,
    );
    let open: Vec<OpenOrders> = diesel::sql_query(format!(
        "SELECT o.user_id, m.base AS asset, count(*) AS total FROM orders o \
         JOIN markets m ON m.id = o.market WHERE o.status = 1 AND o.was_open = 1 AND o.{range} \
         GROUP BY o.user_id, m.base"
    ))
    .load(c)?;
    let open: ByAccount<i64> =
        open.into_iter().map(|row| ((row.user_id, row.asset), row.total)).collect();
    let (mut accounts, mut entries) = (Vec::new(), Vec::new());
    for user in page {
        for (asset_id, asset) in target.assets.clone() {
            let key = (user.id, asset);
            let id = target.next_account();
            let mut posting =
                Posting { target, account: id, entries: &mut entries, available: 0, locked: 0 };
            posting.post_all(
                holdings.get(&key),
                histories.get(&key).map_or(&[], Vec::as_slice),
                adjustments.get(&key).map_or(&[], Vec::as_slice),
                user.created_at,
            );
            let Posting { available, locked, .. } = posting;
            accounts.push(FullAccountRow {
                id,
                user_id: user.id,
                asset_id,
                available,
                locked,
                open_orders: i32::try_from(open.get(&key).copied().unwrap_or_default())
                    .unwrap_or(i32::MAX),
                user_status: user.status,
            });
        }
    }
    for rows in accounts.chunks(1000) {
        insert!(&mut *target.connection, accounts::table, rows);
    }
    for rows in entries.chunks(1000) {
        insert!(&mut *target.connection, ledger_entries::table, rows);
    }
    Ok(())
}

/// The entries of an account, in their order.
struct Posting<'a, 't> {
    target: &'a mut Target<'t>,
    account: i64,
    entries: &'a mut Vec<FullEntryRow>,
    available: i64,
    locked: i64,
}

impl Posting<'_, '_> {
    fn post_all(
        &mut self,
        holding: Option<&Holding>,
        histories: &[Change],
        adjustments: &[Change],
        created_at: NaiveDateTime,
    ) {
        let (has, locked) = holding.map_or((0, 0), |holding| (holding.available, holding.locked));
        let (begins_at, opened_at) = match histories.first() {
            Some(first) => (first.balance - first.available, created_at.min(first.created_at)),
            None => (has, created_at),
        };
        self.post(Action::MigrationOpening, begins_at, locked, None, opened_at);
        for row in histories {
            let gap = row.balance - row.available - self.available;
            self.post(Action::MigrationAdjustment, gap, 0, None, row.created_at);
            let reference = row.reference_type.zip(row.reference_id);
            self.post(Action::MigrationHistory, row.available, 0, reference, row.created_at);
        }
        let now = self.target.now;
        self.post(Action::MigrationAdjustment, has - self.available, 0, None, now);
        for row in adjustments {
            let reference = row.reference_type.zip(row.reference_id);
            self.post(Action::MigrationAdjustment, row.available, row.locked, reference, now);
        }
    }

    /// Nothing, if nothing changes.
    fn post(
        &mut self,
        action: Action,
        available: i64,
        locked: i64,
        reference: Option<(i64, i64)>,
        created_at: NaiveDateTime,
    ) {
        if available == 0 && locked == 0 {
            return;
        }
        self.available += available;
        self.locked += locked;
        let entry = EntryRow {
            account_id: self.account,
            action: action.code(),
            available_change: available,
            locked_change: locked,
            available_after: self.available,
            reference_type: reference.and_then(|(kind, _)| i16::try_from(kind).ok()),
            reference_id: reference.map(|(_, id)| id),
        };
        let id = self.target.next_entry();
        self.entries.push(FullEntryRow { id, entry, created_at });
    }
}

/// The commission of the imported trades, which the source gave to no account.
fn write_houses(target: &mut Target<'_>, staging: &mut Staging) -> Result<(), ImportError> {
    for (staged, market) in target.markets.clone() {
        let commission = staging.number(&format!(
            "SELECT coalesce(sum(commission), 0) FROM trades WHERE market = {staged}"
        ))?;
        if commission == 0 {
            continue;
        }
        let (id, now) = (target.next_account(), target.now);
        let mut entries = Vec::new();
        let mut posting =
            Posting { target, account: id, entries: &mut entries, available: 0, locked: 0 };
        posting.post(Action::MigrationAdjustment, commission, 0, None, now);
        let account = FullAccountRow {
            id,
            user_id: market.id.house().0,
            asset_id: market.quote.0,
            available: commission,
            locked: 0,
            open_orders: 0,
            user_status: 1,
        };
        insert!(&mut *target.connection, accounts::table, &[account]);
        insert!(&mut *target.connection, ledger_entries::table, &entries);
    }
    Ok(())
}
