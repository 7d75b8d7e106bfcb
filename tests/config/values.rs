//! Values that were written with quotes, spaces or line ends around them, and origins.

use matchcast::config::{Broadcasting, SameSite};

use crate::{check_error, read, symbols};

#[test]
fn quotes_and_white_space_around_a_value_are_removed() {
    for (variable, value) in [
        ("BROADCAST_CONNECTION", "null\n"),
        ("BROADCAST_CONNECTION", "\"null\""),
        ("BROADCAST_CONNECTION", "'null'"),
        ("BROADCAST_CONNECTION", " \"null\" \r\n"),
        ("BROADCAST_CONNECTION", "\" null \""),
        ("MATCHCAST__BROADCASTING__CONNECTION", "\tnull"),
    ] {
        let broadcasting = read(&[(variable, value)]).map(|config| config.broadcasting);
        assert_eq!(broadcasting, Ok(Broadcasting::Null), "{variable}={value:?}");
    }
    let config = read(&[
        ("PORT", "\"81\""),
        ("HOST", "\"\"\n"),
        ("PUSHER_APP_SECRET", "'secret'\n"),
        ("DATABASE_URL", "\"sqlite://c.sqlite\"\n"),
        ("MATCHCAST__HTTP__METRICS", "'true'"),
        ("MATCHCAST__MARKET__SYMBOLS", "\"BTC\", 'ETH' ,SOL\n"),
    ]);
    let config = config.unwrap();
    assert_eq!((config.http.port, config.http.metrics), (81, true));
    assert_eq!(config.http.host.to_string(), "127.0.0.1", "an empty value counts as unset");
    assert_eq!(config.pusher.secret.expose(), "secret");
    assert_eq!(format!("{:?}", config.database), "SQLite at c.sqlite");
    assert_eq!(symbols(&config), ["BTC", "ETH", "SOL"]);
    let config = read(&[("MATCHCAST__MARKET__SYMBOLS", "\"BTC,ETH\"")]).unwrap();
    assert_eq!(symbols(&config), ["BTC", "ETH"]);
}

#[test]
fn a_value_with_a_single_quote_or_a_line_end_inside_is_rejected() {
    for value in ["\"s3ntinel", "s3ntinel'", "'s3ntinel\"", "s3\ns3ntinel", "s3\rs3ntinel", "\""] {
        for variable in ["PUSHER_APP_SECRET", "DATABASE_URL", "MATCHCAST__LOG__LEVEL"] {
            check_error(read(&[(variable, value)]), variable, value);
        }
    }
}

#[test]
fn an_origin_is_written_as_browsers_send_it() {
    for (written, expected) in [
        ("https://a.example", "https://a.example"),
        ("HTTPS://A.Example", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:80", "https://a.example:80"),
        ("http://a.example:08080", "http://a.example:8080"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
        ("\"https://a.example\"", "https://a.example"),
    ] {
        let config = read(&[("MATCHCAST__HTTP__CORS_ORIGINS", written)]);
        let origins = config.map(|config| config.http.cors_origins);
        assert_eq!(origins, Ok(vec![expected.to_owned()]), "{written}");
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_rejected() {
    for origin in [
        "https://*.example",
        "https://a.example/",
        "https://a.example/path",
        "https://a.example?query",
        "https://a.example#part",
        "https://user@a.example",
        "https://a.example:",
        "https://a.example:0",
        "https://a.example:99999",
        "https://a.example:https",
        "https://",
        "https://:443",
        "https:a.example",
        "://a.example",
        "https://a example",
        "https://bücher.example",
        "https://[::1",
        "a.example",
        "null",
    ] {
        let variable = "MATCHCAST__HTTP__CORS_ORIGINS";
        check_error(read(&[(variable, origin)]), variable, origin);
    }
}

#[test]
fn the_domain_of_session_cookies_is_normalized() {
    for (written, expected) in [
        ("", None),
        ("null", None),
        ("(null)", None),
        ("example.com", Some("example.com")),
        (".Example.COM", Some("example.com")),
        ("\"a-b.example.com\"", Some("a-b.example.com")),
        ("localhost", Some("localhost")),
        ("127.0.0.1", Some("127.0.0.1")),
    ] {
        let config = read(&[("SESSION_DOMAIN", written)]);
        let domain = config.map(|config| config.auth.cookies.domain);
        assert_eq!(domain, Ok(expected.map(str::to_owned)), "{written}");
    }
}

#[test]
fn a_domain_that_no_cookie_can_have_is_rejected() {
    let long = format!("{}.example", "a".repeat(64));
    for domain in [
        "https://example.com",
        "example.com:443",
        "example.com/",
        "*.example.com",
        "..example.com",
        "example..com",
        "example.com.",
        ".",
        "-a.example",
        "a-.example",
        "app.example.com,api.example.com",
        "example.com; Secure",
        "bücher.example",
        "[::1]",
        &long,
        &format!("{}a", "a.".repeat(127)),
    ] {
        check_error(read(&[("SESSION_DOMAIN", domain)]), "SESSION_DOMAIN", domain);
    }
}

#[test]
fn session_cookies_for_all_sites_must_be_secure() {
    let secure = ("MATCHCAST__AUTH__SECURE_COOKIES", "true");
    for (written, expected) in [
        ("", SameSite::Lax),
        ("null", SameSite::Lax),
        ("lax", SameSite::Lax),
        ("Strict", SameSite::Strict),
        ("none", SameSite::None),
    ] {
        let config = read(&[secure, ("SESSION_SAME_SITE", written)]);
        assert_eq!(config.map(|config| config.auth.cookies.same_site), Ok(expected), "{written}");
    }
    let error = read(&[("SESSION_SAME_SITE", "none")]).unwrap_err().to_string();
    assert!(error.contains("SESSION_SAME_SITE") && error.contains(secure.0), "{error}");
    check_error(read(&[secure, ("SESSION_SAME_SITE", "some")]), "SESSION_SAME_SITE", "some");
}
