//! Who may call what under `/api/admin`: the rows of the table of all endpoints that are for
//! administrators, with each ability, and with tokens that are not valid.

use matchcast::store::admin_tokens::{self, NewAdminToken};
use matchcast::store::now;

use crate::access::Access::Admin;
use crate::access::{ENDPOINTS, call};
use crate::on_both;
use crate::support::admin;
use crate::support::app::TestApp;
use crate::support::client::Response;

/// Whether this is the response of a path that does not exist.
fn is_unknown_path(response: &Response) -> bool {
    response.status == 404 && response.json()["message"] == "Not found."
}

on_both! {
    async fn each_endpoint_for_administrators_requires_its_ability(database: Database) {
        let app = TestApp::start(&database).await;
        for ability in admin::ABILITIES {
            let administrator = admin::client(&app, &database, &[ability]);
            for (name, path, access) in ENDPOINTS {
                let Admin(needed) = access else { continue };
                let response = call(&administrator, name, path).await;
                let case = format!("{name} {path} with {}: {}", ability.name(), response.body);
                let is_refused =
                    response.status == 403 && response.json()["code"] == "missing_ability";
                assert_eq!(is_refused, needed.is_some_and(|needed| needed != ability), "{case}");
                assert!(![401, 405, 419, 500].contains(&response.status), "{case}");
                // A row may be unknown, but not the path.
                assert!(!is_unknown_path(&response), "{case}");
            }
        }
        app.stop();
    }

    /// For those without any token, and for users, see above.
    async fn no_endpoint_for_administrators_exists_for_an_invalid_token(database: Database) {
        let app = TestApp::start(&database).await;
        let all = admin::new_token(&admin::ABILITIES);
        let (revoked, revoked_token) = admin::create(&database, &all);
        let (store, mut connection) = (database.open_store().0, database.connect());
        store.write(&mut connection, |c| admin_tokens::revoke(c, revoked)).unwrap();
        let expired = NewAdminToken { expires_at: Some(now()), ..all.clone() };
        let addresses = vec!["192.0.2.0/24".parse().unwrap()];
        let elsewhere = NewAdminToken { addresses, ..all.clone() };
        let (_, valid) = admin::create(&database, &all);
        let mut secret = valid;
        let last = secret.pop().expect("a token has characters");
        let tokens = [
            ("revoked", revoked_token),
            ("expired", admin::create(&database, &expired).1),
            ("of another address", admin::create(&database, &elsewhere).1),
            ("without abilities", admin::create(&database, &admin::new_token(&[])).1),
            ("with another secret", format!("{secret}{}", if last == '0' { '1' } else { '0' })),
        ];
        for (kind, token) in tokens {
            let client = admin::with_token(&app, token);
            for (name, path, access) in ENDPOINTS {
                let Admin(_) = access else { continue };
                let response = call(&client, name, path).await;
                let case = format!("{name} {path} with a token that is {kind}: {}", response.body);
                assert!(is_unknown_path(&response), "{case}");
            }
        }
        app.stop();
    }
}
