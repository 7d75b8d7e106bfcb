//! The database of a Laravel application: its tables, and their rows in pages by id.
//!
//! All pages are read in one read-only snapshot. Every value is read as a text, whatever its type
//! is in the source, so that the three databases look the same from here on.

use std::collections::BTreeMap;

use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use mysql::prelude::Queryable;

use super::error::ImportError;
use crate::store::libpq::establish;

/// Rows that are read with one query.
pub const PAGE_ROWS: usize = 5000;
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// A connection to the source, in a snapshot.
pub enum Source {
    Mysql(Box<mysql::Conn>),
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// The columns of each table.
pub type Tables = BTreeMap<String, Vec<String>>;

/// A row of the queried columns. `None` is NULL.
pub type Row = Vec<Option<String>>;

#[derive(QueryableByName)]
struct NamedColumn {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

#[derive(QueryableByName)]
struct JsonRow {
    #[diesel(sql_type = Text)]
    fields: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

impl Source {
    /// Connects, and begins the snapshot. A missing SQLite file is not created.
    ///
    /// # Errors
    /// If the scheme is unknown or the server cannot be reached.
    pub fn open(url: &str) -> Result<Self, ImportError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", ""));
        match scheme {
            "mysql" | "mariadb" => open_mysql(&format!("mysql://{rest}")),
            "postgres" | "postgresql" => {
                let mut connection = establish(url, CONNECT_TIMEOUT)?;
                connection
                    .batch_execute("SET TIME ZONE 'UTC'; SET datestyle = 'ISO'")
                    .map_err(unreadable)?;
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                AnsiTransactionManager::begin_transaction_sql(&mut connection, begin)
                    .map_err(unreadable)?;
                Ok(Self::Postgres(connection))
            }
            "sqlite" => {
                if !std::path::Path::new(rest).is_file() {
                    return Err(ImportError::Source(format!("there is no file {rest}")));
                }
                let uri = format!("file:{}?mode=ro", rest.replace('%', "%25").replace('?', "%3f"));
                let mut connection = SqliteConnection::establish(&uri)
                    .map_err(|error| ImportError::Source(error.to_string()))?;
                AnsiTransactionManager::begin_transaction_sql(&mut connection, "BEGIN")
                    .map_err(unreadable)?;
                Ok(Self::Sqlite(connection))
            }
            _ => Err(ImportError::Source(
                "the URL must be mysql://…, postgres://… or sqlite://path".to_owned(),
            )),
        }
    }

    /// The tables and their columns.
    pub fn tables(&mut self) -> Result<Tables, ImportError> {
        let rows: Vec<(String, String)> = match self {
            Self::Mysql(c) => c
                .query(
                    "SELECT table_name, column_name FROM information_schema.columns \
                     WHERE table_schema = database() ORDER BY table_name, ordinal_position",
                )
                .map_err(unreadable_mysql),
            Self::Postgres(c) => named(
                diesel::sql_query(
                    "SELECT CAST(table_name AS TEXT) AS table_name, CAST(column_name AS TEXT) AS \
                 column_name FROM information_schema.columns \
                 WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position",
                )
                .load(c),
            ),
            Self::Sqlite(c) => named(
                diesel::sql_query(
                    "SELECT m.name AS table_name, p.name AS column_name FROM sqlite_master m \
                 JOIN pragma_table_info(m.name) p WHERE m.type IN ('table', 'view') \
                 ORDER BY m.name, p.cid",
                )
                .load(c),
            ),
        }?;
        let mut tables = Tables::new();
        for (table, column) in rows {
            tables.entry(table).or_default().push(column);
        }
        Ok(tables)
    }

    /// The number of rows of a table.
    pub fn count(&mut self, table: &str) -> Result<u64, ImportError> {
        let query = format!("SELECT count(*) AS total FROM {}", self.quoted(table));
        let total = match self {
            Self::Mysql(c) => {
                let total: Option<u64> = c.query_first(query).map_err(unreadable_mysql)?;
                return Ok(total.unwrap_or_default());
            }
            Self::Postgres(c) => diesel::sql_query(query).get_result::<Count>(c),
            Self::Sqlite(c) => diesel::sql_query(query).get_result::<Count>(c),
        };
        Ok(total.map_err(unreadable)?.total.unsigned_abs())
    }

    /// The next rows of a table after the id `after`, at most [`PAGE_ROWS`]. The first column is
    /// the id.
    pub fn page(
        &mut self,
        table: &str,
        columns: &[&str],
        after: i64,
    ) -> Result<Vec<Row>, ImportError> {
        let id = self.quoted(columns.first().copied().unwrap_or("id"));
        let condition = format!(
            "FROM {} WHERE {id} > {after} ORDER BY {id} LIMIT {PAGE_ROWS}",
            self.quoted(table)
        );
        let texts: Vec<String> = columns
            .iter()
            .map(|column| {
                let column = self.quoted(column);
                match self {
                    Self::Mysql(_) => column,
                    Self::Postgres(_) => format!("CAST({column} AS TEXT)"),
                    // Its decimals are floats, of which 15 digits are certain.
                    Self::Sqlite(_) => format!(
                        "CASE typeof({column}) WHEN 'real' THEN printf('%.15g', {column}) \
                         ELSE CAST({column} AS TEXT) END"
                    ),
                }
            })
            .collect();
        let list = texts.join(", ");
        match self {
            Self::Mysql(c) => {
                let rows: Vec<mysql::Row> =
                    c.query(format!("SELECT {list} {condition}")).map_err(unreadable_mysql)?;
                let row = |row: mysql::Row| {
                    row.unwrap_raw().into_iter().map(|value| value.and_then(text)).collect()
                };
                Ok(rows.into_iter().map(row).collect())
            }
            Self::Postgres(c) => {
                let query =
                    format!("SELECT CAST(json_build_array({list}) AS TEXT) AS fields {condition}");
                json_rows(diesel::sql_query(query).load(c))
            }
            Self::Sqlite(c) => {
                let query = format!("SELECT json_array({list}) AS fields {condition}");
                json_rows(diesel::sql_query(query).load(c))
            }
        }
    }

    fn quoted(&self, name: &str) -> String {
        match self {
            Self::Mysql(_) => format!("`{}`", name.replace('`', "``")),
            Self::Postgres(_) | Self::Sqlite(_) => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }
}

fn open_mysql(url: &str) -> Result<Source, ImportError> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (modes, others): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|part| !part.is_empty())
        .partition(|part| part.starts_with("ssl-mode="));
    // The package has no parameter for it.
    let ssl = match modes.last().map(|mode| mode.to_lowercase()).as_deref() {
        None | Some("ssl-mode=disabled") => None,
        Some("ssl-mode=required") => Some(
            mysql::SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        ),
        Some("ssl-mode=verify_identity") => Some(mysql::SslOpts::default()),
        Some(_) => {
            return Err(ImportError::Source(
                "ssl-mode must be disabled, required or verify_identity".to_owned(),
            ));
        }
    };
    let options = mysql::Opts::from_url(&format!("{address}?{}", others.join("&")))
        .map_err(|_| ImportError::Source("the URL of MySQL is invalid".to_owned()))?;
    let options = mysql::OptsBuilder::from_opts(options)
        .ssl_opts(ssl)
        .tcp_connect_timeout(Some(CONNECT_TIMEOUT))
        // Otherwise a server on this machine is asked for its socket, which may be elsewhere.
        .prefer_socket(false);
    let mut connection = mysql::Conn::new(options).map_err(unreadable_mysql)?;
    // The time zone stays that of the session, as Laravel leaves it: what it wrote is read.
    connection
        .query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .and_then(|()| {
            connection.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        })
        .map_err(unreadable_mysql)?;
    Ok(Source::Mysql(Box::new(connection)))
}

fn text(value: mysql::Value) -> Option<String> {
    match value {
        mysql::Value::NULL => None,
        mysql::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        // The text protocol has no others.
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

fn named(rows: QueryResult<Vec<NamedColumn>>) -> Result<Vec<(String, String)>, ImportError> {
    let rows = rows.map_err(unreadable)?;
    Ok(rows.into_iter().map(|row| (row.table_name, row.column_name)).collect())
}

fn json_rows(rows: QueryResult<Vec<JsonRow>>) -> Result<Vec<Row>, ImportError> {
    let rows = rows.map_err(unreadable)?;
    let parsed = rows.iter().map(|row| serde_json::from_str(&row.fields));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|error| ImportError::Source(format!("a row is not text: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: diesel::result::Error) -> ImportError {
    ImportError::Source(error.to_string())
}

fn unreadable_mysql(error: mysql::Error) -> ImportError {
    ImportError::Source(match error {
        // Its text alone: the package writes the name of its own type around it.
        mysql::Error::MySqlError(refusal) => refusal.to_string(),
        other => other.to_string(),
    })
}
