//! Where REST calls go: from the settings that Laravel users know to one checked URL.
//!
//! The rules are Laravel's: a host that is set wins over the cluster, an empty value counts as
//! unset, an unset port is the scheme's. Stale values (`https` on port 80) are a well-known trap,
//! so [`Destination`] prints the final URL with its port, for the start-up log. It never contains
//! a secret.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

/// The cluster when none is named.
pub const DEFAULT_CLUSTER: &str = "mt1";

/// The raw settings, as they stand in the environment. Empty text counts as unset.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// `PUSHER_APP_CLUSTER`; [`DEFAULT_CLUSTER`] when unset. Ignored when there is a host.
    pub cluster: Option<&'a str>,
    /// `PUSHER_HOST`: a name, an IPv4 or an IPv6 address (with or without brackets).
    pub host: Option<&'a str>,
    /// `PUSHER_PORT`; the scheme's port when unset.
    pub port: Option<u16>,
    /// `PUSHER_SCHEME`: `https` (when unset) or `http`.
    pub scheme: Option<&'a str>,
    /// What stands before `/apps/…` in the path, for a provider behind a proxy. Never signed.
    pub path_prefix: Option<&'a str>,
}

/// A provider's REST address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    scheme: Scheme,
    /// As it stands in a URL: an IPv6 address has its brackets.
    host: String,
    port: u16,
    /// Empty, or starts with `/` and does not end with it.
    path_prefix: String,
}

/// How the provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// A setting that cannot be part of a URL. The text names the variable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DestinationError {
    #[error("PUSHER_SCHEME must be http or https, not {0:?}")]
    Scheme(String),
    #[error("PUSHER_PORT must not be 0")]
    Port,
    #[error(
        "PUSHER_HOST must be a host name or an address alone (no scheme, port or path), not {0:?}"
    )]
    Host(String),
    #[error("PUSHER_APP_CLUSTER must be letters, digits and hyphens (such as eu), not {0:?}")]
    Cluster(String),
    #[error("the path prefix must be a plain path such as /pusher, not {0:?}")]
    PathPrefix(String),
}

impl Destination {
    /// Decides where calls go, and refuses what would go elsewhere than it looks.
    pub fn new(settings: Settings<'_>) -> Result<Self, DestinationError> {
        let scheme = Scheme::parse(set(settings.scheme))?;
        let host = match set(settings.host) {
            Some(host) => parse_host(host)?,
            None => cluster_host(set(settings.cluster).unwrap_or(DEFAULT_CLUSTER))?,
        };
        let port = match settings.port {
            Some(0) => return Err(DestinationError::Port),
            Some(port) => port,
            None => scheme.default_port(),
        };
        let path_prefix = parse_prefix(set(settings.path_prefix).unwrap_or_default())?;
        Ok(Self { scheme, host, port, path_prefix })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as it stands in a URL: an IPv6 address has its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Empty, or starts with `/` and does not end with it.
    pub(super) fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// Whether the provider is on this machine, where no proxy can reach it.
    pub(super) fn is_local(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", self.scheme.as_str(), self.host, self.port, self.path_prefix)
    }
}

impl Scheme {
    fn parse(text: Option<&str>) -> Result<Self, DestinationError> {
        match text.map(str::to_ascii_lowercase).as_deref() {
            None | Some("https") => Ok(Self::Https),
            Some("http") => Ok(Self::Http),
            Some(other) => Err(DestinationError::Scheme(other.to_owned())),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn set(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn cluster_host(cluster: &str) -> Result<String, DestinationError> {
    if cluster.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(format!("api-{}.pusher.com", cluster.to_ascii_lowercase()))
    } else {
        Err(DestinationError::Cluster(cluster.to_owned()))
    }
}

/// The URL parser is the judge: what it takes for a host, whole and alone, is one.
fn parse_host(host: &str) -> Result<String, DestinationError> {
    let refuse = || DestinationError::Host(host.to_owned());
    let bracketed = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    if bracketed.contains(['/', '\\', '?', '#', '@', '%']) {
        return Err(refuse());
    }
    let url = Url::parse(&format!("http://{bracketed}/")).map_err(|_| refuse())?;
    let parsed = url.host_str().ok_or_else(refuse)?;
    if url.port().is_some() || bracketed.ends_with(":80") || bracketed.ends_with(':') {
        return Err(refuse());
    }
    Ok(parsed.to_owned())
}

fn parse_prefix(prefix: &str) -> Result<String, DestinationError> {
    let trimmed = prefix.trim_matches('/');
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
            && segment != "."
            && segment != ".."
    };
    if trimmed.is_empty() {
        Ok(String::new())
    } else if trimmed.split('/').all(is_plain) {
        Ok(format!("/{trimmed}"))
    } else {
        Err(DestinationError::PathPrefix(prefix.to_owned()))
    }
}
