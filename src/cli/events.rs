//! `matchcast events`: lists pending events and dead letters, retries and drops them.
//!
//! Payloads are never shown: they are for the subscribers of the channel only.

use std::io::Write;
use std::process::ExitCode;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::database::Database;
use super::table::{Column, table};
use super::{counted, write_json};
use crate::config::Config;
use crate::events::timestamp::iso8601;
use crate::store::admin_log::Actor;
use crate::store::now;
use crate::store::outbox::{self, DeadLetter, PendingEvent};

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lists as tables.
    Tables,
    /// One object.
    Json,
}

/// The oldest pending events and dead letters.
struct Listing {
    pending: Vec<PendingEvent>,
    dead_letters: Vec<DeadLetter>,
    /// The number of pending events, listed or not.
    pending_total: i64,
    /// The number of dead letters, listed or not.
    dead_letters_total: i64,
    at: NaiveDateTime,
}

/// Writes at most `limit` pending events and `limit` dead letters, oldest first.
pub fn list(
    config: &Config,
    limit: i64,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let listing = Database::open(config)?.read(|connection| {
        let (pending, dead_letters) = outbox::list(connection, limit)?;
        let (pending_total, dead_letters_total) = outbox::counts(connection)?;
        Ok(Listing { pending, dead_letters, pending_total, dead_letters_total, at: now() })
    })?;
    match format {
        Format::Tables => out.write_all(listing.tables().as_bytes())?,
        Format::Json => write_json(out, &listing.json())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An event that was queued again, or dropped, in JSON.
#[derive(Serialize)]
struct ChangedBody {
    id: i64,
    action: &'static str,
}

/// The number of events that were queued again, in JSON.
#[derive(Serialize)]
struct CountBody {
    count: usize,
}

/// Queues a dead letter again.
pub fn retry(
    config: &Config,
    id: i64,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    if !Database::open(config)?.write(|c| outbox::retry(c, id, &Actor::COMMAND))? {
        writeln!(out, "there is no dead letter {id}")?;
        return Ok(ExitCode::FAILURE);
    }
    match format {
        Format::Tables => writeln!(out, "event {id} is queued again")?,
        Format::Json => write_json(out, &ChangedBody { id, action: "queued" })?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Queues all dead letters again.
pub fn retry_all(
    config: &Config,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let count = Database::open(config)?.write(|c| outbox::retry_all(c, &Actor::COMMAND))?;
    match (format, count) {
        (Format::Json, count) => write_json(out, &CountBody { count })?,
        (Format::Tables, 0) => writeln!(out, "there are no dead letters")?,
        (Format::Tables, 1) => writeln!(out, "1 event is queued again")?,
        (Format::Tables, count) => writeln!(out, "{count} events are queued again")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Drops a pending event or a dead letter.
pub fn drop_event(
    config: &Config,
    id: i64,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    if !Database::open(config)?.write(|c| outbox::drop_event(c, id, &Actor::COMMAND))? {
        writeln!(out, "there is no event {id}")?;
        return Ok(ExitCode::FAILURE);
    }
    match format {
        Format::Tables => writeln!(out, "event {id} is dropped")?,
        Format::Json => write_json(out, &ChangedBody { id, action: "dropped" })?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Listing {
    fn tables(&self) -> String {
        format!("{}{}", self.pending_table(), self.dead_letters_table())
    }

    fn pending_table(&self) -> String {
        let columns = [Column::Right("NEXT ATTEMPT"), Column::Left("LAST ERROR")];
        let rows = self.pending.iter().map(|event| {
            let PendingEvent { id, name, channel, created_at, attempts, .. } = event;
            let next = event.next_attempt_at.filter(|next| *next > self.at);
            let next =
                next.map_or_else(|| "now".to_owned(), |next| format!("in {}", age(next, self.at)));
            let mut cells = self.common_cells(*id, name, channel, *created_at, *attempts);
            cells.extend([next, event.last_error.clone().unwrap_or_default()]);
            cells
        });
        section("pending event", self.pending_total, columns, rows.collect())
    }

    fn dead_letters_table(&self) -> String {
        let columns = [Column::Left("ERROR")];
        let rows = self.dead_letters.iter().map(|event| {
            let DeadLetter { id, name, channel, created_at, attempts, .. } = event;
            let mut cells = self.common_cells(*id, name, channel, *created_at, *attempts);
            cells.push(event.error.clone());
            cells
        });
        section("dead letter", self.dead_letters_total, columns, rows.collect())
    }

    /// The cells of [`COMMON_COLUMNS`].
    fn common_cells(
        &self,
        id: i64,
        name: &str,
        channel: &str,
        created_at: NaiveDateTime,
        attempts: i32,
    ) -> Vec<String> {
        let age = age(self.at, created_at);
        vec![id.to_string(), name.to_owned(), channel.to_owned(), age, attempts.to_string()]
    }

    fn json(&self) -> impl Serialize {
        ListingBody {
            pending: self.pending.iter().cloned().map(PendingEventBody::from).collect(),
            pending_total: self.pending_total,
            dead_letters: self.dead_letters.iter().cloned().map(DeadLetterBody::from).collect(),
            dead_letters_total: self.dead_letters_total,
        }
    }
}

#[derive(Serialize)]
struct ListingBody {
    pending: Vec<PendingEventBody>,
    pending_total: i64,
    dead_letters: Vec<DeadLetterBody>,
    dead_letters_total: i64,
}

#[derive(Serialize)]
struct PendingEventBody {
    id: i64,
    name: String,
    channel: String,
    created_at: String,
    attempts: i32,
    next_attempt_at: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct DeadLetterBody {
    id: i64,
    name: String,
    channel: String,
    created_at: String,
    attempts: i32,
    dead_lettered_at: String,
    error: String,
}

impl From<PendingEvent> for PendingEventBody {
    fn from(event: PendingEvent) -> Self {
        Self {
            id: event.id,
            name: event.name,
            channel: event.channel,
            created_at: iso8601(event.created_at),
            attempts: event.attempts,
            next_attempt_at: event.next_attempt_at.map(iso8601),
            error: event.last_error,
        }
    }
}

impl From<DeadLetter> for DeadLetterBody {
    fn from(event: DeadLetter) -> Self {
        Self {
            id: event.id,
            name: event.name,
            channel: event.channel,
            created_at: iso8601(event.created_at),
            attempts: event.attempts,
            dead_lettered_at: iso8601(event.dead_lettered_at),
            error: event.error,
        }
    }
}

/// The columns of pending events and dead letters alike.
const COMMON_COLUMNS: [Column; 5] = [
    Column::Right("ID"),
    Column::Left("NAME"),
    Column::Left("CHANNEL"),
    Column::Right("AGE"),
    Column::Right("ATTEMPTS"),
];

/// A heading with the total, and the listed rows under the common columns and `columns`.
fn section<const N: usize>(
    noun: &str,
    total: i64,
    columns: [Column; N],
    rows: Vec<Vec<String>>,
) -> String {
    // Events may come and go between listing and counting.
    let total = usize::try_from(total).unwrap_or_default().max(rows.len());
    let count = counted(total, noun);
    let heading = match rows.len() {
        0 => return format!("no {noun}s\n"),
        shown if shown < total => format!("{count}, the oldest {shown}:"),
        _ => format!("{count}:"),
    };
    let columns: Vec<Column> = COMMON_COLUMNS.into_iter().chain(columns).collect();
    format!("{heading}\n{}", table(&columns, &rows))
}

/// The time between two moments, in the largest unit of which there are at least two.
fn age(later: NaiveDateTime, earlier: NaiveDateTime) -> String {
    let seconds = (later - earlier).num_seconds().max(0);
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{age, now};

    #[test]
    fn an_age_is_rounded_down_to_its_largest_unit() {
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_199, "119m"),
            (7_200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (86_400 * 400, "400d"),
        ] {
            let at = now();
            assert_eq!(age(at + TimeDelta::seconds(seconds), at), expected);
        }
    }
}
