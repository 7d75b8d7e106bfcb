//! Users, their tokens and their sessions.

use chrono::{NaiveDateTime, TimeDelta};
use matchcast::market::UserId;
use matchcast::store::sessions::{self, Session, Token};
use matchcast::store::sign_ins::{self, SignIn};
use matchcast::store::{AnyConnection, ClientInfo, StoreError, now, users, views};

use crate::on_both;

fn create_token(c: &mut AnyConnection, token: &Token) -> Result<i64, StoreError> {
    sessions::create_token(c, token, &ClientInfo::default())
}

fn create_session(c: &mut AnyConnection, id: &str, session: &Session) -> Result<(), StoreError> {
    sessions::create_session(c, id, session, &ClientInfo::default())
}

fn in_minutes(minutes: i64) -> NaiveDateTime {
    now() + TimeDelta::minutes(minutes)
}

on_both! {
    async fn a_user_is_found_and_has_an_account_of_each_asset(database: Database) {
        let (store, shared) = database.open_store();
        let catalog = shared.current();
        let mut c = store.connect().unwrap();
        assert!(users::is_empty(&mut c).unwrap(), "house accounts do not count");
        let assets: Vec<_> = catalog.assets.keys().copied().collect();
        let mut create = |email: &str| {
            store.write(&mut c, |c| users::create(c, "Ünal", email, "hash", &assets))
        };
        let user = create("u@example.com").unwrap();
        assert!(matches!(create("u@example.com"), Err(StoreError::Duplicate(_))));
        assert!(user.id > 0 && user.email_verified_at.is_none());
        assert_eq!((user.name.as_str(), user.password.as_deref()), ("Ünal", Some("hash")));

        assert!(!users::is_empty(&mut c).unwrap());
        let found = users::by_email(&mut c, "u@example.com").unwrap().unwrap();
        assert_eq!((found.id, found.created_at), (user.id, user.created_at), "to the microsecond");
        assert_eq!(users::by_id(&mut c, user.user_id()).unwrap().unwrap().id, user.id);
        assert!(users::by_email(&mut c, "U@example.com").unwrap().is_none());
        assert!(users::by_id(&mut c, UserId(user.id + 1)).unwrap().is_none());

        let held = views::balances(&mut c, user.user_id()).unwrap();
        assert_eq!(held.len(), 3);
        assert!(held.iter().all(|held| held.available.is_zero() && held.locked.is_zero()));
        database.audit();
    }

    async fn a_password_is_replaced_only_if_it_is_still_the_old_one(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let user = store.write(&mut c, |c| users::create(c, "U", "u@x.example", "old", &[]));
        let id = user.unwrap().user_id();
        let mut password = |old: &str, new: &str| {
            let replace = |c: &mut _| users::replace_password(c, id, old, new);
            let replaced = store.write(&mut c, replace).unwrap();
            (replaced, users::by_id(&mut c, id).unwrap().unwrap().password.unwrap())
        };
        assert_eq!(password("other", "new"), (false, "old".to_owned()));
        assert_eq!(password("old", "new"), (true, "new".to_owned()));
    }

    async fn the_greatest_bcrypt_hash_of_each_version_is_found(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        assert!(users::greatest_bcrypt_hashes(&mut c).unwrap().is_empty());
        for hash in ["$2y$04$a", "$2y$12$b", "$2y$10$c", "$2a$08$d", "$argon2id$v=19$e", "plain"] {
            let email = format!("{}@x.example", hash.replace('$', "-"));
            store.write(&mut c, |c| users::create(c, "U", &email, hash, &[])).unwrap();
        }
        let mut greatest = users::greatest_bcrypt_hashes(&mut c).unwrap();
        greatest.sort();
        assert_eq!(greatest, ["$2a$08$d", "$2y$12$b"]);
    }

    async fn tokens_are_revoked_one_by_one_and_deleted_with_their_user(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let user = store.write(&mut c, |c| users::create(c, "U", "u@x.example", "hash", &[]));
        let user = user.unwrap().user_id();
        let mut create = |secret_hash: &str, expires_at| {
            let token = Token::of_log_in(user, secret_hash.to_owned(), expires_at);
            store.write(&mut c, |c| create_token(c, &token)).unwrap()
        };
        let end = in_minutes(5);
        let (first, second) = (create("aa", None), create("bb", Some(end)));
        let third = create("aa", None);
        assert!(first < second && second < third, "each token has an id of its own");
        let found = sessions::find_token(&mut c, second).unwrap().unwrap();
        assert_eq!((found.user, found.secret_hash.as_str()), (user, "bb"));
        assert_eq!(found.expires_at, Some(end), "to the microsecond");

        for revoked in [vec![first], vec![]] {
            let log_out = |c: &mut _| {
                sign_ins::log_out(c, user, &SignIn::Token(first), &Default::default())
            };
            let tokens = store.write(&mut c, log_out).unwrap().tokens;
            assert_eq!(tokens, revoked, "a token is revoked once");
        }
        assert!(sessions::find_token(&mut c, first).unwrap().is_none());
        assert!(sessions::find_token(&mut c, third).unwrap().is_some());
        database.execute(&format!("DELETE FROM users WHERE id = {user}"));
        assert!(sessions::find_token(&mut c, third).unwrap().is_none());
        let orphan = Token::of_log_in(user, "cc".to_owned(), None);
        assert!(store.write(&mut c, |c| create_token(c, &orphan)).is_err());
    }

    async fn sessions_are_valid_until_they_expire_or_end(database: Database) {
        let (store, _) = database.open_store();
        let mut c = store.connect().unwrap();
        let user = store.write(&mut c, |c| users::create(c, "U", "u@x.example", "hash", &[]));
        let user = Some(user.unwrap().user_id());
        let session = |user, minutes| {
            Session { user, state: r#"{"a":"ü"}"#.to_owned(), expires_at: in_minutes(minutes) }
        };
        let mut write = |work: &dyn Fn(&mut AnyConnection)| {
            store.write(&mut c, |c| { work(c); Ok(()) }).unwrap();
        };
        write(&|c| create_session(c, "alive", &session(user, 5)).unwrap());
        write(&|c| create_session(c, "visitor", &session(None, 5)).unwrap());
        write(&|c| create_session(c, "over", &session(user, -1)).unwrap());
        let find = |id: &str| sessions::find_session(&mut database.connect(), id).unwrap();
        let found = find("alive").unwrap();
        assert_eq!((found.user, found.state.as_str()), (user, r#"{"a":"ü"}"#));
        assert_eq!(find("visitor").unwrap().user, None);
        assert!(find("over").is_none() && find("unknown").is_none());

        write(&|c| create_session(c, "new", &session(user, 5)).unwrap());
        write(&|c| sessions::delete_session(c, "alive").unwrap());
        assert!(find("alive").is_none() && find("new").is_some());
        database.execute("DELETE FROM users WHERE id > 0");
        assert!(find("new").is_none(), "it is deleted with its user");
    }
}
