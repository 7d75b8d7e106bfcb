//! URLs that events are posted to, and which events each of them asks for.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use parking_lot::RwLock;

use super::schema::webhook_endpoints as endpoints;
use super::{AnyConnection, StoreError, now};
use crate::events::EventKind;
use crate::market::UserId;

/// The most endpoints of a user, and of the operator.
pub const MOST_OF_OWNER: i64 = 10;

/// A URL to be registered.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    pub owner: Owner,
    pub url: String,
    pub events: Vec<EventKind>,
    /// As text, unique.
    pub secret: String,
}

/// A registered URL, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = endpoints)]
pub struct Endpoint {
    pub id: i64,
    pub url: String,
    /// The names of the events, separated by commas.
    pub events: String,
    pub created_at: NaiveDateTime,
    /// The first failure since the last success.
    pub failing_since: Option<NaiveDateTime>,
    pub disabled_at: Option<NaiveDateTime>,
    pub disabled_reason: Option<String>,
}

/// What the delivery of messages needs of an enabled endpoint.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = endpoints)]
pub struct Destination {
    pub id: i64,
    pub url: String,
    pub secret: String,
    pub previous_secret: Option<String>,
    pub previous_secret_until: Option<NaiveDateTime>,
    pub failing_since: Option<NaiveDateTime>,
}

/// Who has registered an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    User(UserId),
    /// Gets the events of all users.
    Operator,
}

/// In place of the id of a user.
const OPERATOR: i64 = 0;

impl Owner {
    fn user_id(self) -> i64 {
        match self {
            Self::User(user) => user.0,
            Self::Operator => OPERATOR,
        }
    }
}

/// The endpoint with this id, if it is the owner's.
#[diesel::dsl::auto_type(no_type_alias)]
fn one(owner: Owner, id: i64) -> _ {
    let user_id: i64 = owner.user_id();
    endpoints::table.filter(endpoints::id.eq(id)).filter(endpoints::user_id.eq(user_id))
}

/// Registers a URL; `None` if its owner has as many as are allowed. Runs in a write transaction.
pub fn create(
    connection: &mut AnyConnection,
    new: &NewEndpoint,
) -> Result<Option<Endpoint>, StoreError> {
    let of_owner = endpoints::table.filter(endpoints::user_id.eq(new.owner.user_id()));
    let count: i64 = of_owner.count().get_result(connection)?;
    if count >= MOST_OF_OWNER {
        return Ok(None);
    }
    let names: Vec<&str> = new.events.iter().map(|kind| kind.name()).collect();
    let values = (
        endpoints::user_id.eq(new.owner.user_id()),
        endpoints::url.eq(&new.url),
        endpoints::events.eq(names.join(",")),
        endpoints::secret.eq(&new.secret),
        endpoints::created_at.eq(now()),
    );
    diesel::insert_into(endpoints::table).values(values).execute(connection)?;
    let created = endpoints::table.filter(endpoints::secret.eq(&new.secret));
    Ok(Some(created.select(Endpoint::as_select()).first(connection)?))
}

/// The endpoints of an owner, oldest first.
pub fn list(connection: &mut AnyConnection, owner: Owner) -> Result<Vec<Endpoint>, StoreError> {
    let of_owner = endpoints::table.filter(endpoints::user_id.eq(owner.user_id()));
    Ok(of_owner.order(endpoints::id.asc()).select(Endpoint::as_select()).load(connection)?)
}

pub fn find(
    connection: &mut AnyConnection,
    owner: Owner,
    id: i64,
) -> Result<Option<Endpoint>, StoreError> {
    Ok(one(owner, id).select(Endpoint::as_select()).first(connection).optional()?)
}

/// Deletes an endpoint; returns whether there was one. Its messages expire.
pub fn delete(connection: &mut AnyConnection, owner: Owner, id: i64) -> Result<bool, StoreError> {
    Ok(diesel::delete(one(owner, id)).execute(connection)? > 0)
}

/// Replaces the secret; the one before signs as well until `previous_until`. Returns whether there
/// is such an endpoint. Runs in a write transaction.
pub fn rotate_secret(
    connection: &mut AnyConnection,
    owner: Owner,
    id: i64,
    secret: &str,
    previous_until: NaiveDateTime,
) -> Result<bool, StoreError> {
    let changes = (
        endpoints::previous_secret.eq(endpoints::secret.nullable()),
        endpoints::previous_secret_until.eq(previous_until),
        endpoints::secret.eq(secret),
    );
    Ok(diesel::update(one(owner, id)).set(changes).execute(connection)? > 0)
}

/// Enables a disabled endpoint again; returns whether there is such an endpoint.
pub fn enable(connection: &mut AnyConnection, owner: Owner, id: i64) -> Result<bool, StoreError> {
    let nothing = (None::<NaiveDateTime>, None::<NaiveDateTime>, None::<String>);
    let changes = (
        endpoints::failing_since.eq(nothing.0),
        endpoints::disabled_at.eq(nothing.1),
        endpoints::disabled_reason.eq(nothing.2),
    );
    Ok(diesel::update(one(owner, id)).set(changes).execute(connection)? > 0)
}

/// Posts nothing to an endpoint until its owner enables it.
pub fn disable(connection: &mut AnyConnection, id: i64, reason: &str) -> Result<(), StoreError> {
    let one = endpoints::table.find(id).filter(endpoints::disabled_at.is_null());
    let changes = (endpoints::disabled_at.eq(now()), endpoints::disabled_reason.eq(reason));
    diesel::update(one).set(changes).execute(connection)?;
    Ok(())
}

/// Notes whether the last attempt failed.
pub fn note_outcome(
    connection: &mut AnyConnection,
    id: i64,
    failed_at: Option<NaiveDateTime>,
) -> Result<(), StoreError> {
    let one = endpoints::table.filter(endpoints::id.eq(id));
    match failed_at {
        None => {
            let failing = one.filter(endpoints::failing_since.is_not_null());
            let nothing: Option<NaiveDateTime> = None;
            diesel::update(failing).set(endpoints::failing_since.eq(nothing)).execute(connection)?
        }
        Some(at) => {
            let healthy = one.filter(endpoints::failing_since.is_null());
            diesel::update(healthy).set(endpoints::failing_since.eq(at)).execute(connection)?
        }
    };
    Ok(())
}

/// The enabled endpoints.
pub fn destinations(connection: &mut AnyConnection) -> Result<Vec<Destination>, StoreError> {
    let enabled = endpoints::table.filter(endpoints::disabled_at.is_null());
    Ok(enabled.order(endpoints::id.asc()).select(Destination::as_select()).load(connection)?)
}

/// Which events are wanted by which enabled endpoints.
#[derive(Debug, Default)]
pub struct Subscriptions {
    of_users: HashMap<UserId, Vec<Subscription>>,
    of_operator: Vec<Subscription>,
}

#[derive(Debug)]
struct Subscription {
    endpoint: i64,
    events: Vec<String>,
}

impl Subscription {
    fn wants(&self, kind: EventKind) -> bool {
        self.events.iter().any(|name| name == kind.name())
    }
}

impl Subscriptions {
    pub fn is_empty(&self) -> bool {
        self.of_users.is_empty() && self.of_operator.is_empty()
    }

    /// The user's endpoints that want an event that concerns the user.
    pub fn of_user(&self, user: UserId, kind: EventKind) -> impl Iterator<Item = i64> {
        let subscriptions = self.of_users.get(&user).into_iter().flatten();
        subscriptions.filter(move |one| one.wants(kind)).map(|one| one.endpoint)
    }

    /// The operator's endpoints that want an event.
    pub fn of_operator(&self, kind: EventKind) -> impl Iterator<Item = i64> {
        self.of_operator.iter().filter(move |one| one.wants(kind)).map(|one| one.endpoint)
    }
}

/// Reads the subscriptions.
pub fn subscriptions(connection: &mut AnyConnection) -> Result<Subscriptions, StoreError> {
    let enabled = endpoints::table.filter(endpoints::disabled_at.is_null());
    let columns = (endpoints::id, endpoints::user_id, endpoints::events);
    let rows: Vec<(i64, i64, String)> = enabled.select(columns).load(connection)?;
    let mut subscriptions = Subscriptions::default();
    for (endpoint, user, events) in rows {
        let events = events.split(',').map(str::to_owned).collect();
        let of_owner = match user {
            OPERATOR => &mut subscriptions.of_operator,
            user => subscriptions.of_users.entry(UserId(user)).or_default(),
        };
        of_owner.push(Subscription { endpoint, events });
    }
    Ok(subscriptions)
}

/// The subscriptions as this process knows them. Cheap to clone.
///
/// They are read again once a second, so those that another process has changed apply within about
/// a second; a trade costs no query for them.
#[derive(Clone, Debug, Default)]
pub struct SharedSubscriptions(Arc<RwLock<Arc<Subscriptions>>>);

impl SharedSubscriptions {
    pub fn current(&self) -> Arc<Subscriptions> {
        Arc::clone(&self.0.read())
    }

    pub fn replace(&self, subscriptions: Subscriptions) {
        *self.0.write() = Arc::new(subscriptions);
    }
}
