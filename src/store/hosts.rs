//! The hosts of a PostgreSQL URL, and the order in which they are tried.
//!
//! libpq tries them in the order of the URL each time. Two kinds of servers make that expensive.
//! One that is frozen costs each attempt a time-out. One that was replaced as the leader, but still
//! runs, accepts connections whose commits wait for ever. So a host on which a call was given up,
//! or that was silent when a connection was opened, is tried after all others from then on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::StoreError;

/// An attempt to connect that has failed after this time has met a silent host.
const SILENCE: Duration = Duration::from_secs(1);
/// How long an attempt to connect to one of several hosts may take, in seconds: libpq's minimum.
const CONNECT_TIMEOUT_S: u32 = 2;
/// Parameters that name other hosts than the URL, or another order. libpq does as they say.
const OWN_HOSTS: [&str; 4] = ["host=", "hostaddr=", "port=", "load_balance_hosts="];
const OWN_ORDER: [&str; 1] = ["target_session_attrs=prefer-standby"];

/// One of the hosts of a URL.
pub struct Host {
    /// The URL with this host alone. It may hold a password and is never printed.
    url: String,
    suspected_at: Mutex<Option<Instant>>,
}

impl Host {
    /// The host does not respond, or not in time.
    pub fn suspect(&self) {
        *self.suspected_at.lock() = Some(Instant::now());
    }

    /// Whether the host was suspected after this time. A connection that is older may hang.
    pub fn was_suspected_after(&self, time: Instant) -> bool {
        self.suspected_at.lock().is_some_and(|at| at > time)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a host of DATABASE_URL")
    }
}

/// All hosts of a URL, in its order. Clones share what is known about them.
#[derive(Clone, Debug)]
pub struct Hosts(Arc<[Arc<Host>]>);

impl Hosts {
    /// The hosts of a URL with a scheme. It is one host for libpq if the URL itself says how to
    /// choose among several.
    pub fn of(url: &str) -> Self {
        let urls = split(url).unwrap_or_else(|| vec![url.to_owned()]);
        let host = |url| Arc::new(Host { url, suspected_at: Mutex::new(None) });
        Self(urls.into_iter().map(host).collect())
    }

    /// A URL for each host.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|host| host.url.as_str())
    }

    /// Opens a connection to the first host for which `open` succeeds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the causes of all hosts.
    pub fn connect<T>(
        &self,
        mut open: impl FnMut(&str) -> Result<T, StoreError>,
    ) -> Result<(T, Arc<Host>), StoreError> {
        let mut causes = Vec::new();
        for host in self.in_order() {
            let started = Instant::now();
            match open(&host.url) {
                Ok(connection) => return Ok((connection, host)),
                Err(StoreError::Unavailable(cause)) => causes.push(cause),
                Err(error) => return Err(error),
            }
            if started.elapsed() >= SILENCE {
                host.suspect();
            }
        }
        Err(StoreError::Unavailable(causes.join("\n")))
    }

    /// Those that were never suspected, in the order of the URL, and then the others, the one that
    /// was suspected last at the end.
    fn in_order(&self) -> Vec<Arc<Host>> {
        let mut hosts = self.0.to_vec();
        hosts.sort_by_cached_key(|host| *host.suspected_at.lock());
        hosts
    }
}

/// The URLs of single hosts. `None`: there is one, or libpq has to choose.
fn split(url: &str) -> Option<Vec<String>> {
    let (scheme, rest) = url.split_once("://")?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, address) = match address.rsplit_once('@') {
        Some((user, address)) => (format!("{user}@"), address),
        None => (String::new(), address),
    };
    let (hosts, name) = address.split_once('/').unwrap_or((address, ""));
    let chooses = |parameter: &str| {
        OWN_HOSTS.iter().any(|own| parameter.starts_with(own)) || OWN_ORDER.contains(&parameter)
    };
    if !hosts.contains(',') || query.split('&').any(chooses) {
        return None;
    }
    let has_timeout = query.split('&').any(|parameter| parameter.starts_with("connect_timeout="));
    let timeout = format!("connect_timeout={CONNECT_TIMEOUT_S}");
    let own = (!has_timeout).then_some(timeout.as_str());
    let parameters: Vec<&str> = [query].into_iter().filter(|q| !q.is_empty()).chain(own).collect();
    let parameters = parameters.join("&");
    let url_of = |host| format!("{scheme}://{user}{host}/{name}?{parameters}");
    Some(hosts.split(',').map(url_of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(url: &str) -> Vec<String> {
        Hosts::of(url).0.iter().map(|host| host.url.clone()).collect()
    }

    #[test]
    fn each_host_has_a_url() {
        let several = "postgres://app:a%2Cb@one:5501,[::1]:5502,three/name\
                       ?target_session_attrs=read-write&connect_timeout=7";
        let query = "name?target_session_attrs=read-write&connect_timeout=7";
        let expected = ["one:5501", "[::1]:5502", "three"];
        let expected = expected.map(|host| format!("postgres://app:a%2Cb@{host}/{query}"));
        assert_eq!(urls(several), expected);
        let expected = ["one", "two"].map(|host| format!("postgres://{host}/?connect_timeout=2"));
        assert_eq!(urls("postgres://one,two"), expected);
    }

    #[test]
    fn libpq_chooses_if_the_url_says_how() {
        for url in [
            "postgres://one/name",
            "postgres:///name?host=one,two",
            "postgres://one,two/name?hostaddr=192.0.2.1,192.0.2.2",
            "postgres://one,two/name?load_balance_hosts=random",
            "postgres://one,two/name?target_session_attrs=prefer-standby",
        ] {
            assert_eq!(urls(url), [url]);
        }
    }

    /// The names of the hosts that were tried until one has accepted.
    fn tried(hosts: &Hosts, accepts: &str) -> Vec<String> {
        let mut tried = Vec::new();
        let outcome = hosts.connect(|url| {
            let (_, rest) = url.split_once("://").expect("a URL");
            let (name, _) = rest.split_once('/').expect("a URL with a database");
            tried.push(name.to_owned());
            let refused = || StoreError::Unavailable(format!("{name} refuses"));
            if name == accepts { Ok(()) } else { Err(refused()) }
        });
        match outcome {
            Ok(_) => assert_eq!(tried.last().map(String::as_str), Some(accepts)),
            Err(StoreError::Unavailable(causes)) => {
                assert!(tried.iter().all(|name| causes.contains(&format!("{name} refuses"))));
            }
            Err(error) => panic!("{error}"),
        }
        tried
    }

    #[test]
    fn a_host_that_was_suspected_is_tried_after_the_others() {
        let hosts = Hosts::of("postgres://one,two,three/name");
        assert_eq!(tried(&hosts, "two"), ["one", "two"]);
        hosts.0[0].suspect();
        assert_eq!(tried(&hosts, "none"), ["two", "three", "one"]);
        hosts.0[1].suspect();
        assert_eq!(tried(&hosts, "none"), ["three", "one", "two"]);
    }

    #[test]
    fn only_older_connections_of_a_suspected_host_may_hang() {
        let hosts = Hosts::of("postgres://one/name");
        let ((), host) = hosts.connect(|_| Ok(())).unwrap();
        let before = Instant::now();
        assert!(!host.was_suspected_after(before));
        host.suspect();
        assert!(host.was_suspected_after(before));
        assert!(!host.was_suspected_after(Instant::now()));
    }
}
