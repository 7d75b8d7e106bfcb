//! Sign-ins: how they begin and end, and when the connections are terminated.

use chrono::TimeDelta;
use matchcast::events::{ChannelPattern, EventKind};
use matchcast::market::UserId;
use matchcast::store::outbox;
use matchcast::store::sessions::{self, Session, Token};
use matchcast::store::sign_ins::{self, LogIn, PasswordChange, Revoked, SignIn};
use matchcast::store::{AnyConnection, ClientInfo, Store, now, users};

use crate::on_both;

/// A user of a database.
struct Person {
    store: Store,
    connection: AnyConnection,
    user: UserId,
}

impl Person {
    fn new(database: &crate::support::database::Database) -> Self {
        let (store, _) = database.open_store();
        let mut connection = store.connect().unwrap();
        let create = |c: &mut _| users::create(c, "U", "u@x.example", "hash", &[]);
        let user = store.write(&mut connection, create).unwrap().user_id();
        Self { store, connection, user }
    }

    fn write<T>(&mut self, work: impl Fn(&mut AnyConnection, UserId) -> T) -> T {
        let user = self.user;
        self.store.write(&mut self.connection, |c| Ok(work(c, user))).unwrap()
    }

    /// A token that is valid for so many minutes.
    fn token(&mut self, minutes: Option<i64>) -> i64 {
        let expires_at = minutes.map(|minutes| now() + TimeDelta::minutes(minutes));
        self.write(|c, user| {
            let token = Token::of_log_in(user, "aa".to_owned(), expires_at);
            sessions::create_token(c, &token, &ClientInfo::default()).unwrap()
        })
    }

    fn session(&mut self, id: &str, minutes: i64, token: i64) -> bool {
        let expires_at = now() + TimeDelta::minutes(minutes);
        self.write(|c, user| {
            let session = Session { user: Some(user), state: "{}".to_owned(), expires_at };
            sign_ins::open_session(c, id, &session, token).unwrap()
        })
    }

    fn log_out(&mut self, sign_in: &SignIn) -> Revoked {
        self.write(|c, user| sign_ins::log_out(c, user, sign_in, &Default::default()).unwrap())
    }

    /// How often the connections were terminated.
    fn terminations(&mut self) -> i64 {
        outbox::total(&mut self.connection, EventKind::TerminateConnections).unwrap()
    }
}

fn session(id: &str, token: i64) -> SignIn {
    SignIn::Session { id: id.to_owned(), token: Some(token) }
}

on_both! {
    async fn only_the_last_token_terminates_the_connections(database: Database) {
        let mut person = Person::new(&database);
        let (first, second) = (person.token(None), person.token(Some(60)));
        person.token(Some(-1));
        let revoked = person.log_out(&SignIn::Token(first));
        assert_eq!(revoked, Revoked { tokens: vec![first], sessions: vec![] });
        assert_eq!(person.terminations(), 0, "another token is valid");
        person.log_out(&SignIn::Token(second));
        assert_eq!(person.terminations(), 1, "an expired token is not valid");
        assert_eq!(person.log_out(&SignIn::Token(second)), Revoked::default());
        assert_eq!(person.terminations(), 1, "it was already revoked");
        let channel = format!("private-user.{}", person.user);
        let shards = [outbox::shard_of(&channel)];
        let event = &outbox::heads(&mut person.connection, &shards, 10).unwrap()[0];
        assert_eq!((&event.channel, &event.data), (&channel, &person.user.to_string()));
    }

    async fn connections_are_terminated_on_the_channel_of_the_users_events(database: Database) {
        let mut person = Person::new(&database);
        let token = SignIn::Token(person.token(None));
        let channels = ChannelPattern::parse("private-App.Models.User.{id}").unwrap();
        person.write(|c, user| sign_ins::log_out(c, user, &token, &channels).unwrap());
        person.write(|c, user| sign_ins::revoke_all(c, user, &channels).unwrap());
        let channel = format!("private-App.Models.User.{}", person.user);
        let shards = [outbox::shard_of(&channel)];
        let events = outbox::heads(&mut person.connection, &shards, 10).unwrap();
        let found: Vec<&str> = events.iter().map(|event| event.channel.as_str()).collect();
        assert_eq!(found, [channel.as_str(); 2]);
    }

    async fn a_user_cannot_end_the_sign_ins_of_another(database: Database) {
        let mut person = Person::new(&database);
        let token = person.token(None);
        assert!(person.session("mine", 60, token));
        let other = person.write(|c, _| users::create(c, "V", "v@x.example", "hash", &[]).unwrap());
        for sign_in in [SignIn::Token(token), session("mine", token)] {
            let log_out = |c: &mut AnyConnection, _| {
                sign_ins::log_out(c, other.user_id(), &sign_in, &Default::default()).unwrap()
            };
            assert_eq!(person.write(log_out), Revoked::default());
        }
        assert_eq!(person.terminations(), 0);
        assert!(sessions::find_token(&mut person.connection, token).unwrap().is_some());
        assert!(sessions::find_session(&mut person.connection, "mine").unwrap().is_some());
    }

    async fn logging_out_of_a_session_revokes_its_token(database: Database) {
        let mut person = Person::new(&database);
        let (first, second) = (person.token(None), person.token(None));
        assert!(person.session("first", 60, first) && person.session("second", 60, second));
        let revoked = person.log_out(&session("first", first));
        assert_eq!(revoked, Revoked { tokens: vec![first], sessions: vec!["first".to_owned()] });
        assert_eq!(person.terminations(), 0, "a token and a session remain");
        person.write(|c, _| sessions::delete_session(c, "second").unwrap());
        let third = person.token(None);
        assert!(person.session("third", 60, third));
        person.log_out(&session("third", third));
        assert_eq!(person.terminations(), 0, "a token remains");
        person.log_out(&SignIn::Token(second));
        assert_eq!(person.terminations(), 1);
    }

    async fn a_session_without_a_token_still_counts_for_sessions(database: Database) {
        let mut person = Person::new(&database);
        let mut open = |id: &str, minutes: i64| {
            let token = person.token(Some(60));
            assert!(person.session(id, minutes, token));
            token
        };
        let (first, second) = (open("first", 60), open("second", 60));
        open("over", -1);
        database.execute("UPDATE tokens SET expires_at = '2001-01-01 00:00:00'");
        person.log_out(&session("first", first));
        assert_eq!(person.terminations(), 0, "another session remains");
        person.log_out(&session("second", second));
        assert_eq!(person.terminations(), 1);
    }

    async fn a_log_in_holds_only_for_the_hash_that_was_verified(database: Database) {
        let mut person = Person::new(&database);
        let mut log_in = |verified: &str, better: Option<&str>| {
            person.write(|c, user| {
                let token = Token::of_log_in(user, "aa".to_owned(), None);
                sign_ins::log_in(c, &token, &ClientInfo::default(), verified, better).unwrap()
            })
        };
        let is_created = |log_in| matches!(log_in, LogIn::Created(_));
        assert!(is_created(log_in("hash", None)));
        assert!(is_created(log_in("hash", Some("better"))));
        assert_eq!(log_in("hash", None), LogIn::PasswordChanged);
        assert_eq!(log_in("hash", Some("worse")), LogIn::PasswordChanged);
        assert!(is_created(log_in("better", None)));
    }

    async fn a_session_is_not_written_for_a_log_in_that_was_revoked(database: Database) {
        let mut person = Person::new(&database);
        let token = person.token(None);
        assert!(person.session("in time", 60, token));
        person.write(|c, user| sign_ins::revoke_all(c, user, &Default::default()).unwrap());
        assert!(!person.session("too late", 60, token));
        for id in ["in time", "too late"] {
            assert!(sessions::find_session(&mut person.connection, id).unwrap().is_none(), "{id}");
        }
    }

    async fn changing_the_password_ends_all_other_sign_ins(database: Database) {
        let mut person = Person::new(&database);
        let (kept, other) = (person.token(None), person.token(Some(-1)));
        assert!(person.session("page", 60, kept));
        let mut change = |old: &str, kept: &SignIn| {
            person.write(|c, user| {
                sign_ins::change_password(c, user, old, "new", kept, &Default::default()).unwrap()
            })
        };
        let other_password = change("wrong", &SignIn::Token(kept));
        assert_eq!(other_password, PasswordChange::OtherPassword);
        let sessions = vec!["page".to_owned()];
        let revoked = change("hash", &SignIn::Token(kept));
        assert_eq!(revoked, PasswordChange::Changed(Revoked { tokens: vec![other], sessions }));
        assert_eq!(person.terminations(), 1);
        assert!(sessions::find_token(&mut person.connection, kept).unwrap().is_some());

        assert!(person.session("page", 60, kept));
        let asked = session("page", kept);
        let again = |c: &mut AnyConnection, user| {
            let channels = ChannelPattern::default();
            sign_ins::change_password(c, user, "new", "newer", &asked, &channels).unwrap()
        };
        let revoked = Revoked { tokens: vec![kept], sessions: vec![] };
        assert_eq!(person.write(again), PasswordChange::Changed(revoked));
        assert_eq!(person.terminations(), 2);
        let everything =
            person.write(|c, user| sign_ins::revoke_all(c, user, &Default::default()).unwrap());
        assert_eq!(everything, Revoked { tokens: vec![], sessions: vec!["page".to_owned()] });
        assert_eq!(person.terminations(), 3);
    }

    async fn of_two_concurrent_last_log_outs_one_terminates_the_connections(database: Database) {
        let mut person = Person::new(&database);
        for round in 1..=crate::support::rounds(10) {
            let tokens = [person.token(None), person.token(None)];
            let (store, user) = (&person.store, person.user);
            let start = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                for token in tokens {
                    let start = &start;
                    scope.spawn(move || {
                        let mut c = store.connect().unwrap();
                        start.wait();
                        let log_out = |c: &mut _| {
                            let (token, channels) = (SignIn::Token(token), Default::default());
                            sign_ins::log_out(c, user, &token, &channels)
                        };
                        store.write(&mut c, log_out).unwrap();
                    });
                }
            });
            assert_eq!(person.terminations(), i64::try_from(round).unwrap());
        }
    }
}
