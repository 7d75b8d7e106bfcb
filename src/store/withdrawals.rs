//! Withdrawals: what is recorded about them next to the ledger.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::withdrawals;
use super::{AnyConnection, StoreError, codes};
use crate::market::{
    AccountKey, AssetId, Destination, Fixed, UserId, Withdrawal, WithdrawalEnd, WithdrawalId,
    WithdrawalStatus,
};

/// Withdrawals that count towards an account's limit.
const LIMIT_PERIOD: chrono::Duration = chrono::Duration::days(1);

/// A withdrawal with everything that is recorded about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedWithdrawal {
    pub withdrawal: Withdrawal,
    pub destination: Destination,
    pub created_at: NaiveDateTime,
    /// `None`: it is pending.
    pub ended_at: Option<NaiveDateTime>,
    /// The administrator's token that has ended it. `None`: a command, or its user.
    pub token: Option<i64>,
    /// The payment service's name for the payment.
    pub reference: Option<String>,
    pub note: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = withdrawals)]
pub(super) struct WithdrawalRow {
    pub id: i64,
    user_id: i64,
    asset_id: i32,
    amount: i64,
    fee: i64,
    destination: String,
    status: i16,
    created_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
    token_id: Option<i64>,
    reference: Option<String>,
    note: Option<String>,
}

impl TryFrom<WithdrawalRow> for RecordedWithdrawal {
    type Error = StoreError;

    fn try_from(row: WithdrawalRow) -> Result<Self, StoreError> {
        let destination = Destination::parse(&row.destination);
        let invalid =
            || StoreError::Other(format!("withdrawal {} has an invalid destination", row.id));
        let withdrawal = Withdrawal {
            id: WithdrawalId(row.id),
            account: AccountKey { user: UserId(row.user_id), asset: AssetId(row.asset_id) },
            amount: Fixed::from_units(row.amount),
            fee: Fixed::from_units(row.fee),
            status: codes::withdrawal_status_from_code(row.status)?,
        };
        Ok(Self {
            withdrawal,
            destination: destination.ok_or_else(invalid)?,
            created_at: row.created_at,
            ended_at: row.ended_at,
            token: row.token_id,
            reference: row.reference,
            note: row.note,
        })
    }
}

impl From<&RecordedWithdrawal> for WithdrawalRow {
    fn from(recorded: &RecordedWithdrawal) -> Self {
        let Withdrawal { id, account, amount, fee, status } = recorded.withdrawal;
        Self {
            id: id.0,
            user_id: account.user.0,
            asset_id: account.asset.0,
            amount: amount.units(),
            fee: fee.units(),
            destination: recorded.destination.as_str().to_owned(),
            status: codes::withdrawal_status_code(status),
            created_at: recorded.created_at,
            ended_at: recorded.ended_at,
            token_id: recorded.token,
            reference: recorded.reference.clone(),
            note: recorded.note.clone(),
        }
    }
}

/// The withdrawals with these ids.
pub fn by_ids(
    connection: &mut AnyConnection,
    ids: impl IntoIterator<Item = WithdrawalId>,
) -> Result<BTreeMap<WithdrawalId, RecordedWithdrawal>, StoreError> {
    let found = withdrawals::table.filter(withdrawals::id.eq_any(ids.into_iter().map(|id| id.0)));
    let rows: Vec<WithdrawalRow> = found.select(WithdrawalRow::as_select()).load(connection)?;
    let recorded = rows.into_iter().map(RecordedWithdrawal::try_from);
    recorded.map(|recorded| recorded.map(|found| (found.withdrawal.id, found))).collect()
}

/// A withdrawal. `None`: there is none with this id.
pub fn by_id(
    connection: &mut AnyConnection,
    id: WithdrawalId,
) -> Result<Option<RecordedWithdrawal>, StoreError> {
    Ok(by_ids(connection, [id])?.remove(&id))
}

/// The amounts of the account's withdrawals of the last day that are pending or completed. The
/// account must be locked.
pub fn recently_withdrawn(
    connection: &mut AnyConnection,
    account: AccountKey,
    now: NaiveDateTime,
) -> Result<BTreeMap<WithdrawalId, Fixed>, StoreError> {
    let counts = [WithdrawalStatus::Pending, WithdrawalStatus::Ended(WithdrawalEnd::Completed)];
    let amounts: Vec<(i64, i64)> = withdrawals::table
        .filter(withdrawals::user_id.eq(account.user.0))
        .filter(withdrawals::asset_id.eq(account.asset.0))
        .filter(withdrawals::created_at.ge(now - LIMIT_PERIOD))
        .filter(withdrawals::status.eq_any(counts.map(codes::withdrawal_status_code)))
        .select((withdrawals::id, withdrawals::amount))
        .load(connection)?;
    let amount = |(id, amount)| (WithdrawalId(id), Fixed::from_units(amount));
    Ok(amounts.into_iter().map(amount).collect())
}

/// Records a new withdrawal, in the transaction that locks its amount.
pub fn insert(
    connection: &mut AnyConnection,
    withdrawal: &RecordedWithdrawal,
) -> Result<(), StoreError> {
    let row = WithdrawalRow::from(withdrawal);
    diesel::insert_into(withdrawals::table).values(row).execute(connection)?;
    Ok(())
}

/// Records the end of a withdrawal, in the transaction that moves its amount.
///
/// # Errors
/// If it is not pending: its account was not locked.
pub fn end(connection: &mut AnyConnection, ended: &RecordedWithdrawal) -> Result<(), StoreError> {
    let pending = codes::withdrawal_status_code(WithdrawalStatus::Pending);
    let row = WithdrawalRow::from(ended);
    let id = row.id;
    let changes = (
        withdrawals::status.eq(row.status),
        withdrawals::ended_at.eq(row.ended_at),
        withdrawals::token_id.eq(row.token_id),
        withdrawals::reference.eq(row.reference),
        withdrawals::note.eq(row.note),
    );
    let open = withdrawals::table.find(id).filter(withdrawals::status.eq(pending));
    if diesel::update(open).set(changes).execute(connection)? != 1 {
        return Err(StoreError::Other(format!("withdrawal {id} is not pending")));
    }
    Ok(())
}
