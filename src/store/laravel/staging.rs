//! A copy of the source in a form of its own: integers of 10⁻⁸ units, codes, times in UTC.
//!
//! It is a temporary database on disk that only this connection sees and that ends with it. The
//! checks and corrections are statements on it, so that memory does not grow with the source.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::error::ImportError;
use super::kind::Kind;

const SCHEMA: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32000;
PRAGMA temp_store = FILE;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
    password TEXT, verified_at TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    is_former INTEGER NOT NULL DEFAULT 0);
CREATE TABLE tokens (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, name TEXT NOT NULL,
    hash TEXT NOT NULL, abilities INTEGER NOT NULL, created_at TEXT NOT NULL, expires_at TEXT,
    last_used_at TEXT);
-- locked: NULL if the source does not say it.
CREATE TABLE holdings (user_id INTEGER NOT NULL, asset TEXT NOT NULL, available INTEGER NOT NULL,
    locked INTEGER, source TEXT NOT NULL, source_row INTEGER NOT NULL,
    PRIMARY KEY (user_id, asset)) WITHOUT ROWID;
-- filled: as the source says. trade_*: the sums over its trades. source_reserved and reserved: by
-- the rules of the source, and by those of matchcast.
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, market INTEGER NOT NULL,
    side INTEGER NOT NULL, price INTEGER NOT NULL, amount INTEGER NOT NULL,
    filled INTEGER NOT NULL, status INTEGER NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, cancelled_at TEXT, was_open INTEGER NOT NULL,
    trade_amount INTEGER NOT NULL DEFAULT 0, trade_value INTEGER NOT NULL DEFAULT 0,
    commission INTEGER NOT NULL DEFAULT 0, prevented INTEGER NOT NULL DEFAULT 0,
    is_amended INTEGER NOT NULL DEFAULT 0, source_reserved INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL DEFAULT 0);
CREATE TABLE trades (id INTEGER PRIMARY KEY, buy_order INTEGER NOT NULL,
    sell_order INTEGER NOT NULL, buyer INTEGER NOT NULL DEFAULT 0,
    seller INTEGER NOT NULL DEFAULT 0, market INTEGER NOT NULL DEFAULT 0, price INTEGER NOT NULL,
    amount INTEGER NOT NULL, value INTEGER NOT NULL, commission INTEGER NOT NULL,
    created_at TEXT NOT NULL);
CREATE TABLE histories (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, balance INTEGER NOT NULL,
    change INTEGER NOT NULL, reference_type INTEGER, reference_id INTEGER,
    created_at TEXT NOT NULL);
CREATE TABLE markets (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, base TEXT NOT NULL,
    quote TEXT NOT NULL);
CREATE TABLE findings (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, source_table TEXT NOT NULL,
    source_row INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE TABLE adjustments (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, asset TEXT NOT NULL,
    available INTEGER NOT NULL, locked INTEGER NOT NULL, kind TEXT NOT NULL, order_id INTEGER);
CREATE INDEX adjustments_by_account ON adjustments (user_id, asset, id);
";

/// Rows of one INSERT, in bytes of its text.
const INSERT_LEN: usize = 200_000;

/// The temporary database.
pub struct Staging {
    pub connection: SqliteConnection,
}

impl Staging {
    pub fn create() -> Result<Self, ImportError> {
        // An empty name is a temporary file, which SQLite removes.
        let mut connection = SqliteConnection::establish("")
            .map_err(|error| ImportError::Source(format!("no temporary database: {error}")))?;
        connection.batch_execute(SCHEMA)?;
        connection.batch_execute("BEGIN")?;
        Ok(Self { connection })
    }

    pub fn execute(&mut self, sql: &str) -> Result<(), ImportError> {
        Ok(self.connection.batch_execute(sql)?)
    }

    pub fn number(&mut self, sql: &str) -> Result<i64, ImportError> {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }
        let query = diesel::sql_query(format!("SELECT ({sql}) AS number"));
        Ok(query.get_result::<Number>(&mut self.connection)?.number)
    }

    /// Notes the rows that a query finds; its columns are table, row and detail.
    pub fn note(&mut self, kind: Kind, query: &str) -> Result<(), ImportError> {
        let name = kind.name();
        self.execute(&format!(
            "INSERT INTO findings (kind, source_table, source_row, detail) \
             SELECT '{name}', found.* FROM ({query}) found"
        ))
    }

    /// Notes a row of the source.
    pub fn note_row(
        &mut self,
        kind: Kind,
        table: &str,
        row: i64,
        detail: &str,
    ) -> Result<(), ImportError> {
        let mut findings = Inserter::of_findings();
        findings.push_finding(self, kind, table, row, detail)?;
        findings.flush(self)
    }
}

/// Collects rows for a table and inserts many with one statement.
pub struct Inserter {
    head: &'static str,
    rows: String,
}

impl Inserter {
    /// `head` is `table (columns)`.
    pub const fn new(head: &'static str) -> Self {
        Self { head, rows: String::new() }
    }

    /// For [`Self::push_finding`].
    pub const fn of_findings() -> Self {
        Self::new("findings (kind, source_table, source_row, detail)")
    }

    /// Notes a row of the source.
    pub fn push_finding(
        &mut self,
        staging: &mut Staging,
        kind: Kind,
        table: &str,
        row: i64,
        detail: &str,
    ) -> Result<(), ImportError> {
        let (kind, row) = (Field::Text(kind.name()), Field::Number(row));
        self.push(staging, &[kind, Field::Text(table), row, Field::Text(detail)])
    }

    pub fn push(&mut self, staging: &mut Staging, fields: &[Field<'_>]) -> Result<(), ImportError> {
        self.rows.push(if self.rows.is_empty() { '(' } else { ',' });
        if self.rows.len() > 1 {
            self.rows.push('(');
        }
        for (position, field) in fields.iter().enumerate() {
            if position > 0 {
                self.rows.push(',');
            }
            field.write(&mut self.rows);
        }
        self.rows.push(')');
        if self.rows.len() > INSERT_LEN { self.flush(staging) } else { Ok(()) }
    }

    pub fn flush(&mut self, staging: &mut Staging) -> Result<(), ImportError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        staging.execute(&format!("INSERT INTO {} VALUES {rows}", self.head))
    }
}

/// A value of a row.
pub enum Field<'a> {
    Number(i64),
    Text(&'a str),
    Time(NaiveDateTime),
    Null,
}

impl<'a> Field<'a> {
    pub fn number(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Number)
    }

    pub fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }

    pub fn time(value: Option<NaiveDateTime>) -> Self {
        value.map_or(Self::Null, Self::Time)
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => {
                out.push('\'');
                // NUL would end the statement.
                out.push_str(&text.replace('\'', "''").replace('\0', ""));
                out.push('\'');
            }
            Self::Time(time) => {
                out.push('\'');
                out.push_str(&time.format("%F %T%.f").to_string());
                out.push('\'');
            }
            Self::Null => out.push_str("NULL"),
        }
    }
}
