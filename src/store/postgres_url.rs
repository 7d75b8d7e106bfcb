//! The form of a PostgreSQL URL, checked before libpq parses it.
//!
//! libpq quotes the part that it cannot parse, which may be the password or, if the password
//! contains one of `/` and `@`, looks like the host or the port. Here an error names the part and
//! contains nothing of it. So the checks are a little stricter than those of libpq.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

/// What a URL says about the place of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// On this machine. SQLite always is.
    Local,
    /// On another machine, or on one of several of which one is.
    Remote,
}

/// Checks everything after `://`: `[user[:password]@][host[:port],…][/name][?name=value&…]`.
///
/// # Errors
/// A sentence that continues "DATABASE_URL …".
pub fn check(rest: &str) -> Result<Location, String> {
    let rest = match rest.rsplit_once('@') {
        Some((user, rest)) => {
            check_user(user)?;
            rest
        }
        None => rest,
    };
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    decode(database, "database name")?;
    let mut location = Location::Local;
    for host in hosts.split(',') {
        if !is_local(&check_host(host)?) {
            location = Location::Remote;
        }
    }
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = check_parameter(parameter)?;
        if matches!(name, "host" | "hostaddr") && !value.split(',').all(is_local) {
            location = Location::Remote;
        }
    }
    Ok(location)
}

fn check_user(text: &str) -> Result<(), String> {
    // libpq ends the user's name and password at the first of these.
    if text.contains(['@', '/']) {
        return Err("has a user name or password with @ or /: write %40 for @ and %2F for /".into());
    }
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    decode(user, "user name")?;
    decode(password, "password")?;
    Ok(())
}

/// Returns the host, without its port.
fn check_host(text: &str) -> Result<String, String> {
    let host_end = text.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[host_end..].split_once(':') {
        Some((before, port)) => (&text[..host_end + before.len()], port),
        None => (text, ""),
    };
    if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err("has an invalid port, or a password without @ and a host after it".to_owned());
    }
    let host = match host.strip_prefix('[') {
        Some(address) => match address.strip_suffix(']') {
            Some(address) => address.to_owned(),
            None => return Err("has an invalid host: the closing bracket is missing".to_owned()),
        },
        None => decode(host, "host")?,
    };
    if host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/%".contains(&b)) {
        Ok(host)
    } else {
        Err("has an invalid host: only letters, digits, hyphens, dots and underscores are allowed"
            .to_owned())
    }
}

fn check_parameter(text: &str) -> Result<(&str, String), String> {
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && is_name(name) && !value.contains('=') => {
            Ok((name, decode(value, "parameter after the question mark")?))
        }
        _ => Err("has an invalid parameter: after the question mark, each must be name=value, \
                  with %3D for = and %26 for & in a value"
            .to_owned()),
    }
}

/// Decodes a part that may be percent-encoded.
fn decode(text: &str, part: &str) -> Result<String, String> {
    let is_hex = |text: Option<&str>| {
        text.is_some_and(|text| text != "00" && text.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if text.split('%').skip(1).any(|after| !is_hex(after.get(..2))) {
        return Err(format!(
            "has a {part} with an invalid percent-encoding: write %25 for a percent sign"
        ));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("has a {part} with white space: write %20 for a space"));
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(format!("has a {part} that is not UTF-8")),
    }
}

fn is_local(host: &str) -> bool {
    let is_socket = host.is_empty() || host.starts_with(['/', '@']);
    let address = host.parse::<IpAddr>();
    is_socket
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}
