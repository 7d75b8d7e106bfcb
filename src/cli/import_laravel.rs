//! `matchcast import-laravel`: moves the database of a Laravel application to matchcast.
//!
//! Without `--apply` it only reads, and reports what it would do.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::counted;
use crate::config::{Config, parse_laravel_map};
use crate::store::laravel::{Adjusted, Correction, Found, Import, Overrides};
use crate::store::{self, AnyConnection, DatabaseUrl};

/// Findings of a kind that the text shows; `--json` has all.
const EXAMPLES: i64 = 5;
/// Findings that are read at a time.
const PAGE: i64 = 1000;

#[derive(Args)]
pub struct Arguments {
    /// The database of the Laravel application: mysql://…, postgres://… or sqlite://path
    #[arg(long, value_name = "URL")]
    from: String,
    /// A TOML file that names tables and columns which are not found by themselves
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Write into the database in DATABASE_URL, which must be empty; without this, only report
    #[arg(long)]
    apply: bool,
    /// Write one JSON object with every row that does not add up
    #[arg(long)]
    json: bool,
}

/// The JSON object, up to its findings.
#[derive(Serialize)]
struct Summary<'a> {
    found: &'a [Found],
    corrections: &'a [Correction],
    adjustments: &'a [Adjusted],
    is_applied: bool,
    duration_ms: u128,
}

pub fn import_laravel(
    config: &Config,
    arguments: &Arguments,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let Arguments { from, map, apply, json } = arguments;
    let start = Instant::now();
    let overrides = match map {
        None => Overrides::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            parse_laravel_map(&text).with_context(|| format!("{}", path.display()))?
        }
    };
    if *apply && exists(&config.database) {
        Import::check_target(&mut AnyConnection::open(&config.database)?)?;
    }
    let mut bar = Bar::new();
    let listings = &config.market.listings;
    let mut import =
        Import::read(from, &overrides, listings, &mut |kind, done, all| bar.set(kind, done, all))?;
    if !json {
        bar.clear();
        write_report(&mut import, out)?;
    }
    if *apply {
        store::migrate(&config.database).context("the database cannot be migrated")?;
        let mut connection = AnyConnection::open(&config.database)?;
        import.apply(&mut connection, listings, &mut |kind, done, all| {
            bar.set(kind, done, all);
        })?;
    }
    bar.clear();
    let duration = start.elapsed();
    if *json {
        let summary = Summary {
            found: &import.found,
            corrections: &import.corrections,
            adjustments: &import.adjusted,
            is_applied: *apply,
            duration_ms: duration.as_millis(),
        };
        let summary = serde_json::to_string(&summary)?;
        write_findings(summary.trim_end_matches('}'), &mut import, out)?;
    } else if *apply {
        writeln!(out, "imported in {} s; the audit found nothing", duration.as_secs())?;
    } else {
        writeln!(out, "nothing was written; --apply imports this")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether there is a database to look at. A missing SQLite file is created by the migration.
fn exists(database: &DatabaseUrl) -> bool {
    match database {
        DatabaseUrl::Sqlite(path) => Path::new(path).exists(),
        DatabaseUrl::Postgres { .. } => true,
    }
}

/// All findings, in pages, as the last member of the object that `head` begins.
fn write_findings(head: &str, import: &mut Import, out: &mut impl Write) -> anyhow::Result<()> {
    write!(out, "{head},\"findings\":[")?;
    let mut after = 0;
    loop {
        let page = import.findings(None, after, PAGE)?;
        for finding in &page {
            let separator = if after == 0 { "" } else { "," };
            write!(out, "{separator}{}", serde_json::to_string(finding)?)?;
            after = finding.id;
        }
        if page.is_empty() {
            writeln!(out, "]}}")?;
            return Ok(());
        }
    }
}

fn write_report(import: &mut Import, out: &mut impl Write) -> anyhow::Result<()> {
    for Found { kind, table, rows, columns } in &import.found {
        let of = |(name, column): (&&str, &Option<String>)| match column {
            Some(column) if column == *name => (*name).to_owned(),
            Some(column) => format!("{name} = {column}"),
            None => format!("no {name}"),
        };
        let columns: Vec<String> = columns.iter().map(of).collect();
        let rows = counted(usize::try_from(*rows).unwrap_or_default(), "row");
        writeln!(out, "{kind}: {rows} in table {table} ({})", columns.join(", "))?;
    }
    writeln!(out)?;
    if import.corrections.is_empty() {
        writeln!(out, "everything adds up")?;
    }
    for Correction { name, correction, rows } in import.corrections.clone() {
        let count = counted(usize::try_from(rows).unwrap_or_default(), "row");
        writeln!(out, "{name}, {count}: {correction}")?;
        for finding in import.findings(Some(name), 0, EXAMPLES)? {
            writeln!(
                out,
                "    {} {}: {}",
                finding.source_table, finding.source_row, finding.detail
            )?;
        }
        if rows > EXAMPLES {
            writeln!(out, "    and {} more, see --json", rows - EXAMPLES)?;
        }
    }
    if !import.adjusted.is_empty() {
        writeln!(out, "\nledger entries migration_adjustment:")?;
    }
    for Adjusted { name, asset, entries, available, locked } in &import.adjusted {
        let entries = counted(usize::try_from(*entries).unwrap_or_default(), "entry");
        writeln!(out, "    {name}: {entries}, {available} {asset} available, {locked} locked")?;
    }
    writeln!(out)?;
    Ok(())
}

/// The progress of one kind of rows at a time, on a terminal.
struct Bar {
    kind: String,
    bar: ProgressBar,
}

impl Bar {
    fn new() -> Self {
        Self { kind: String::new(), bar: ProgressBar::hidden() }
    }

    fn set(&mut self, kind: &str, done: u64, total: u64) {
        if self.kind != kind || done == 0 {
            self.clear();
            kind.clone_into(&mut self.kind);
            if std::io::stderr().is_terminal() {
                let template = "{msg:10} {bar:40} {human_pos} of {human_len}, {eta} left";
                let style = ProgressStyle::with_template(template);
                let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
                self.bar = ProgressBar::new(total).with_style(style).with_message(kind.to_owned());
            }
        }
        self.bar.set_position(done);
    }

    fn clear(&mut self) {
        self.bar.finish_and_clear();
    }
}
