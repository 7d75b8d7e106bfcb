//! Users with their accounts: an answer, and the version of the others.
//!
//! A batch that changes an order, a trade or a ledger entry of a user changes the version of one of
//! the user's accounts, in its own transaction and while it holds the lock of the account. So the
//! versions of the accounts are those of all lists of the user.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::market::{AssetId, Fixed, UserId};
use crate::store::schema::{accounts, users};
use crate::store::statement::prepared;
use crate::store::{AnyConnection, StoreError};

/// What a user sees of the own row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserView {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub email_verified_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

/// A user's holding of one asset, with the version of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub asset: AssetId,
    pub available: Fixed,
    pub locked: Fixed,
    pub version: i64,
}

/// A user with the accounts, by asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    pub user: UserView,
    pub accounts: Vec<Holding>,
}

impl Holdings {
    /// What is available of an asset.
    pub fn available(&self, asset: AssetId) -> Fixed {
        let held = self.accounts.iter().find(|account| account.asset == asset);
        held.map_or(Fixed::ZERO, |account| account.available)
    }

    pub fn versions(&self) -> AccountVersions {
        self.accounts.iter().map(|account| (account.asset.0, account.version)).collect()
    }
}

/// The versions of a user's accounts by asset.
pub type AccountVersions = Vec<(i32, i64)>;

#[derive(Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct AccountColumns {
    asset_id: i32,
    available: i64,
    locked: i64,
    version: i64,
}

/// Users with their accounts. On PostgreSQL by one statement.
pub fn holdings(
    connection: &mut AnyConnection,
    ids: &[UserId],
) -> Result<HashMap<UserId, Holdings>, StoreError> {
    macro_rules! with_accounts {
        ($users:expr) => {
            users::table
                .left_join(accounts::table.on(accounts::user_id.eq(users::id)))
                .filter($users)
                .select((UserView::as_select(), Option::<AccountColumns>::as_select()))
        };
    }
    let rows: Vec<(UserView, Option<AccountColumns>)> = match connection {
        AnyConnection::Postgres(c) => {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            prepared!(with_accounts!(users::id.eq_any(ids))).load(c)?
        }
        AnyConnection::Sqlite(c) => {
            let mut rows = Vec::new();
            for id in ids {
                rows.extend(with_accounts!(users::id.eq(id.0)).load(c)?);
            }
            rows
        }
    };
    let mut found: HashMap<UserId, Holdings> = HashMap::new();
    for (user, account) in rows {
        let id = UserId(user.id);
        let holdings = found.entry(id).or_insert(Holdings { user, accounts: Vec::new() });
        holdings.accounts.extend(account.map(|account| Holding {
            asset: AssetId(account.asset_id),
            available: Fixed::from_units(account.available),
            locked: Fixed::from_units(account.locked),
            version: account.version,
        }));
    }
    for holdings in found.values_mut() {
        holdings.accounts.sort_unstable_by_key(|account| account.asset);
    }
    Ok(found)
}
