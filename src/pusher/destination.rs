//! The address of the provider's REST API, from the settings that Laravel users know.
//!
//! The rules are Laravel's: a host takes precedence over the cluster, an empty value counts as
//! unset, and an unset port is the scheme's default. Left-over values (`https` on port 80) are a
//! common mistake, so [`Destination`] prints the complete URL with its port, for the start-up log.
//! It never contains a secret.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

/// The cluster if none is set.
pub const DEFAULT_CLUSTER: &str = "mt1";

/// The settings as they are written in the environment. Empty text counts as unset.
#[derive(Debug, Clone, Copy, Default)]
pub struct DestinationSettings<'a> {
    /// `PUSHER_APP_CLUSTER`; [`DEFAULT_CLUSTER`] if unset. Ignored if there is a host.
    pub cluster: Option<&'a str>,
    /// `PUSHER_HOST`: a name, an IPv4 or an IPv6 address (with or without brackets).
    pub host: Option<&'a str>,
    /// `PUSHER_PORT`; the scheme's default if unset.
    pub port: Option<u16>,
    /// `PUSHER_SCHEME`: `https` (the default) or `http`.
    pub scheme: Option<&'a str>,
    /// The path before `/apps/…`, for a provider behind a proxy. It is not signed.
    pub path_prefix: Option<&'a str>,
}

/// A provider's REST address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    scheme: Scheme,
    /// As written in a URL: an IPv6 address has brackets.
    host: String,
    port: u16,
    /// Empty, or starts with `/` and does not end with it.
    path_prefix: String,
}

/// Whether requests are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// A setting that is not valid in a URL. The text names the variable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DestinationError {
    #[error("PUSHER_SCHEME must be http or https, not {0:?}")]
    Scheme(String),
    #[error("PUSHER_PORT must not be 0")]
    Port,
    #[error(
        "PUSHER_HOST must be just a host name or an address (no scheme, port or path), not {0:?}"
    )]
    Host(String),
    #[error("PUSHER_APP_CLUSTER must be letters, digits and hyphens (such as eu), not {0:?}")]
    Cluster(String),
    #[error("the path prefix must be a plain path such as /pusher, not {0:?}")]
    PathPrefix(String),
}

impl Destination {
    /// Checks the settings and rejects those that would lead to another server than they name.
    pub fn new(settings: DestinationSettings<'_>) -> Result<Self, DestinationError> {
        let scheme = Scheme::parse(non_empty(settings.scheme))?;
        let host = match non_empty(settings.host) {
            Some(host) => parse_host(host)?,
            None => cluster_host(non_empty(settings.cluster).unwrap_or(DEFAULT_CLUSTER))?,
        };
        let port = match settings.port {
            Some(0) => return Err(DestinationError::Port),
            Some(port) => port,
            None => scheme.default_port(),
        };
        let path_prefix = parse_prefix(non_empty(settings.path_prefix).unwrap_or_default())?;
        Ok(Self { scheme, host, port, path_prefix })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as written in a URL: an IPv6 address has brackets.
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

    /// Whether the provider is on this machine, where a proxy could not reach it.
    pub(super) fn is_local(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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

/// The value without surrounding space, if it is not empty.
fn non_empty(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn cluster_host(cluster: &str) -> Result<String, DestinationError> {
    if cluster.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(format!("api-{}.pusher.com", cluster.to_ascii_lowercase()))
    } else {
        Err(DestinationError::Cluster(cluster.to_owned()))
    }
}

/// Accepts what the URL parser takes for a host and nothing else.
fn parse_host(host: &str) -> Result<String, DestinationError> {
    let invalid = || DestinationError::Host(host.to_owned());
    let bracketed = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    if bracketed.contains(['/', '\\', '?', '#', '@', '%']) {
        return Err(invalid());
    }
    let url = Url::parse(&format!("http://{bracketed}/")).map_err(|_| invalid())?;
    let parsed = url.host_str().ok_or_else(invalid)?;
    if url.port().is_some() || bracketed.ends_with(":80") || bracketed.ends_with(':') {
        return Err(invalid());
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
