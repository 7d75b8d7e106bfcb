//! The URL of an endpoint, and the addresses that it may lead to.

use std::io;
use std::net::SocketAddr;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// The most characters of a URL.
const MAX_URL_LEN: usize = 2048;

/// Why a URL cannot be an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("must be a URL such as https://example.com/webhooks")]
    NotAUrl,
    #[error("must not be longer than {MAX_URL_LEN} characters")]
    TooLong,
    #[error("must begin with https://")]
    NotHttps,
    #[error("must not contain a user name or a password")]
    HasCredentials,
    #[error("must not contain a fragment")]
    HasFragment,
    #[error("must lead to a public address, which {0} is not")]
    NotPublic(String),
}

/// A URL that messages may be posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// `allows_private`: without TLS, and to any address.
    pub fn parse(text: &str, allows_private: bool) -> Result<Self, TargetError> {
        if text.len() > MAX_URL_LEN {
            return Err(TargetError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| TargetError::NotAUrl)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(TargetError::NotAUrl)?.to_owned();
        match url.scheme() {
            "https" => {}
            "http" if allows_private => {}
            _ => return Err(TargetError::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::HasCredentials);
        }
        if url.fragment().is_some() {
            return Err(TargetError::HasFragment);
        }
        // The resolver is not asked for an address. Names are checked when they are resolved; this
        // one is known.
        let address = host.trim_matches(['[', ']']).parse();
        let is_private = match address {
            Ok(address) => !is_public(address),
            Err(_) => {
                let name = host.trim_end_matches('.').to_ascii_lowercase();
                name == "localhost" || name.ends_with(".localhost")
            }
        };
        if is_private && !allows_private {
            return Err(TargetError::NotPublic(host));
        }
        Ok(Self(url))
    }

    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// Resolves names to public addresses only. The client connects to the addresses that it returns,
/// so a name cannot lead elsewhere between a check and the connection.
pub struct PublicResolver {
    pub allows_private: bool,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private = self.allows_private;
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = addresses.collect();
            let private = addresses.iter().find(|address| !is_public(address.ip()));
            if let Some(private) = private.filter(|_| !allows_private) {
                let text = format!("it leads to {}, which is not a public address", private.ip());
                return Err(io::Error::other(text).into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_must_be_https_and_lead_to_a_public_address() {
        let error = |text: &str| Target::parse(text, false).map(|_| ()).unwrap_err();
        for text in ["", "example.com", "/webhooks", "https://"] {
            assert_eq!(error(text), TargetError::NotAUrl, "{text}");
        }
        for text in ["http://example.com/", "ftp://example.com/", "file://example.com/etc/passwd"] {
            assert_eq!(error(text), TargetError::NotHttps, "{text}");
        }
        assert_eq!(error("https://user@example.com/"), TargetError::HasCredentials);
        assert_eq!(error("https://:secret@example.com/"), TargetError::HasCredentials);
        assert_eq!(error("https://example.com/#part"), TargetError::HasFragment);
        assert_eq!(
            error(&format!("https://example.com/{}", "a".repeat(2048))),
            TargetError::TooLong
        );
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
        ] {
            let found = error(&format!("https://{host}:8443/webhooks"));
            assert!(matches!(found, TargetError::NotPublic(_)), "{host}: {found}");
        }
        for text in ["https://example.com/a?b=c", "https://1.1.1.1:8443", "https://[2606:4700::1]/"]
        {
            assert_eq!(Target::parse(text, false).map(|_| ()), Ok(()), "{text}");
        }
    }

    #[test]
    fn private_addresses_can_be_allowed() {
        for text in ["http://127.0.0.1:8080/", "https://localhost/", "http://[::1]/"] {
            assert!(Target::parse(text, true).is_ok(), "{text}");
        }
        assert_eq!(Target::parse("ftp://localhost/", true), Err(TargetError::NotHttps));
    }

    #[tokio::test]
    async fn a_name_is_not_resolved_to_a_private_address() {
        let resolve = |allows_private| {
            PublicResolver { allows_private }.resolve("localhost".parse().unwrap())
        };
        let error = resolve(false).await.err().expect("it is refused");
        assert!(error.to_string().contains("not a public address"), "{error}");
        assert!(resolve(true).await.unwrap().all(|address| address.ip().is_loopback()));
    }
}
