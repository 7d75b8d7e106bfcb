//! The log-ins of a user, of this version and of the previous one, and the notes of their uses.

use chrono::{NaiveDateTime, TimeDelta};
use matchcast::market::UserId;
use matchcast::store::abilities::Abilities;
use matchcast::store::api_tokens;
use matchcast::store::log_ins::{self, ActiveLogIn, Credential, Ending};
use matchcast::store::sessions::{self, Session, Token};
use matchcast::store::sign_in_uses::{self, SignInUse};
use matchcast::store::sign_ins::{self, SignIn};
use matchcast::store::views::PageRequest;
use matchcast::store::{self, AnyConnection, ClientInfo, Store, StoreError, UserAgent, now, users};

use crate::on_both;
use crate::support::database::Database;

/// What version 30 writes when a browser of user 1 logs in: a token and a session.
const LOG_IN_OF_VERSION_30: &str = r#"
    INSERT INTO tokens (user_id, secret_hash, created_at) VALUES (1, 'aa', '2026-01-01 00:00:00');
    INSERT INTO sessions (id, user_id, state, created_at, expires_at) SELECT 'page ' || id, 1,
        '{"csrf":"\"0a\"","token":"' || id || '","user":"1"}', created_at, '2100-01-01 00:00:00'
        FROM tokens ORDER BY id DESC LIMIT 1;
"#;

fn client(address: &str, user_agent: &str) -> ClientInfo {
    let user_agent = UserAgent::parse(user_agent.as_bytes());
    ClientInfo { address: Some(address.parse().unwrap()), user_agent }
}

/// A store with one user.
struct Fixture {
    store: Store,
    connection: AnyConnection,
    user: UserId,
}

impl Fixture {
    fn new(database: &Database) -> Self {
        let (store, _) = database.open_store();
        let mut connection = store.connect().unwrap();
        let create = |c: &mut _| users::create(c, "U", "u@x.example", "hash", &[]);
        let user = store.write(&mut connection, create).unwrap().user_id();
        Self { store, connection, user }
    }

    fn write<T>(&mut self, work: impl FnMut(&mut AnyConnection) -> Result<T, StoreError>) -> T {
        self.store.write(&mut self.connection, work).unwrap()
    }

    fn token(&mut self, name: Option<&str>, expires_at: Option<NaiveDateTime>) -> i64 {
        let log_in = Token::of_log_in(self.user, "aa".to_owned(), expires_at);
        let token = Token { name: name.map(str::to_owned), abilities: Abilities::ALL, ..log_in };
        let client = name.map_or_else(|| client("192.0.2.1", "curl/8"), |_| ClientInfo::default());
        self.write(|c| sessions::create_token(c, &token, &client))
    }

    /// The session of the log-in with this token.
    fn session(&mut self, token: i64, expires_at: NaiveDateTime) -> SignIn {
        let id = format!("session {token}");
        let state = format!(r#"{{"csrf":"\"0a\"","token":"{token}","user":"1"}}"#);
        let session = Session { user: Some(self.user), state, expires_at };
        assert!(self.write(|c| sign_ins::open_session(c, &id, &session, token)));
        SignIn::Session { id, token: Some(token) }
    }

    fn list(&mut self, page: PageRequest) -> (Vec<(i64, Credential)>, Option<i64>) {
        let page = log_ins::of_user(&mut self.connection, self.user, &page).unwrap();
        let rows = page.rows.iter().map(|log_in| (log_in.id, log_in.credential)).collect();
        (rows, page.next)
    }

    fn newest(&mut self) -> ActiveLogIn {
        let page = PageRequest::newest(1);
        let page = log_ins::of_user(&mut self.connection, self.user, &page).unwrap();
        page.rows.into_iter().next().expect("a log-in")
    }

    /// How many log-ins are ended, tokens revoked, and sessions revoked.
    fn end_others(&mut self, caller: &SignIn) -> Option<(usize, usize, usize)> {
        let user = self.user;
        match self.write(|c| log_ins::end_others(c, user, caller, &Default::default())) {
            Ending::Ended(ended) => {
                Some((ended.log_ins, ended.revoked.tokens.len(), ended.revoked.sessions.len()))
            }
            Ending::SignedOut => None,
        }
    }
}

on_both! {
    async fn a_log_in_lasts_as_long_as_its_token_or_its_session(database: Database) {
        use Credential::{Cookie, Token};
        let mut fixture = Fixture::new(&database);
        let (soon, over) = (now() + TimeDelta::hours(1), now() - TimeDelta::hours(1));
        let tokens: Vec<i64> = (0..6).map(|_| fixture.token(None, Some(soon))).collect();
        fixture.token(Some("bot"), None);
        fixture.token(None, Some(over));
        let ended = fixture.token(None, None);
        for token in [tokens[1], tokens[3], ended] {
            fixture.session(token, soon);
        }
        fixture.session(tokens[4], over);
        // The session outlives its token.
        let (user, log_out) = (fixture.user, SignIn::Token(ended));
        fixture.write(|c| sign_ins::log_out(c, user, &log_out, &Default::default()));
        let expected = [
            (ended, Cookie),
            (tokens[5], Token),
            (tokens[4], Token),
            (tokens[3], Cookie),
            (tokens[2], Token),
            (tokens[1], Cookie),
            (tokens[0], Token),
        ];
        for limit in [1, 2, 3, 7, 100] {
            let (mut listed, mut page) = (Vec::new(), PageRequest::newest(limit));
            loop {
                let (rows, next) = fixture.list(page);
                assert!(i64::try_from(rows.len()).unwrap() <= limit);
                listed.extend(rows);
                let Some(next) = next else { break };
                page.before = Some(next);
            }
            assert_eq!(listed, expected, "in pages of {limit}");
        }
        let none = PageRequest { to: Some(over), ..PageRequest::newest(10) };
        assert_eq!(fixture.list(none), (Vec::new(), None));
        let all = PageRequest { from: Some(over), to: Some(soon), ..PageRequest::newest(10) };
        assert_eq!(fixture.list(all).0, expected);
    }

    async fn all_other_log_ins_end_and_tokens_of_programs_remain(database: Database) {
        let mut fixture = Fixture::new(&database);
        let soon = now() + TimeDelta::hours(1);
        let bot = fixture.token(Some("bot"), None);
        let kept = fixture.token(None, None);
        let page = fixture.session(kept, soon);
        let over = fixture.token(None, Some(now() - TimeDelta::minutes(1)));
        for _ in 0..2 {
            let token = fixture.token(None, None);
            fixture.session(token, soon);
        }
        assert_eq!(fixture.end_others(&page), Some((2, 3, 2)), "the expired one does not count");
        assert!(sessions::find_token(&mut fixture.connection, over).unwrap().is_none());
        assert_eq!(fixture.end_others(&page), Some((0, 0, 0)));
        assert_eq!(fixture.list(PageRequest::newest(9)).0, [(kept, Credential::Cookie)]);
        assert_eq!(fixture.end_others(&SignIn::Token(kept)), Some((0, 0, 0)), "it is the same one");
        assert_eq!(fixture.end_others(&SignIn::Token(bot)), Some((1, 1, 1)));
        assert!(sessions::find_token(&mut fixture.connection, bot).unwrap().is_some());
        assert_eq!(fixture.end_others(&page), None, "it has ended itself");
        assert_eq!(fixture.end_others(&SignIn::Token(kept)), None);
    }

    async fn log_ins_of_the_previous_version_are_listed_and_ended(database: Database) {
        let url = database.parsed();
        for _ in 0..30 {
            store::run_next_migration(&url).unwrap();
        }
        database.execute(
            "INSERT INTO users (id, name, email, created_at, updated_at) VALUES \
             (1, 'U', 'u@x.example', '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
        );
        database.execute(LOG_IN_OF_VERSION_30);
        database.execute("INSERT INTO sessions (created_at, expires_at, id, state) VALUES \
             ('2026-01-01 00:00:00', '2100-01-01 00:00:00', \
              'visitor', '{\"csrf\":\"\\\"0a\\\"\"}'), \
             ('2026-01-01 00:00:00', '2100-01-01 00:00:00', 'broken', '')");
        assert!(store::migrate(&url).unwrap() >= 1);
        // A process of the previous version is still running.
        database.execute(LOG_IN_OF_VERSION_30);
        let (store, _) = database.open_store();
        let connection = store.connect().unwrap();
        let mut fixture = Fixture { store, connection, user: UserId(1) };
        let (log_ins, next) = fixture.list(PageRequest::newest(9));
        let [(second, Credential::Cookie), (1, Credential::Cookie)] = log_ins[..] else {
            panic!("{log_ins:?}")
        };
        assert_eq!(next, None);
        let newest = fixture.newest();
        assert_eq!((newest.last_used_at, newest.client), (None, ClientInfo::default()));
        let user = fixture.user;
        let current = SignIn::Token(1);
        let ended = fixture.write(|c| log_ins::end(c, user, &current, second, &Default::default()));
        let Ending::Ended(ended) = ended else { panic!("{ended:?}") };
        assert_eq!((ended.log_ins, ended.revoked.tokens), (1, vec![second]));
        assert_eq!(ended.revoked.sessions, [format!("page {second}")]);
    }

    async fn the_last_use_of_many_sign_ins_is_noted_once_a_minute(database: Database) {
        let mut fixture = Fixture::new(&database);
        let soon = now() + TimeDelta::hours(1);
        let (bot, first) = (fixture.token(Some("bot"), None), fixture.token(None, None));
        let second = fixture.token(None, None);
        let page = fixture.session(second, soon);
        let created = fixture.newest();
        assert_eq!(created.client, client("192.0.2.1", "curl/8"), "of the log-in");
        assert!(created.last_used_at.is_some_and(|used| used >= created.created_at));

        let sign_ins = [page, SignIn::Token(second), SignIn::Token(bot), SignIn::Token(first)];
        let note = |fixture: &mut Fixture, seconds: i64, client: &ClientInfo| {
            let at = created.created_at + TimeDelta::seconds(seconds);
            let of = |sign_in: &SignIn| {
                let is_bot = *sign_in == SignIn::Token(bot);
                let client = if is_bot { ClientInfo::default() } else { client.clone() };
                SignInUse { sign_in: sign_in.clone(), at, client }
            };
            let uses: Vec<SignInUse> = sign_ins.iter().map(of).collect();
            fixture.write(|c| sign_in_uses::note(c, &uses));
            at
        };
        let other = client("2001:db8::7", "Mozilla/5.0");
        note(&mut fixture, 59, &other);
        assert_eq!(fixture.newest().client, created.client, "within a minute");
        let noted = note(&mut fixture, 200, &other);
        let later = note(&mut fixture, 259, &client("192.0.2.9", "late"));
        assert!(later > noted);
        let page = PageRequest::newest(9);
        let listed = log_ins::of_user(&mut fixture.connection, fixture.user, &page).unwrap();
        assert_eq!(listed.rows.len(), 2);
        for log_in in listed.rows {
            assert_eq!((log_in.last_used_at, log_in.client), (Some(noted), other.clone()));
        }
        let bots = api_tokens::of_user(&mut fixture.connection, fixture.user);
        assert_eq!(bots.unwrap()[0].last_used_at, Some(noted));
    }
}
