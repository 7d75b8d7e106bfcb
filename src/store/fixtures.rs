//! A database for unit tests.

use diesel::connection::SimpleConnection;

use super::markets::{Conditions, Listings, ensure};
use super::{DatabaseUrl, Store, migrate};
use crate::market::{CommissionRates, Fixed, MarketId, Rules};

/// An empty SQLite database with `connections` connections, which is deleted with the folder.
pub fn temporary(connections: u32) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
    let url = DatabaseUrl::parse(&url).expect("a valid URL");
    migrate(&url).expect("an empty database can be migrated");
    let store = Store::open(url, connections).expect("the database exists");
    (folder, store)
}

/// Creates two markets with empty books.
pub fn create_markets(store: &Store) -> [MarketId; 2] {
    let commission = CommissionRates::BySide { buyer: Fixed::ZERO, seller: Fixed::ZERO };
    let conditions = Conditions { commission, rules: Rules::NONE };
    let listings = Listings::of_symbols(&["BTC".to_owned(), "ETH".to_owned()], conditions);
    let mut connection = store.connect().expect("the database exists");
    store.write(&mut connection, |c| ensure(c, &listings.markets)).expect("the markets are new");
    [MarketId(1), MarketId(2)]
}

/// Gives the books of all markets another version.
pub fn change_books(store: &Store) {
    let mut connection = store.connect().expect("the database exists");
    let sql = "UPDATE markets SET book_version = book_version + 1";
    connection.batch_execute(sql).expect("the markets exist");
}
