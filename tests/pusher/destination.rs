//! Settings become a URL by Laravel's rules, or an error that names the variable.

use matchcast::pusher::{Destination, DestinationError, DestinationSettings};

/// Parses settings written as `host=…;port=…`; the others are unset.
fn destination(written: &str) -> Result<Destination, DestinationError> {
    let mut settings = DestinationSettings::default();
    for (name, value) in written.split(';').filter_map(|pair| pair.split_once('=')) {
        match name {
            "cluster" => settings.cluster = Some(value),
            "host" => settings.host = Some(value),
            "port" => settings.port = Some(value.parse().unwrap()),
            "scheme" => settings.scheme = Some(value),
            "prefix" => settings.path_prefix = Some(value),
            _ => panic!("unknown setting {name}"),
        }
    }
    Destination::new(settings)
}

#[test]
fn settings_become_a_url() {
    for (written, expected) in [
        ("", "https://api-mt1.pusher.com:443"),
        ("cluster=eu", "https://api-eu.pusher.com:443"),
        ("cluster=;host= ", "https://api-mt1.pusher.com:443"),
        ("scheme=http", "http://api-mt1.pusher.com:80"),
        ("scheme=HTTPS;port=80", "https://api-mt1.pusher.com:80"),
        ("scheme=;host=soketi.local", "https://soketi.local:443"),
        ("cluster=eu;host=soketi.local", "https://soketi.local:443"),
        ("scheme=http;host=127.0.0.1;port=6001", "http://127.0.0.1:6001"),
        ("scheme=http;host=::1;port=6001", "http://[::1]:6001"),
        ("scheme=http;host=[::1];port=6001", "http://[::1]:6001"),
        ("host=h;prefix=/ws/pusher/", "https://h:443/ws/pusher"),
        ("host=h;prefix=ws", "https://h:443/ws"),
        ("host=h;prefix=/", "https://h:443"),
    ] {
        assert_eq!(destination(written).unwrap().to_string(), expected);
    }
}

#[test]
fn an_invalid_setting_names_its_variable() {
    for (written, variable) in [
        ("scheme=ws", "PUSHER_SCHEME"),
        ("port=0", "PUSHER_PORT"),
        ("cluster=eu.evil.com/", "PUSHER_APP_CLUSTER"),
        ("host=https://api-eu.pusher.com", "PUSHER_HOST"),
        ("host=localhost:6001", "PUSHER_HOST"),
        ("host=localhost:80", "PUSHER_HOST"),
        ("host=localhost:", "PUSHER_HOST"),
        ("host=[::1]:80", "PUSHER_HOST"),
        ("host=user@host", "PUSHER_HOST"),
        ("host=host/path", "PUSHER_HOST"),
        ("host=host?x", "PUSHER_HOST"),
        ("host=a b", "PUSHER_HOST"),
        ("prefix=/a/../b", "path prefix"),
        ("prefix=/a?b", "path prefix"),
        ("prefix=/a//b", "path prefix"),
    ] {
        let error = destination(written).unwrap_err().to_string();
        assert!(error.contains(variable), "{written}: {error}");
    }
}
