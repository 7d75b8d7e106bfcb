//! `matchcast webhook`: the operator's webhooks, which get the events of all users.

use std::io::Write;
use std::process::ExitCode;

use chrono::{NaiveDateTime, TimeDelta};
use clap::Subcommand;

use super::counted;
use super::database::Database;
use super::table::{Column, table};
use crate::app::postable_events;
use crate::config::Config;
use crate::store::webhook_endpoints::{self as endpoints, NewEndpoint, Owner};
use crate::store::{now, webhook_messages};
use crate::webhooks::{Secret, Target};

#[derive(Subcommand)]
pub enum Action {
    /// List them
    List,
    /// Post events to a URL, and show the secret that signs them
    Add {
        /// The URL of the receiver, which begins with `https://`
        url: String,
        /// An event such as order.matched; may be repeated
        #[arg(long = "event", value_name = "NAME", required = true)]
        events: Vec<String>,
    },
    /// Post nothing more to a URL
    Remove { id: i64 },
    /// Enable a webhook that was disabled
    Enable { id: i64 },
    /// Replace the secret; the old one signs as well for some hours
    RotateSecret {
        id: i64,
        /// How many hours the old secret signs as well
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        overlap: u16,
    },
    /// Post the events of a period again
    Replay {
        id: i64,
        /// The beginning, in UTC, such as 2026-01-31T12:00:00
        #[arg(long)]
        from: NaiveDateTime,
        /// The end; without it, now
        #[arg(long)]
        to: Option<NaiveDateTime>,
    },
}

pub fn run(config: &Config, action: Action, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut database = Database::open(config)?;
    match action {
        Action::List => list(&mut database, out),
        Action::Add { url, events } => add(config, &mut database, url, &events, out),
        Action::Remove { id } => {
            let is_found = database.write(|c| endpoints::delete(c, Owner::Operator, id))?;
            result(out, id, is_found.then(|| format!("webhook {id} was removed")))
        }
        Action::Enable { id } => {
            let is_found = database.write(|c| endpoints::enable(c, Owner::Operator, id))?;
            result(out, id, is_found.then(|| format!("webhook {id} is enabled")))
        }
        Action::RotateSecret { id, overlap } => {
            let (secret, until) = (Secret::generate(), now() + TimeDelta::hours(overlap.into()));
            let exposed = secret.expose();
            let is_found = database
                .write(|c| endpoints::rotate_secret(c, Owner::Operator, id, &exposed, until))?;
            result(out, id, is_found.then(|| format!("the secret is {exposed}")))
        }
        Action::Replay { id, from, to } => {
            let replayed = database.write(|c| {
                if endpoints::find(c, Owner::Operator, id)?.is_none() {
                    return Ok(None);
                }
                let now = now();
                webhook_messages::replay(c, id, from, to.unwrap_or(now), now).map(Some)
            })?;
            let text = |count| format!("{} will be posted again", counted(count, "message"));
            result(out, id, replayed.map(text))
        }
    }
}

fn result(out: &mut impl Write, id: i64, text: Option<String>) -> anyhow::Result<ExitCode> {
    match text {
        Some(text) => {
            writeln!(out, "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            writeln!(out, "there is no webhook {id} of the operator")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn list(database: &mut Database, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let found = database.read(|c| endpoints::list(c, Owner::Operator))?;
    let columns =
        [Column::Right("ID"), Column::Left("URL"), Column::Left("EVENTS"), Column::Left("STATUS")];
    let rows: Vec<Vec<String>> = found
        .into_iter()
        .map(|one| {
            let status = match (one.disabled_reason, one.failing_since) {
                (Some(reason), _) => format!("disabled: {reason}"),
                (None, Some(since)) => format!("failing since {}", since.format("%F %T")),
                (None, None) => "active".to_owned(),
            };
            vec![one.id.to_string(), one.url, one.events, status]
        })
        .collect();
    out.write_all(table(&columns, &rows).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn add(
    config: &Config,
    database: &mut Database,
    url: String,
    names: &[String],
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    if let Err(error) = Target::parse(&url, config.webhooks.allow_private) {
        anyhow::bail!("the URL {error}");
    }
    let postable = postable_events(&config.events);
    let mut events = Vec::new();
    for name in names {
        let Some(kind) = postable.iter().find(|kind| kind.name() == name) else {
            let known: Vec<&str> = postable.iter().map(|kind| kind.name()).collect();
            anyhow::bail!("the event must be one of {}, not {name}", known.join(", "));
        };
        if !events.contains(kind) {
            events.push(*kind);
        }
    }
    let secret = Secret::generate().expose();
    let new = NewEndpoint { owner: Owner::Operator, url, events, secret: secret.clone() };
    let Some(created) = database.write(|c| endpoints::create(c, &new))? else {
        anyhow::bail!("there are {} webhooks of the operator already", endpoints::MOST_OF_OWNER);
    };
    writeln!(out, "webhook {} was added; its secret is {secret}", created.id)?;
    Ok(ExitCode::SUCCESS)
}
