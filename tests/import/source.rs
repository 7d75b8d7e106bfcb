//! The database of a Laravel application, on one of the three servers that Laravel knows.

use diesel::connection::SimpleConnection;
use matchcast::store::{AnyConnection, DatabaseUrl};
use mysql::prelude::Queryable;

use crate::support::database::Database;
use crate::support::logs;

/// Rows of one INSERT.
const ROWS: usize = 500;

/// An empty database that is removed after the test.
pub enum Source {
    /// SQLite or PostgreSQL.
    Other(Database, Box<AnyConnection>),
    Mysql(MysqlDatabase),
}

pub struct MysqlDatabase {
    connection: mysql::Conn,
    name: String,
    url: String,
}

impl Source {
    pub fn of(database: Database) -> Self {
        let url = DatabaseUrl::parse(&database.url).unwrap();
        let connection = AnyConnection::open(&url).unwrap();
        Self::Other(database, Box::new(connection))
    }

    /// A SQLite database in which these statements were executed, for a test that reads the log.
    pub fn sqlite(statements: &[&str]) -> Self {
        logs::start();
        let mut source = Self::of(Database::sqlite());
        for statement in statements {
            source.execute(statement);
        }
        source
    }

    /// # Panics
    /// If `TEST_MYSQL_URL` is not set: a test that was requested is never skipped.
    #[cfg(feature = "mysql-tests")]
    pub fn mysql() -> Self {
        let server = std::env::var("TEST_MYSQL_URL")
            .expect("TEST_MYSQL_URL names the MySQL or MariaDB server for the tests");
        let server = server.trim_end_matches('/').to_owned();
        let name = format!("matchcast_test_{:016x}", rand::random::<u64>());
        let options = mysql::OptsBuilder::from_opts(mysql::Opts::from_url(&server).unwrap());
        let mut connection = mysql::Conn::new(options.prefer_socket(false)).unwrap();
        connection.query_drop(format!("CREATE DATABASE {name}")).unwrap();
        connection.query_drop(format!("USE {name}")).unwrap();
        let url = format!("{server}/{name}");
        Self::Mysql(MysqlDatabase { connection, name, url })
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Other(database, _) => &database.url,
            Self::Mysql(database) => &database.url,
        }
    }

    pub fn execute(&mut self, sql: &str) {
        match self {
            Self::Other(_, connection) => connection.batch_execute(sql).expect(sql),
            Self::Mysql(database) => {
                for statement in sql.split(';').filter(|part| !part.trim().is_empty()) {
                    database.connection.query_drop(statement).expect(statement);
                }
            }
        }
    }

    /// Inserts rows, each a list of SQL values.
    pub fn insert(&mut self, table: &str, rows: &[String]) {
        self.execute("BEGIN");
        for rows in rows.chunks(ROWS) {
            self.execute(&format!("INSERT INTO {table} VALUES {}", rows.join(",")));
        }
        self.execute("COMMIT");
    }

    /// The tables as Laravel's migrations create them, in short.
    pub fn create_tables(&mut self) {
        let is_sqlite = matches!(self, Self::Other(database, _) if !database.is_postgres());
        for table in TABLES {
            // Laravel's types on SQLite.
            let table = if is_sqlite {
                table
                    .replace("decimal(30,8)", "numeric")
                    .replace("decimal(20,8)", "numeric")
                    .replace("timestamp", "datetime")
            } else if matches!(self, Self::Mysql(_)) {
                table.replace("timestamp", "timestamp NULL")
            } else {
                table.to_owned()
            };
            self.execute(&table);
        }
    }
}

const TABLES: [&str; 6] = [
    "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(255), email varchar(255) UNIQUE, \
     balance decimal(30,8) DEFAULT 0, email_verified_at timestamp, password varchar(255), \
     remember_token varchar(100), created_at timestamp, updated_at timestamp)",
    "CREATE TABLE personal_access_tokens (id bigint PRIMARY KEY, tokenable_type varchar(255), \
     tokenable_id bigint, name varchar(255), token varchar(64), abilities text, \
     last_used_at timestamp, expires_at timestamp, created_at timestamp)",
    "CREATE TABLE assets (id bigint PRIMARY KEY, user_id bigint, symbol varchar(10), \
     amount decimal(20,8), locked_amount decimal(20,8))",
    "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, symbol varchar(10), \
     side varchar(4), price decimal(20,8), amount decimal(20,8), filled_amount decimal(20,8), \
     status smallint, created_at timestamp, updated_at timestamp, cancelled_at timestamp)",
    "CREATE TABLE trades (id bigint PRIMARY KEY, buy_order_id bigint, sell_order_id bigint, \
     buyer_id bigint, seller_id bigint, symbol varchar(10), price decimal(20,8), \
     amount decimal(20,8), created_at timestamp)",
    "CREATE TABLE user_balance_histories (id bigint PRIMARY KEY, user_id bigint, \
     balance decimal(20,8), action varchar(50), credit decimal(20,8), debit decimal(20,8), \
     description text, reference_type varchar(255), reference_id bigint, created_at timestamp)",
];

impl Drop for MysqlDatabase {
    fn drop(&mut self) {
        let dropped = self.connection.query_drop(format!("DROP DATABASE {}", self.name));
        if !std::thread::panicking() {
            dropped.expect("the right to drop the database");
        }
    }
}
