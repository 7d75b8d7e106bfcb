//! What an order could touch now, read without locks: to say what it would do, and change nothing.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::commands::Incoming;
use super::locks;
use super::resting::{self, Need};
use crate::market::{Account, AccountKey, Market, NewOrder, OrderId, State, UserId};
use crate::store::rows::AccountRow;
use crate::store::schema::accounts;
use crate::store::{AnyConnection, StoreError, now, unix_micros};

/// The id of an order that is not placed: it is behind all others.
const NOT_PLACED: OrderId = OrderId(i64::MAX);

/// The counterpart of [`load`](super::load) for one order. Runs in a snapshot.
pub fn read(
    connection: &mut AnyConnection,
    market: &Market,
    order: &NewOrder,
    max_fills: usize,
) -> Result<State, StoreError> {
    let mut state = State {
        markets: [(market.id, market.clone())].into(),
        market_states: [(market.id, locks::market_state(connection, market.id)?)].into(),
        now: unix_micros(now()),
        order_ids: [NOT_PLACED].into(),
        ..State::default()
    };
    let side = order.side.opposite();
    let incoming = [Incoming::from(order)];
    if let Some(need) = Need::of(market.id, side, &incoming, max_fills) {
        resting::load(connection, &mut state, &need, &BTreeSet::new(), None)?;
    }
    let owners = state.orders.values().map(|order| order.user);
    let users: BTreeSet<UserId> = owners.chain([order.user, market.id.house()]).collect();
    read_accounts(connection, &mut state, market, &users)?;
    let client_order_ids = order.client_order_id.map(|id| (order.user, id));
    let client_order_ids = client_order_ids.into_iter().collect();
    state.client_order_ids = locks::used_client_order_ids(connection, client_order_ids)?;
    Ok(state)
}

/// An account that is missing is empty.
fn read_accounts(
    connection: &mut AnyConnection,
    state: &mut State,
    market: &Market,
    users: &BTreeSet<UserId>,
) -> Result<(), StoreError> {
    let assets = [market.base, market.quote];
    for user in users {
        for asset in assets {
            state.ledger.insert(AccountKey { user: *user, asset }, Account::default());
        }
    }
    let rows: Vec<AccountRow> = accounts::table
        .filter(accounts::user_id.eq_any(users.iter().map(|user| user.0)))
        .filter(accounts::asset_id.eq_any(assets.map(|asset| asset.0)))
        .select(AccountRow::as_select())
        .load(connection)?;
    for row in rows {
        let (key, account) = row.try_into()?;
        state.ledger.insert(key, account);
    }
    Ok(())
}
