//! Origins, as browsers send them in the header `Origin`.

use std::net::Ipv6Addr;
use std::num::NonZeroU16;

/// Normalises an origin: scheme and host in lower case, no default port. `None` if no browser sends
/// such an origin, so that it could never match: with a path, a user, a pattern or an invalid port.
pub fn normalize(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(is_scheme) {
        return None;
    }
    let host_end = authority.find(']').map_or(0, |bracket| bracket + 1);
    let port_start = authority[host_end..].find(':').map(|colon| host_end + colon);
    let (host, port) = authority.split_at(port_start.unwrap_or(authority.len()));
    let host = host.to_ascii_lowercase();
    let is_name =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    if !is_name && !is_address {
        return None;
    }
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse::<NonZeroU16>().ok()?.get()),
        None => None,
    };
    Some(match (scheme.as_str(), port) {
        ("https", Some(443)) | ("http", Some(80)) | (_, None) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}
