//! When sign-ins are used, and by which client: to the minute, and many of them at once.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamp};
use diesel::sqlite::SqliteConnection;

use super::schema::{sessions, tokens};
use super::sign_ins::SignIn;
use super::statement::statement;
use super::{AnyConnection, ClientInfo, StoreError};

/// A use that follows another one within this time is not noted.
pub const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// A request of a sign-in.
#[derive(Clone, Debug)]
pub struct SignInUse {
    pub sign_in: SignIn,
    pub at: NaiveDateTime,
    /// Empty for a token that a user has created for a program.
    pub client: ClientInfo,
}

// The query builder has no `unnest`.
statement! {
    NoteTokens {
        ids: Vec<i64> => Array<BigInt>,
        times: Vec<NaiveDateTime> => Array<Timestamp>,
        addresses: Vec<Option<String>> => Array<Nullable<Text>>,
        user_agents: Vec<Option<String>> => Array<Nullable<Text>>,
    }
    -> (BigInt,):
    "UPDATE tokens SET last_used_at = u.used_at, address = u.address, user_agent = u.user_agent \
     FROM unnest(" [ids] ", " [times] ", " [addresses] ", " [user_agents]
    ") AS u (id, used_at, address, user_agent) WHERE tokens.id = u.id \
     AND (tokens.last_used_at IS NULL OR tokens.last_used_at <= u.used_at - INTERVAL '1 minute')"
}

statement! {
    NoteSessions {
        ids: Vec<String> => Array<Text>,
        times: Vec<NaiveDateTime> => Array<Timestamp>,
        addresses: Vec<Option<String>> => Array<Nullable<Text>>,
        user_agents: Vec<Option<String>> => Array<Nullable<Text>>,
    }
    -> (BigInt,):
    "UPDATE sessions SET last_used_at = u.used_at, address = u.address, user_agent = u.user_agent \
     FROM unnest(" [ids] ", " [times] ", " [addresses] ", " [user_agents]
    ") AS u (id, used_at, address, user_agent) WHERE sessions.id = u.id AND \
     (sessions.last_used_at IS NULL OR sessions.last_used_at <= u.used_at - INTERVAL '1 minute')"
}

/// Notes these uses, one of each sign-in at most, except those of sign-ins that were used less than
/// a minute before. Runs in a write transaction.
pub fn note(connection: &mut AnyConnection, uses: &[SignInUse]) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Postgres(c) => note_on_postgres(c, uses),
        AnyConnection::Sqlite(c) => uses.iter().try_for_each(|one| note_on_sqlite(c, one)),
    }
}

/// The columns of some uses.
struct Columns<Id> {
    ids: Vec<Id>,
    times: Vec<NaiveDateTime>,
    addresses: Vec<Option<String>>,
    user_agents: Vec<Option<String>>,
}

impl<Id: Ord> Columns<Id> {
    /// In the order of the ids, so that processes that note the same uses wait for each other.
    fn of(uses: &[SignInUse], id: impl Fn(&SignIn) -> Option<Id>) -> Self {
        let found = uses.iter().filter_map(|one| Some((id(&one.sign_in)?, one)));
        let mut found: Vec<_> = found.collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (times, clients) =
            found.iter().map(|(_, one)| (one.at, &one.client)).unzip::<_, _, _, Vec<_>>();
        let addresses = clients.iter().map(|client| client.address_text()).collect();
        let user_agents =
            clients.iter().map(|client| client.user_agent_text().map(str::to_owned)).collect();
        let ids = found.into_iter().map(|(id, _)| id).collect();
        Self { ids, times, addresses, user_agents }
    }
}

fn note_on_postgres(connection: &mut PgConnection, uses: &[SignInUse]) -> Result<(), StoreError> {
    let of_tokens = Columns::of(uses, |sign_in| match sign_in {
        SignIn::Token(id) => Some(*id),
        SignIn::Session { .. } => None,
    });
    if !of_tokens.ids.is_empty() {
        let Columns { ids, times, addresses, user_agents } = of_tokens;
        NoteTokens { ids, times, addresses, user_agents }.execute(connection)?;
    }
    let of_sessions = Columns::of(uses, |sign_in| match sign_in {
        SignIn::Token(_) => None,
        SignIn::Session { id, .. } => Some(id.clone()),
    });
    if !of_sessions.ids.is_empty() {
        let Columns { ids, times, addresses, user_agents } = of_sessions;
        NoteSessions { ids, times, addresses, user_agents }.execute(connection)?;
    }
    Ok(())
}

fn note_on_sqlite(connection: &mut SqliteConnection, one: &SignInUse) -> Result<(), StoreError> {
    let SignInUse { sign_in, at, client } = one;
    let earlier = *at - USE_INTERVAL;
    let (address, user_agent) = (client.address_text(), client.user_agent_text());
    macro_rules! note {
        ($table:ident, $id:expr) => {{
            let is_due = $table::last_used_at.is_null().or($table::last_used_at.le(earlier));
            diesel::update($table::table.filter($table::id.eq($id)).filter(is_due))
                .set((
                    $table::last_used_at.eq(at),
                    $table::address.eq(address),
                    $table::user_agent.eq(user_agent),
                ))
                .execute(connection)?
        }};
    }
    match sign_in {
        SignIn::Token(id) => note!(tokens, id),
        SignIn::Session { id, .. } => note!(sessions, id),
    };
    Ok(())
}
