//! Accounts.

use diesel::prelude::*;

use crate::market::{Account, AccountKey, AssetId, Fixed, UserId};
use crate::store::StoreError;
use crate::store::schema::accounts;

#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct AccountRow {
    pub id: i64,
    pub user_id: i64,
    pub asset_id: i32,
    pub available: i64,
    pub locked: i64,
    pub open_orders: i32,
    pub user_status: i16,
}

impl TryFrom<AccountRow> for (AccountKey, Account) {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        let key = AccountKey { user: UserId(row.user_id), asset: AssetId(row.asset_id) };
        let account = Account {
            id: row.id,
            available: Fixed::from_units(row.available),
            locked: Fixed::from_units(row.locked),
            // A column that cannot be negative.
            open_orders: row.open_orders.unsigned_abs(),
            user_status: row.user_status.try_into()?,
        };
        Ok((key, account))
    }
}

/// An account to be created.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = accounts)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewAccountRow {
    user_id: i64,
    asset_id: i32,
    available: i64,
    locked: i64,
}

impl NewAccountRow {
    /// An account without a balance.
    pub const fn empty(key: AccountKey) -> Self {
        Self { user_id: key.user.0, asset_id: key.asset.0, available: 0, locked: 0 }
    }
}

/// The new balances of an account.
#[derive(Clone, Copy, Debug, AsChangeset)]
#[diesel(table_name = accounts)]
pub struct AccountChange {
    pub id: i64,
    pub available: i64,
    pub locked: i64,
    pub open_orders: i32,
}

impl From<&Account> for AccountChange {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            available: account.available.units(),
            locked: account.locked.units(),
            open_orders: i32::try_from(account.open_orders).unwrap_or(i32::MAX),
        }
    }
}
