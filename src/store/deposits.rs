//! Deposits that have a reference: what is recorded about them next to the ledger.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::deposits;
use super::{AnyConnection, StoreError};
use crate::market::{AccountKey, AssetId, Deposit, DepositId, DepositReference, Fixed, UserId};

/// A deposit with everything that is recorded about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDeposit {
    pub id: DepositId,
    pub reference: DepositReference,
    pub account: AccountKey,
    pub amount: Fixed,
    pub note: Option<String>,
    /// The administrator's token. `None`: a command.
    pub token: Option<i64>,
    pub created_at: NaiveDateTime,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = deposits)]
pub(super) struct DepositRow {
    pub id: i64,
    reference: String,
    user_id: i64,
    asset_id: i32,
    amount: i64,
    note: Option<String>,
    token_id: Option<i64>,
    created_at: NaiveDateTime,
}

impl TryFrom<DepositRow> for RecordedDeposit {
    type Error = StoreError;

    fn try_from(row: DepositRow) -> Result<Self, StoreError> {
        let reference = DepositReference::parse(&row.reference);
        let unknown = || StoreError::Other(format!("deposit {} has an invalid reference", row.id));
        let account = AccountKey { user: UserId(row.user_id), asset: AssetId(row.asset_id) };
        Ok(Self {
            id: DepositId(row.id),
            reference: reference.ok_or_else(unknown)?,
            account,
            amount: Fixed::from_units(row.amount),
            note: row.note,
            token: row.token_id,
            created_at: row.created_at,
        })
    }
}

impl From<&RecordedDeposit> for DepositRow {
    fn from(deposit: &RecordedDeposit) -> Self {
        Self {
            id: deposit.id.0,
            reference: deposit.reference.as_str().to_owned(),
            user_id: deposit.account.user.0,
            asset_id: deposit.account.asset.0,
            amount: deposit.amount.units(),
            note: deposit.note.clone(),
            token_id: deposit.token,
            created_at: deposit.created_at,
        }
    }
}

/// What those of these references stand for that were used.
pub fn by_references<'a>(
    connection: &mut AnyConnection,
    references: impl IntoIterator<Item = &'a DepositReference>,
) -> Result<BTreeMap<DepositReference, Deposit>, StoreError> {
    let references = references.into_iter().map(DepositReference::as_str);
    let used = deposits::table.filter(deposits::reference.eq_any(references));
    let rows: Vec<DepositRow> = used.select(DepositRow::as_select()).load(connection)?;
    rows.into_iter()
        .map(|row| {
            let RecordedDeposit { id, reference, account, amount, .. } = row.try_into()?;
            Ok((reference, Deposit { id, account, amount }))
        })
        .collect()
}

/// The deposits with these ids.
pub fn by_ids(
    connection: &mut AnyConnection,
    ids: impl IntoIterator<Item = DepositId>,
) -> Result<BTreeMap<DepositId, RecordedDeposit>, StoreError> {
    let found = deposits::table.filter(deposits::id.eq_any(ids.into_iter().map(|id| id.0)));
    let rows: Vec<DepositRow> = found.select(DepositRow::as_select()).load(connection)?;
    let deposits = rows.into_iter().map(RecordedDeposit::try_from);
    deposits.map(|deposit| deposit.map(|deposit| (deposit.id, deposit))).collect()
}

/// Records a deposit, in the transaction that credits it.
///
/// # Errors
/// [`StoreError::Duplicate`] if its reference was used.
pub fn insert(connection: &mut AnyConnection, deposit: &RecordedDeposit) -> Result<(), StoreError> {
    let row = DepositRow::from(deposit);
    diesel::insert_into(deposits::table).values(row).execute(connection)?;
    Ok(())
}
