//! The client that uses a sign-in, as far as the server knows it.

use std::net::IpAddr;

/// Where a sign-in is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// `None`: unknown.
    pub address: Option<IpAddr>,
    /// `None`: the client does not name itself.
    pub user_agent: Option<UserAgent>,
}

impl ClientInfo {
    /// From the columns of a row.
    pub(super) fn of_row(address: Option<&str>, user_agent: Option<&str>) -> Self {
        let address = address.and_then(|text| text.parse().ok());
        let user_agent = user_agent.and_then(|text| UserAgent::parse(text.as_bytes()));
        Self { address, user_agent }
    }

    /// The column `address`.
    pub(super) fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// The column `user_agent`.
    pub(super) fn user_agent_text(&self) -> Option<&str> {
        self.user_agent.as_ref().map(UserAgent::as_str)
    }
}

/// What a client calls itself: 1 to [`Self::MAX_LEN`] printable ASCII characters, which neither
/// control a terminal nor change the direction of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    pub const MAX_LEN: usize = 255;

    /// Leaves out what is not printable, and what is too long. `None` if nothing is left.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let printable = header.iter().filter(|byte| matches!(byte, b' '..=b'~'));
        let text: String = printable.map(|byte| char::from(*byte)).collect();
        let text = text.trim();
        let text = text.get(..Self::MAX_LEN).unwrap_or(text).trim_end();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientInfo, UserAgent};

    #[test]
    fn a_user_agent_is_short_and_printable() {
        let long = "x".repeat(300);
        let spaced = format!("{} tail", "x".repeat(254));
        for (header, expected) in [
            ("curl/8.5.0", Some("curl/8.5.0")),
            ("  curl/8.5.0 ", Some("curl/8.5.0")),
            ("a\tb\u{1b}[31mc\u{7f}", Some("ab[31mc")),
            ("\u{202e}evil\u{feff}", Some("evil")),
            ("Größe", Some("Gre")),
            ("", None),
            (" \t ", None),
            ("\u{e9}", None),
            (&long, Some(&long[..255])),
            (&spaced, Some(&spaced[..254])),
        ] {
            let parsed = UserAgent::parse(header.as_bytes());
            assert_eq!(parsed.as_ref().map(UserAgent::as_str), expected, "{header:?}");
        }
    }

    #[test]
    fn a_client_is_read_as_it_was_written() {
        for (address, user_agent) in
            [(None, None), (Some("192.0.2.1"), Some("curl/8.5.0")), (Some("2001:db8::1"), None)]
        {
            let client = ClientInfo::of_row(address, user_agent);
            assert_eq!(client.address_text().as_deref(), address);
            assert_eq!(client.user_agent_text(), user_agent);
        }
        assert_eq!(ClientInfo::of_row(Some("unknown"), Some("")), ClientInfo::default());
    }
}
