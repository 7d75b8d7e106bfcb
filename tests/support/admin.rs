//! Administrators of the tests.

use matchcast::auth::AdminSecret;
use matchcast::store::admin_tokens::{self, AdminAbility, NewAdminToken};

use super::app::TestApp;
use super::client::Client;
use super::database::Database;
use super::logs;

/// The abilities of administrators.
pub const ABILITIES: [AdminAbility; 4] = AdminAbility::ALL;

/// A token that may be used from everywhere and does not expire.
pub fn new_token(abilities: &[AdminAbility]) -> NewAdminToken {
    let abilities = abilities.iter().copied().collect();
    NewAdminToken { name: "tests".to_owned(), abilities, addresses: Vec::new(), expires_at: None }
}

/// Stores a token; returns its id and its text.
pub fn create(database: &Database, token: &NewAdminToken) -> (i64, String) {
    let secret = AdminSecret::generate();
    let (store, mut connection) = (database.open_store().0, database.connect());
    let created = store.write(&mut connection, |c| admin_tokens::create(c, token, &secret.hash()));
    let id = created.expect("a token is created").id;
    let text = secret.issued(id);
    logs::record_secret(text.split_once('|').expect("a token").1);
    (id, text)
}

/// A client with a new token that has these abilities.
pub fn client(app: &TestApp, database: &Database, abilities: &[AdminAbility]) -> Client {
    let (_, token) = create(database, &new_token(abilities));
    with_token(app, token)
}

pub fn with_token(app: &TestApp, token: String) -> Client {
    let mut client = app.visitor();
    client.token = Some(token);
    client
}
