//! Demo users and their balances.

use super::fund;
use crate::auth::hash_password;
use crate::market::{AccountKey, AssetId, Fixed};
use crate::store::markets::{Catalog, QUOTE};
use crate::store::{AnyConnection, Store, StoreError, now, users};

/// The password of every demo user.
pub const PASSWORD: &str = "password";

/// A demo user, with holdings in 10⁻⁸ units.
struct DemoUser {
    name: &'static str,
    email: &'static str,
    holdings: [(&'static str, i64); 3],
}

const USERS: [DemoUser; 3] = [
    DemoUser {
        name: "Alice",
        email: "alice@example.com",
        holdings: [(QUOTE, 1_000_000_000_000), ("BTC", 50_000_000), ("ETH", 200_000_000)],
    },
    DemoUser {
        name: "Bob",
        email: "bob@example.com",
        holdings: [(QUOTE, 1_000_000_000_000), ("BTC", 100_000_000), ("ETH", 500_000_000)],
    },
    DemoUser {
        name: "Charlie",
        email: "charlie@example.com",
        holdings: [(QUOTE, 1_000_000_000_000), ("BTC", 25_000_000), ("ETH", 1_000_000_000)],
    },
];

/// E-mail addresses and passwords, for the start-up message.
pub fn log_ins() -> impl Iterator<Item = (&'static str, &'static str)> {
    USERS.iter().map(|user| (user.email, PASSWORD))
}

/// Creates the demo users and their balances, unless the database has users.
pub fn seed(
    store: &Store,
    connection: &mut AnyConnection,
    catalog: &Catalog,
) -> anyhow::Result<()> {
    if !users::is_empty(connection)? {
        return Ok(());
    }
    let hash = hash_password(PASSWORD)?;
    let seeded = store.write(connection, |connection| {
        if users::is_empty(connection)? { create_users(connection, catalog, &hash) } else { Ok(()) }
    });
    match seeded {
        // Another process was faster.
        Err(StoreError::Duplicate(_)) => Ok(()),
        seeded => Ok(seeded?),
    }
}

fn create_users(
    connection: &mut AnyConnection,
    catalog: &Catalog,
    hash: &str,
) -> Result<(), StoreError> {
    let assets: Vec<AssetId> = catalog.assets.keys().copied().collect();
    let mut deposits = Vec::new();
    for DemoUser { name, email, holdings } in &USERS {
        let user = users::create(connection, name, email, hash, &assets)?.user_id();
        // Assets without a configured market are skipped.
        deposits.extend(holdings.iter().filter_map(|(symbol, units)| {
            let account = AccountKey { user, asset: catalog.asset(symbol)? };
            Some((account, Fixed::from_units(*units)))
        }));
    }
    fund(connection, catalog, deposits.into_iter(), now())
}

/// Whether the database contains a demo user.
pub fn is_present(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    for user in &USERS {
        if users::by_email(connection, user.email)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
