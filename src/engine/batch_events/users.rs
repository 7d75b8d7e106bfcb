//! The buyers and sellers of a batch, for payloads that contain them.

use std::collections::BTreeSet;

use crate::events::MatchedShape;
use crate::events::models::{AssetRow, UserRow, Users};
use crate::market::{Account, AccountKey, Fixed, Plan, State, UserId};
use crate::store::markets::Catalog;
use crate::store::views::{Holding, Holdings, holdings};
use crate::store::{AnyConnection, StoreError};

/// Reads the buyers and sellers of a plan, if payloads contain them: one statement on PostgreSQL.
///
/// The batch has locked the accounts that its trades change, and `state` has them as they will be
/// written. Other accounts are as they are read.
pub fn read(
    connection: &mut AnyConnection,
    shape: &MatchedShape,
    catalog: &Catalog,
    state: &State,
    plan: &Plan,
) -> Result<Users, StoreError> {
    if !shape.includes_users() || plan.trades.is_empty() {
        return Ok(Users::new());
    }
    let ids: BTreeSet<UserId> =
        plan.trades.iter().flat_map(|trade| [trade.buyer, trade.seller]).collect();
    let ids: Vec<UserId> = ids.into_iter().collect();
    let found = holdings(connection, &ids)?;
    Ok(found.into_iter().map(|(id, held)| (id, row(id, held, catalog, state))).collect())
}

fn row(id: UserId, held: Holdings, catalog: &Catalog, state: &State) -> UserRow {
    let Holdings { user, accounts } = held;
    let quote = catalog.quote();
    let (mut balance, mut locked_balance) = (Fixed::ZERO, Fixed::ZERO);
    let mut assets = Vec::with_capacity(accounts.len());
    for Holding { asset, available, locked, .. } in accounts {
        let key = AccountKey { user: id, asset };
        let (available, locked) = if state.ledger.contains(key) {
            let Account { available, locked, .. } = *state.ledger.account(key);
            (available, locked)
        } else {
            (available, locked)
        };
        if asset == quote {
            (balance, locked_balance) = (available, locked);
        } else {
            let symbol = catalog.asset_symbol(asset).to_owned();
            assets.push(AssetRow { symbol, available, locked });
        }
    }
    UserRow {
        id,
        name: user.name,
        email: user.email,
        email_verified_at: user.email_verified_at,
        created_at: user.created_at,
        updated_at: user.updated_at,
        balance,
        locked_balance,
        assets,
    }
}
