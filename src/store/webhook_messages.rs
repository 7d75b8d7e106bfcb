//! Events that are to be posted to webhook endpoints, and those of the last days that were.
//!
//! A message is written in the transaction that caused its event, like the events of the outbox. It
//! stays when it was delivered, so that its owner can look it up and have it delivered again.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::webhook_messages as messages;
use super::views::{Page, PageRequest};
use super::{AnyConnection, StoreError};
use crate::events::EventKind;
use crate::market::UserId;

const PENDING: i16 = 1;
const DELIVERED: i16 = 2;
const FAILED: i16 = 3;

/// The most rows of one statement: SQLite has a limit for its parameters.
const ROWS_PER_STATEMENT: usize = 500;

/// An event for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    pub endpoint: i64,
    pub kind: EventKind,
    /// `None`: the event concerns no single user.
    pub user: Option<UserId>,
    /// JSON.
    pub data: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageStatus {
    /// It is to be delivered.
    Pending,
    Delivered,
    /// It was given up.
    Failed,
}

impl MessageStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    const fn code(self) -> i16 {
        match self {
            Self::Pending => PENDING,
            Self::Delivered => DELIVERED,
            Self::Failed => FAILED,
        }
    }

    fn from_code(code: i16) -> Result<Self, StoreError> {
        match code {
            PENDING => Ok(Self::Pending),
            DELIVERED => Ok(Self::Delivered),
            FAILED => Ok(Self::Failed),
            _ => Err(StoreError::Other(format!("unknown status of a webhook message {code}"))),
        }
    }
}

/// A message to be delivered.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = messages)]
pub struct PendingMessage {
    pub id: i64,
    pub endpoint_id: i64,
    /// The name of the event.
    pub event: String,
    pub user_id: Option<i64>,
    pub data: String,
    pub created_at: NaiveDateTime,
    /// So far.
    pub attempts: i32,
}

/// A row of the log of an endpoint.
#[derive(Clone, Debug)]
pub struct LoggedMessage {
    pub id: i64,
    pub event: String,
    pub created_at: NaiveDateTime,
    pub status: MessageStatus,
    pub attempts: i32,
    pub last_attempt_at: Option<NaiveDateTime>,
    /// Of a pending message.
    pub next_attempt_at: Option<NaiveDateTime>,
    pub response_status: Option<i16>,
    pub error: Option<String>,
}

/// The result of an attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub message: i64,
    pub at: NaiveDateTime,
    pub status: MessageStatus,
    /// If it is pending still.
    pub next_attempt_at: NaiveDateTime,
    pub response_status: Option<i16>,
    pub error: Option<String>,
}

/// A message for a webhook, without its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageRow<'a> {
    pub endpoint_id: i64,
    pub event: &'a str,
    pub user_id: Option<i64>,
    pub data: &'a str,
}

impl<'a> MessageRow<'a> {
    pub fn new(message: &'a NewMessage) -> Self {
        Self {
            endpoint_id: message.endpoint,
            event: message.kind.name(),
            user_id: message.user.map(|user| user.0),
            data: &message.data,
        }
    }
}

/// Writes messages. Runs in the transaction that caused their events.
pub fn insert(
    connection: &mut AnyConnection,
    new: &[NewMessage],
    now: NaiveDateTime,
) -> Result<(), StoreError> {
    for chunk in new.chunks(ROWS_PER_STATEMENT) {
        let row = |row: MessageRow<'_>| {
            (
                messages::endpoint_id.eq(row.endpoint_id),
                messages::event.eq(row.event.to_owned()),
                messages::user_id.eq(row.user_id),
                messages::data.eq(row.data.to_owned()),
                messages::created_at.eq(now),
                messages::next_attempt_at.eq(now),
            )
        };
        let rows: Vec<_> = chunk.iter().map(MessageRow::new).map(row).collect();
        super::statement::on_connection!(connection, |c| {
            diesel::insert_into(messages::table).values(&rows).execute(c)?
        });
    }
    Ok(())
}

/// The messages of an endpoint that are due, except those in flight: the longest due first.
pub fn due(
    connection: &mut AnyConnection,
    endpoint: i64,
    now: NaiveDateTime,
    in_flight: &[i64],
    limit: i64,
) -> Result<Vec<PendingMessage>, StoreError> {
    let due = messages::table
        .filter(messages::endpoint_id.eq(endpoint))
        .filter(messages::status.eq(PENDING))
        .filter(messages::next_attempt_at.le(now))
        .filter(messages::id.ne_all(in_flight.to_vec()))
        .order((messages::next_attempt_at.asc(), messages::id.asc()))
        .limit(limit);
    Ok(due.select(PendingMessage::as_select()).load(connection)?)
}

/// Records attempts. Runs in a write transaction.
pub fn record(connection: &mut AnyConnection, attempts: &[Attempt]) -> Result<(), StoreError> {
    for attempt in attempts {
        let changes = (
            messages::status.eq(attempt.status.code()),
            messages::attempts.eq(messages::attempts + 1),
            messages::next_attempt_at.eq(attempt.next_attempt_at),
            messages::last_attempt_at.eq(attempt.at),
            messages::response_status.eq(attempt.response_status),
            messages::error.eq(attempt.error.clone()),
        );
        let pending = messages::table.find(attempt.message).filter(messages::status.eq(PENDING));
        diesel::update(pending).set(changes).execute(connection)?;
    }
    Ok(())
}

/// Whether more messages than `most` wait for an endpoint.
pub fn has_more_pending_than(
    connection: &mut AnyConnection,
    endpoint: i64,
    most: i64,
) -> Result<bool, StoreError> {
    let pending = messages::table
        .filter(messages::endpoint_id.eq(endpoint))
        .filter(messages::status.eq(PENDING))
        .select(messages::id)
        .limit(1)
        .offset(most);
    Ok(pending.first::<i64>(connection).optional()?.is_some())
}

/// A page of the messages of an endpoint, newest first.
pub fn log(
    connection: &mut AnyConnection,
    endpoint: i64,
    page: &PageRequest,
) -> Result<Page<LoggedMessage>, StoreError> {
    let columns = (
        messages::id,
        messages::event,
        messages::created_at,
        messages::status,
        messages::attempts,
        messages::last_attempt_at,
        messages::next_attempt_at,
        messages::response_status,
        messages::error,
    );
    let mut of_endpoint = messages::table
        .filter(messages::endpoint_id.eq(endpoint))
        .filter(messages::id.lt(page.before.unwrap_or(i64::MAX)))
        .order(messages::id.desc())
        .limit(page.limit_and_one())
        .select(columns)
        .into_boxed();
    if let Some(from) = page.from {
        of_endpoint = of_endpoint.filter(messages::created_at.ge(from));
    }
    if let Some(to) = page.to {
        of_endpoint = of_endpoint.filter(messages::created_at.lt(to));
    }
    let rows: Vec<LogRow> = of_endpoint.load(connection)?;
    let rows = rows.into_iter().map(LogRow::logged).collect::<Result<Vec<_>, _>>()?;
    Ok(page.cut(rows, |row| row.id))
}

#[derive(Queryable)]
struct LogRow {
    id: i64,
    event: String,
    created_at: NaiveDateTime,
    status: i16,
    attempts: i32,
    last_attempt_at: Option<NaiveDateTime>,
    next_attempt_at: NaiveDateTime,
    response_status: Option<i16>,
    error: Option<String>,
}

impl LogRow {
    fn logged(self) -> Result<LoggedMessage, StoreError> {
        let status = MessageStatus::from_code(self.status)?;
        Ok(LoggedMessage {
            id: self.id,
            event: self.event,
            created_at: self.created_at,
            status,
            attempts: self.attempts,
            last_attempt_at: self.last_attempt_at,
            next_attempt_at: (status == MessageStatus::Pending).then_some(self.next_attempt_at),
            response_status: self.response_status,
            error: self.error,
        })
    }
}

/// Has the messages of an endpoint that were created from `from` on and before `to` delivered
/// again, whatever became of them; returns their number.
pub fn replay(
    connection: &mut AnyConnection,
    endpoint: i64,
    from: NaiveDateTime,
    to: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<usize, StoreError> {
    let range = messages::table
        .filter(messages::endpoint_id.eq(endpoint))
        .filter(messages::created_at.ge(from))
        .filter(messages::created_at.lt(to));
    let changes =
        (messages::status.eq(PENDING), messages::attempts.eq(0), messages::next_attempt_at.eq(now));
    Ok(diesel::update(range).set(changes).execute(connection)?)
}
