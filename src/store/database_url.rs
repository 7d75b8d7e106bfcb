//! `DATABASE_URL`: which database, and its address.
//!
//! Messages name the invalid part of a URL and quote nothing, because it may hold a password.

use std::time::Duration;

use super::hosts::Hosts;
use super::postgres_url::{self, Location};

/// How long an attempt to connect to one host may take; one of several hosts may be gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(2);
/// Unacknowledged data closes a connection after this time: the server's host is gone.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is probed after this many seconds, and closed after three failed probes.
const KEEPALIVES: [(&str, &str); 4] = [
    ("keepalives", "1"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
];

const EXPECTED_FORM: &str = "it must be sqlite://path or postgres://…";

/// A database and its address. Parsed from `DATABASE_URL`.
#[derive(Clone)]
pub enum DatabaseUrl {
    Postgres {
        /// The whole URL. It may hold a password and is never printed.
        url: String,
        location: Location,
        hosts: Hosts,
    },
    /// The path of the file.
    Sqlite(String),
}

impl DatabaseUrl {
    /// # Errors
    /// A sentence when the scheme is neither `postgres`, `postgresql` nor `sqlite`, or a part of
    /// the URL is invalid.
    pub fn parse(url: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err("DATABASE_URL must be sqlite://path or postgres://…".to_owned());
        };
        match scheme {
            "postgres" | "postgresql" => match postgres_url::check(rest) {
                Ok(location) => {
                    let hosts = Hosts::of(url);
                    Ok(Self::Postgres { url: url.to_owned(), location, hosts })
                }
                Err(problem) => Err(format!("DATABASE_URL {problem}")),
            },
            "sqlite" if rest.is_empty() || rest == ":memory:" => {
                Err("DATABASE_URL must name a file after sqlite://".to_owned())
            }
            "sqlite" => Ok(Self::Sqlite(rest.to_owned())),
            // A scheme is quoted only if it cannot be the beginning of something else.
            scheme if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Err(format!("DATABASE_URL has the unknown scheme {scheme:?}: {EXPECTED_FORM}"))
            }
            _ => Err(format!("DATABASE_URL has an unknown scheme: {EXPECTED_FORM}")),
        }
    }
}

impl DatabaseUrl {
    /// Whether the database is on this machine.
    pub fn is_local(&self) -> bool {
        !matches!(self, Self::Postgres { location: Location::Remote, .. })
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

/// The URL with the time-outs of libpq that it does not set itself.
///
/// Without them libpq waits for ever for a server that accepts and is silent, and two hours for a
/// host that is gone.
pub(super) fn with_timeouts(url: &str, connect: Duration) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    // Commas in a user name or a password are percent-encoded or lead to a shorter time-out.
    let has_several_hosts = address.contains(',')
        || parameters.any(|(key, value)| key.starts_with("host") && value.contains(','));
    let at_most = if has_several_hosts { CONNECT_TIMEOUT_OF_SEVERAL } else { CONNECT_TIMEOUT };
    // Whole seconds, and libpq's minimum is two.
    let connect = connect.min(at_most).as_secs().max(2).to_string();
    let user = TCP_USER_TIMEOUT.as_millis().to_string();
    let timeouts = [("connect_timeout", connect.as_str()), ("tcp_user_timeout", user.as_str())];
    let is_set = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
    let missing = timeouts.into_iter().chain(KEEPALIVES).filter(|(key, _)| !is_set(key));
    let missing: Vec<String> = missing.map(|(key, value)| format!("{key}={value}")).collect();
    let separator = match url.chars().last() {
        Some('?' | '&') => "",
        _ if url.contains('?') => "&",
        _ => "?",
    };
    format!("{url}{separator}{}", missing.join("&"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DatabaseUrl, with_timeouts};

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

    #[test]
    fn time_outs_are_added_unless_the_url_sets_them() {
        let connect = Duration::from_secs(5);
        let plain = with_timeouts("postgres://db/name", connect);
        let all = "connect_timeout=5&tcp_user_timeout=10000&keepalives=1&keepalives_idle=10\
                   &keepalives_interval=5&keepalives_count=3";
        assert_eq!(plain, format!("postgres://db/name?{all}"));
        for several in ["postgres://db,other/name", "postgres:///name?host=db,other"] {
            assert!(
                with_timeouts(several, connect).contains("&connect_timeout=2&")
                    || with_timeouts(several, connect).contains("?connect_timeout=2&")
            );
        }
        let own = "postgres://db/name?connect_timeout=60&keepalives=0";
        let rest = "tcp_user_timeout=10000&keepalives_idle=10&keepalives_interval=5\
                    &keepalives_count=3";
        assert_eq!(with_timeouts(own, connect), format!("{own}&{rest}"));
    }
}
