//! `DATABASE_URL`: which database, and its address.
//!
//! Messages name the invalid part of a URL and quote nothing, because it may hold a password.

use super::StoreError;
use super::hosts::Hosts;
use super::pooling::KnownPooling;
use super::postgres_url::{self, Location};

/// The variable with the read replicas.
const REPLICAS: &str = "DATABASE_READ_URL";
const EXPECTED_FORM: &str = "it must be sqlite://path or postgres://…";

/// A database and its address. Parsed from `DATABASE_URL`.
#[derive(Clone)]
pub enum DatabaseUrl {
    Postgres {
        /// The whole URL. It may hold a password and is never printed.
        url: String,
        location: Location,
        hosts: Hosts,
        pooling: KnownPooling,
    },
    /// The path of the file.
    Sqlite(String),
}

impl DatabaseUrl {
    /// # Errors
    /// A sentence when the scheme is neither `postgres`, `postgresql` nor `sqlite`, or a part of
    /// the URL is invalid.
    pub fn parse(url: &str) -> Result<Self, String> {
        Self::parse_variable("DATABASE_URL", url)
    }

    /// The read replicas of a PostgreSQL database. Parsed from `DATABASE_READ_URL`.
    ///
    /// # Errors
    /// A sentence as that of [`Self::parse`].
    pub fn parse_replicas(url: &str) -> Result<Self, String> {
        match Self::parse_variable(REPLICAS, url)? {
            postgres @ Self::Postgres { .. } => Ok(postgres),
            Self::Sqlite(_) => Err(format!("{REPLICAS} must be postgres://…")),
        }
    }

    fn parse_variable(variable: &str, url: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(format!("{variable} must be sqlite://path or postgres://…"));
        };
        match scheme {
            "postgres" | "postgresql" => match postgres_url::check(rest) {
                Ok(location) => {
                    let hosts = Hosts::of(url);
                    let pooling = KnownPooling::default();
                    Ok(Self::Postgres { url: url.to_owned(), location, hosts, pooling })
                }
                Err(problem) => Err(format!("{variable} {problem}")),
            },
            "sqlite" if rest.is_empty() || rest == ":memory:" => {
                Err(format!("{variable} must name a file after sqlite://"))
            }
            "sqlite" => Ok(Self::Sqlite(rest.to_owned())),
            // A scheme is quoted only if it cannot be the beginning of something else.
            scheme if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Err(format!("{variable} has the unknown scheme {scheme:?}: {EXPECTED_FORM}"))
            }
            _ => Err(format!("{variable} has an unknown scheme: {EXPECTED_FORM}")),
        }
    }
}

impl DatabaseUrl {
    /// Whether the database is on this machine.
    pub fn is_local(&self) -> bool {
        !matches!(self, Self::Postgres { location: Location::Remote, .. })
    }

    /// Each host of the URL by itself. None of SQLite.
    pub(super) fn hosts(&self) -> Vec<Self> {
        let Self::Postgres { location, hosts, .. } = self else { return Vec::new() };
        let of_host = |url: &str| Self::Postgres {
            url: url.to_owned(),
            location: *location,
            hosts: Hosts::of(url),
            pooling: KnownPooling::default(),
        };
        hosts.urls().map(of_host).collect()
    }

    /// Finds out whether a connection pooler leads to the database. Opening a connection does so
    /// as well; this is for the errors.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] with what has to be changed, or [`StoreError::Unavailable`].
    pub fn check_pooling(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres { hosts, pooling, .. } => pooling.get(hosts).map(drop),
            Self::Sqlite(_) => Ok(()),
        }
    }
}

/// Names the database without the secrets of its URL.
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postgres { .. } => f.write_str("PostgreSQL"),
            Self::Sqlite(path) => write!(f, "SQLite at {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn valid_urls_are_accepted() {
        for rest in [
            "",
            "localhost",
            "/name",
            "app@db/name",
            "app:p%40ss%3F@db:5432/name?sslmode=require",
            "app:a:b@[::1]:5432,other:5433/name?target_session_attrs=read-write",
            "%2Fvar%2Frun/name?host=/tmp",
        ] {
            let parsed = DatabaseUrl::parse(&format!("postgres://{rest}"));
            assert!(parsed.is_ok(), "{rest}: {parsed:?}");
        }
    }

    #[test]
    fn an_invalid_part_is_named_and_not_quoted() {
        for (rest, part) in [
            ("app:s3ntinel%3&x@db/name", "password"),
            ("app:s3ntinel%@db/name", "password"),
            ("app:s3ntinel%00@db/name", "password"),
            ("app:s3ntinel%FF@db/name", "password"),
            ("app:s3nti nel@db/name", "password"),
            ("app%:x@db/s3ntinel", "user"),
            ("app:p@s3ntinel@db/name", "@"),
            ("app:s3ntinel/x@db", "@"),
            ("app:s3ntinel@db:0/name", "port"),
            ("app:s3ntinel@db:65536/name", "port"),
            ("app:s3ntinel@[::1/name", "host"),
            ("app:x@db/s3ntinel%", "database name"),
            ("app:x@db/name?s3ntinel", "parameter"),
            ("app:x@db/name?a=s3ntinel%", "parameter"),
        ] {
            let error = DatabaseUrl::parse(&format!("postgres://{rest}")).expect_err(rest);
            assert!(error.contains("DATABASE_URL") && error.contains(part), "{rest}: {error}");
            assert!(!error.contains("s3nti") && !error.contains('\n'), "{rest}: {error}");
        }
    }
}
