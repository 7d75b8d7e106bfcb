//! Events that wait and events that were set aside: what there is, once more, never again.
//!
//! What an event says is not shown: it is the affair of those who may hear its channel.

use std::io::Write;
use std::process::ExitCode;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::table::{Column, table};
use super::{Desk, counted};
use crate::config::Config;
use crate::events::timestamp::iso;
use crate::store::now;
use crate::store::outbox::{self, SetAside, Waiting};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Tables,
    /// One object.
    Json,
}

/// What there is, oldest first.
struct Listing {
    waiting: Vec<Waiting>,
    set_aside: Vec<SetAside>,
    /// How many there are of each, listed or not.
    waiting_total: i64,
    set_aside_total: i64,
    at: NaiveDateTime,
}

/// Writes what waits and what was set aside, at most `limit` events of each kind.
pub fn list(
    config: &Config,
    limit: i64,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let listing = Desk::open(config)?.read(|connection| {
        let (waiting, set_aside) = outbox::list(connection, limit)?;
        let (waiting_total, set_aside_total) = outbox::counts(connection)?;
        Ok(Listing { waiting, set_aside, waiting_total, set_aside_total, at: now() })
    })?;
    match format {
        Format::Tables => out.write_all(listing.tables().as_bytes())?,
        Format::Json => {
            serde_json::to_writer(&mut *out, &listing.json())?;
            writeln!(out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Has an event that was set aside sent once more.
pub fn retry(config: &Config, id: i64, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if Desk::open(config)?.write(|connection| outbox::retry(connection, id))? {
        writeln!(out, "event {id} waits to be sent once more")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "there is no event {id} that was set aside")?;
    Ok(ExitCode::FAILURE)
}

/// Has all events that were set aside sent once more.
pub fn retry_all(config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match Desk::open(config)?.write(outbox::retry_all)? {
        0 => writeln!(out, "no event was set aside")?,
        1 => writeln!(out, "1 event waits to be sent once more")?,
        count => writeln!(out, "{count} events wait to be sent once more")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives up an event, wherever it is.
pub fn give_up(config: &Config, id: i64, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if Desk::open(config)?.write(|connection| outbox::drop_event(connection, id))? {
        writeln!(out, "event {id} was given up")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "there is no event {id}")?;
    Ok(ExitCode::FAILURE)
}

impl Listing {
    fn tables(&self) -> String {
        use Column::{Left, Right};
        let waiting = [
            Right("ID"),
            Left("NAME"),
            Left("CHANNEL"),
            Right("AGE"),
            Right("ATTEMPTS"),
            Right("NEXT TRY"),
            Left("LAST ANSWER"),
        ];
        let waiting_rows = self.waiting.iter().map(|event| {
            let next = event.next_try_at.filter(|next| *next > self.at);
            vec![
                event.id.to_string(),
                event.name.clone(),
                event.channel.clone(),
                span(self.at, event.created_at),
                event.attempts.to_string(),
                next.map_or_else(|| "now".to_owned(), |next| format!("in {}", span(next, self.at))),
                event.last_answer.clone().unwrap_or_default(),
            ]
        });
        let set_aside = [
            Right("ID"),
            Left("NAME"),
            Left("CHANNEL"),
            Right("AGE"),
            Right("ATTEMPTS"),
            Left("ANSWER"),
        ];
        let set_aside_rows = self.set_aside.iter().map(|event| {
            vec![
                event.id.to_string(),
                event.name.clone(),
                event.channel.clone(),
                span(self.at, event.created_at),
                event.attempts.to_string(),
                event.answer.clone(),
            ]
        });
        let verbs = ["waits", "wait"];
        let waiting = section(verbs, self.waiting_total, &waiting, waiting_rows.collect());
        let (verbs, rows) = (["was set aside", "were set aside"], set_aside_rows.collect());
        let set_aside = section(verbs, self.set_aside_total, &set_aside, rows);
        format!("{waiting}{set_aside}")
    }

    fn json(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Body {
            waiting: Vec<WaitingBody>,
            waiting_total: i64,
            set_aside: Vec<SetAsideBody>,
            set_aside_total: i64,
        }
        #[derive(Serialize)]
        struct WaitingBody {
            id: i64,
            name: String,
            channel: String,
            created_at: String,
            attempts: i32,
            next_try_at: Option<String>,
            answer: Option<String>,
        }
        #[derive(Serialize)]
        struct SetAsideBody {
            id: i64,
            name: String,
            channel: String,
            created_at: String,
            attempts: i32,
            set_aside_at: String,
            answer: String,
        }
        let waiting = self.waiting.iter().cloned().map(|event| WaitingBody {
            id: event.id,
            name: event.name,
            channel: event.channel,
            created_at: iso(event.created_at),
            attempts: event.attempts,
            next_try_at: event.next_try_at.map(iso),
            answer: event.last_answer,
        });
        let set_aside = self.set_aside.iter().cloned().map(|event| SetAsideBody {
            id: event.id,
            name: event.name,
            channel: event.channel,
            created_at: iso(event.created_at),
            attempts: event.attempts,
            set_aside_at: iso(event.set_aside_at),
            answer: event.answer,
        });
        Body {
            waiting: waiting.collect(),
            waiting_total: self.waiting_total,
            set_aside: set_aside.collect(),
            set_aside_total: self.set_aside_total,
        }
    }
}

/// A heading that says how many there are, and those that are listed. `verbs` are what one event
/// does and what several do.
fn section(verbs: [&str; 2], total: i64, columns: &[Column], rows: Vec<Vec<String>>) -> String {
    // Some may have come or gone between listing and counting.
    let total = usize::try_from(total).unwrap_or_default().max(rows.len());
    let [one, several] = verbs;
    let count = counted(total, "event");
    let heading = match rows.len() {
        0 => return format!("no event {one}\n"),
        shown if shown < total => format!("{count} {several}, the oldest {shown}:"),
        1 => format!("{count} {one}:"),
        _ => format!("{count} {several}:"),
    };
    format!("{heading}\n{}", table(columns, &rows))
}

/// The time between two moments in its largest unit that has at least two of it.
fn span(later: NaiveDateTime, earlier: NaiveDateTime) -> String {
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

    use super::{now, span};

    #[test]
    fn a_span_is_told_roughly() {
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
            assert_eq!(span(at + TimeDelta::seconds(seconds), at), expected);
        }
    }
}
