//! Connections of libpq, with time-outs.

use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::StoreError;

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

/// A connection to PostgreSQL whose attempt to connect ends in time.
pub(super) fn establish(url: &str, timeout: Duration) -> Result<PgConnection, StoreError> {
    // Otherwise libpq initializes OpenSSL in a way that frees its memory when the process exits,
    // and threads of the pool that are still connecting crash the process.
    openssl_sys::init();
    PgConnection::establish(&with_timeouts(url, timeout)).map_err(unavailable)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn unavailable(error: ConnectionError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// The URL with the time-outs of libpq that it does not set itself.
///
/// Without them libpq waits for ever for a server that accepts and is silent, and two hours for a
/// host that is gone.
fn with_timeouts(url: &str, connect: Duration) -> String {
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
    use super::*;

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
