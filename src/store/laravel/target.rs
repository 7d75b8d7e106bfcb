//! Writes the corrected staging database into an empty database of matchcast, in one transaction
//! that commits only if the audit finds nothing.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::destination::Target;
use super::error::ImportError;
use super::reading::Progress;
use super::staging::Staging;
use super::{ledger, trading};
use crate::market::AssetId;
use crate::store::markets::{self, Catalog, Listing, Listings};
use crate::store::{AnyConnection, audit, candles, now};

#[derive(QueryableByName)]
struct StagedMarket {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    symbol: String,
    #[diesel(sql_type = Text)]
    base: String,
    #[diesel(sql_type = Text)]
    quote: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Writes everything and commits, or writes nothing.
///
/// # Errors
/// [`ImportError::Refused`] if there are users, orders or money already, or the audit finds
/// something.
pub fn write(
    connection: &mut AnyConnection,
    staging: &mut Staging,
    listings: &Listings,
    progress: Progress<'_>,
) -> Result<(), ImportError> {
    connection.begin_write()?;
    match write_all(connection, staging, listings, progress) {
        Ok(()) => Ok(connection.commit()?),
        Err(error) => {
            if let Err(rollback) = connection.rollback() {
                tracing::debug!(%error, %rollback, "a transaction could not be rolled back");
            }
            Err(error)
        }
    }
}

fn write_all(
    connection: &mut AnyConnection,
    staging: &mut Staging,
    listings: &Listings,
    progress: Progress<'_>,
) -> Result<(), ImportError> {
    if let AnyConnection::Postgres(c) = connection {
        // No server that runs meanwhile adds a user.
        c.batch_execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
             LOCK TABLE users, accounts, orders IN SHARE ROW EXCLUSIVE MODE",
        )?;
    }
    refuse_unless_empty(connection)?;
    let catalog = ensure_markets(connection, staging, listings)?;
    let staged = staged_markets(staging)?;
    let mut target = Target {
        connection,
        markets: staged
            .iter()
            .filter_map(|row| Some((row.id, catalog.market(&row.symbol)?.clone())))
            .collect(),
        assets: catalog.assets.iter().map(|(AssetId(id), name)| (*id, name.clone())).collect(),
        now: now(),
        last_account: 0,
        last_entry: 0,
    };
    ledger::write(&mut target, staging, progress)?;
    trading::write_orders(&mut target, staging, progress)?;
    trading::write_trades(&mut target, staging, progress)?;
    for market in target.markets.values() {
        candles::rebuild(target.connection, market.id)?;
    }
    continue_sequences(target.connection)?;
    progress("audit", 0, 1);
    let findings = audit::run_within(target.connection)?;
    if findings.is_empty() {
        progress("audit", 1, 1);
        return Ok(());
    }
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(ImportError::Refused(format!(
        "the audit of what was imported found {} differences, so nothing was written: {}",
        findings.len(),
        findings.join("; ")
    )))
}

/// Refuses a database that has anything, with whatever schema. A server may be running on it, or it
/// may be that of the Laravel application.
pub fn refuse_unless_empty(connection: &mut AnyConnection) -> Result<(), ImportError> {
    for (table, what, condition) in [
        ("users", "users", "id > 0"),
        ("orders", "orders", "true"),
        ("trades", "trades", "true"),
        ("ledger_entries", "ledger entries", "true"),
    ] {
        let exists = count(
            connection,
            &format!("SELECT count(*) AS count FROM sqlite_master WHERE name = '{table}'"),
            &format!("SELECT count(to_regclass('{table}')) AS count"),
        )?;
        if exists == 0 {
            continue;
        }
        // The first row is enough: the tables of a running exchange are long.
        let rows = format!(
            "SELECT count(*) AS count FROM (SELECT 1 FROM {table} WHERE {condition} LIMIT 1) AS row"
        );
        if count(connection, &rows, &rows)? > 0 {
            return Err(ImportError::Refused(format!(
                "the database already has {what}; an import needs an empty one, so \
                 nothing was written"
            )));
        }
    }
    Ok(())
}

/// What one of these queries returns in its column `count`.
fn count(
    connection: &mut AnyConnection,
    sqlite: &str,
    postgres: &str,
) -> Result<i64, diesel::result::Error> {
    let Count { count } = match connection {
        AnyConnection::Sqlite(c) => diesel::sql_query(sqlite).get_result(c)?,
        AnyConnection::Postgres(c) => diesel::sql_query(postgres).get_result(c)?,
    };
    Ok(count)
}

fn staged_markets(staging: &mut Staging) -> Result<Vec<StagedMarket>, ImportError> {
    let all = diesel::sql_query("SELECT id, symbol, base, quote FROM markets ORDER BY id");
    Ok(all.load(&mut staging.connection)?)
}

/// Creates the configured markets, and those of the source.
fn ensure_markets(
    connection: &mut AnyConnection,
    staging: &mut Staging,
    listings: &Listings,
) -> Result<Catalog, ImportError> {
    let mut all = listings.markets.clone();
    for StagedMarket { symbol, base, quote, .. } in staged_markets(staging)? {
        if !all.iter().any(|listing| listing.symbol == symbol) {
            all.push(Listing { symbol, base, quote, conditions: listings.others });
        }
    }
    markets::ensure(connection, &all)?;
    let names: Vec<Name> =
        diesel::sql_query("SELECT DISTINCT asset AS name FROM holdings ORDER BY 1")
            .load(&mut staging.connection)?;
    for Name { name } in names {
        markets::ensure_asset(connection, &name)?;
    }
    Ok(markets::read(connection, listings)?)
}

/// New rows get ids after the imported ones, and PostgreSQL knows what it has.
fn continue_sequences(connection: &mut AnyConnection) -> Result<(), ImportError> {
    let AnyConnection::Postgres(c) = connection else { return Ok(()) };
    for table in ["users", "tokens", "accounts", "orders", "trades", "ledger_entries"] {
        c.batch_execute(&format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'), \
             (SELECT greatest(coalesce(max(id), 1), 1) FROM {table})); ANALYZE {table}"
        ))?;
    }
    c.batch_execute("ANALYZE candles")?;
    Ok(())
}
