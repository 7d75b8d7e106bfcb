//! Signatures: every known-good value, and every reason to refuse a request.

use std::collections::BTreeMap;

use matchcast::pusher::sign::{self, RequestError};
use matchcast::pusher::{Credentials, SocketId};

use crate::vectors::{self, Vector};
use crate::{SECRET, credentials};

const NOW_S: u64 = 1_353_088_179;
const PATH: &str = "/apps/3/events";
const BODY: &[u8] = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;

/// A REST request, taken apart from its string to sign.
struct Request {
    method: String,
    path: String,
    parameters: BTreeMap<String, String>,
}

fn take_apart(signed: &str) -> Request {
    let mut lines = signed.splitn(3, '\n').map(str::to_owned);
    let (method, path) = (lines.next().unwrap(), lines.next().unwrap());
    let parameters = lines.next().unwrap();
    let pairs = parameters.split('&').map(|pair| pair.split_once('=').unwrap());
    let parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Request { method, path, parameters }
}

#[test]
fn known_rest_requests_have_their_signatures() {
    for Vector { id, secret, signed, signature } in vectors::of_kind("rest_request") {
        let Request { method, path, parameters } = take_apart(&signed);
        let credentials = Credentials::new("app", &parameters["auth_key"], secret);
        let made = sign::request_signature(&credentials, &method, &path, &parameters);
        assert_eq!(made, signature, "{id}");

        // The bodies behind the hashes are not part of the vectors, so what has one ends here.
        if parameters.contains_key("body_md5") {
            continue;
        }
        let now_s: u64 = parameters["auth_timestamp"].parse().unwrap();
        let own: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !name.starts_with("auth_"))
            .rev()
            .collect();
        let query = sign::signed_query(&credentials, &method, &path, &own, b"", now_s);
        assert!(query.ends_with(&format!("&auth_signature={signature}")), "{id}: {query}");
        let verified = sign::verify_request(&credentials, &method, &path, &query, b"", now_s);
        assert_eq!(verified, Ok(()), "{id}");
    }
}

#[test]
fn the_documented_request_has_its_query() {
    let query = sign::signed_query(&credentials(), "POST", PATH, &[], BODY, NOW_S);
    assert_eq!(
        query,
        "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
         &body_md5=ec365a775a4cd0599faeb73354201b6f&auth_signature=\
         da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
    );
}

#[test]
fn values_are_encoded_in_the_url_and_not_in_what_is_signed() {
    let own = [("Info", "user_count,subscription_count"), ("filter_by_prefix", "a b&c=d%é")];
    let query = sign::signed_query(&credentials(), "GET", "/apps/3/channels", &own, b"", NOW_S);
    assert!(query.contains("&info=user_count%2Csubscription_count&"), "{query}");
    assert!(query.contains("&filter_by_prefix=a%20b%26c%3Dd%25%C3%A9&"), "{query}");

    let mut signed = take_apart(
        "GET\n/apps/3/channels\nauth_key=278d425bdf160c739803&auth_timestamp=1353088179\
         &auth_version=1.0&info=user_count,subscription_count",
    );
    signed.parameters.insert("filter_by_prefix".to_owned(), "a b&c=d%é".to_owned());
    let signature =
        sign::request_signature(&credentials(), &signed.method, &signed.path, &signed.parameters);
    assert!(query.ends_with(&signature));
}

#[test]
fn known_subscriptions_have_their_signatures() {
    for Vector { id, secret, signed, signature } in vectors::of_kind("channel_auth") {
        let mut parts = signed.splitn(3, ':');
        let socket_id = SocketId::parse(parts.next().unwrap()).unwrap();
        let channel = parts.next().unwrap();
        let channel_data = parts.next();
        let credentials = Credentials::new("app", "key", secret);
        let auth = sign::channel_auth(&credentials, &socket_id, channel, channel_data);
        assert_eq!(auth, format!("key:{signature}"), "{id}");

        let verify = |channel: &str, data: Option<&str>, auth: &str| {
            sign::verify_channel_auth(&credentials, &socket_id, channel, data, auth)
        };
        assert!(verify(channel, channel_data, &auth), "{id}");
        assert!(!verify(&format!("{channel}1"), channel_data, &auth), "{id}");
        assert!(!verify(channel, Some("other"), &auth), "{id}");
        assert!(!verify(channel, channel_data, &auth[..auth.len() - 1]), "{id}");
        assert!(!verify(channel, channel_data, &auth.replace("key:", "kez:")), "{id}");
    }
}

#[test]
fn known_sign_ins_have_their_signatures() {
    for Vector { id, secret, signed, signature } in vectors::of_kind("user_auth") {
        let (socket_id, user_data) = signed.split_once("::user::").unwrap();
        let socket_id = SocketId::parse(socket_id).unwrap();
        let credentials = Credentials::new("app", "key", secret);
        let auth = sign::user_auth(&credentials, &socket_id, user_data);
        assert_eq!(auth, format!("key:{signature}"), "{id}");
        assert!(sign::verify_user_auth(&credentials, &socket_id, user_data, &auth), "{id}");
        assert!(!sign::verify_user_auth(&credentials, &socket_id, "{}", &auth), "{id}");
    }
}

#[test]
fn known_webhooks_have_their_signatures() {
    // The signature of a webhook is a plain HMAC of its raw body.
    let plain = vectors::of_kind("plain");
    for Vector { id, secret, signed, signature } in
        vectors::of_kind("webhook").into_iter().chain(plain)
    {
        let credentials = Credentials::new("app", "key", secret);
        let body = signed.as_bytes();
        assert_eq!(sign::webhook_signature(&credentials, body), signature, "{id}");
        assert!(sign::verify_webhook(&credentials, "key", &signature, body), "{id}");
        assert!(!sign::verify_webhook(&credentials, "other", &signature, body), "{id}");
        assert!(!sign::verify_webhook(&credentials, "key", &signature, b"{}"), "{id}");
        assert!(!sign::verify_webhook(&credentials, "key", "", body), "{id}");
    }
}

#[test]
fn every_vector_is_tested() {
    let kinds = ["rest_request", "channel_auth", "user_auth", "webhook", "plain"];
    let tested: usize = kinds.iter().map(|kind| vectors::of_kind(kind).len()).sum();
    assert_eq!(tested, vectors::count());
}

/// The result of verifying a query that was changed on the way, at the time `now_s`.
fn verify_changed(change: impl Fn(String) -> String, now_s: u64) -> Result<(), RequestError> {
    let query = change(sign::signed_query(&credentials(), "POST", PATH, &[], BODY, NOW_S));
    sign::verify_request(&credentials(), "POST", PATH, &query, BODY, now_s)
}

fn without(name: &'static str) -> impl Fn(String) -> String {
    move |query| {
        let kept: Vec<&str> =
            query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
        kept.join("&")
    }
}

#[test]
fn the_clock_may_differ_by_ten_minutes() {
    for now_s in [NOW_S, NOW_S - 600, NOW_S + 600] {
        assert_eq!(verify_changed(|query| query, now_s), Ok(()));
    }
    for now_s in [NOW_S - 601, NOW_S + 601, 0, u64::MAX] {
        let expected = RequestError::TimestampExpired { given_s: NOW_S, now_s };
        assert_eq!(verify_changed(|query| query, now_s), Err(expected));
    }
    let text = verify_changed(|query| query, 0).unwrap_err().to_string();
    assert!(text.starts_with("Timestamp expired: Given timestamp (1353088179)"), "{text}");
}

#[test]
fn each_invalid_parameter_has_its_error() {
    for name in ["auth_key", "auth_timestamp", "auth_version", "auth_signature", "body_md5"] {
        assert_eq!(verify_changed(without(name), NOW_S), Err(RequestError::Missing(name)));
    }
    let replaced = |from: &'static str, to: &'static str| {
        move |query: String| {
            assert!(query.contains(from));
            query.replace(from, to)
        }
    };
    for (from, to, expected) in [
        ("auth_key=2", "auth_key=3", RequestError::UnknownKey),
        ("auth_timestamp=1", "auth_timestamp=x1", RequestError::TimestampFormat),
        ("auth_version=1.0", "auth_version=2.0", RequestError::Version),
        ("body_md5=e", "body_md5=f", RequestError::BodyMd5),
        ("auth_key=2", "auth_key=2&AUTH_KEY=2", RequestError::Query),
    ] {
        assert_eq!(verify_changed(replaced(from, to), NOW_S), Err(expected), "{to}");
    }
    assert_eq!(RequestError::UnknownKey.to_string(), "Unknown auth_key");
}

#[test]
fn a_signature_is_valid_for_one_method_path_query_and_body() {
    let query = sign::signed_query(&credentials(), "POST", PATH, &[], BODY, NOW_S);
    let signature = query.rsplit_once('=').unwrap().1.to_owned();
    let verify = |credentials: &Credentials, method, path, query: &str, body| {
        sign::verify_request(credentials, method, path, query, body, NOW_S)
    };
    assert_eq!(verify(&credentials(), "POST", PATH, &query, BODY), Ok(()));

    let stranger = Credentials::new("3", credentials().key(), "other");
    let forged = query.replace(&signature, &"0".repeat(64));
    for result in [
        verify(&credentials(), "PUT", PATH, &query, BODY),
        verify(&credentials(), "POST", "/apps/4/events", &query, BODY),
        verify(&credentials(), "POST", PATH, &format!("{query}&info=user_count"), BODY),
        verify(&credentials(), "POST", PATH, &forged, BODY),
        verify(&stranger, "POST", PATH, &query, BODY),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, RequestError::Signature { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("Invalid signature"), "{text}");
        assert!(!text.contains(&signature) && !text.contains(SECRET), "{text}");
    }
    let other_body = verify(&credentials(), "POST", PATH, &query, b"{}".as_slice());
    assert_eq!(other_body, Err(RequestError::BodyMd5));
}

#[test]
fn the_hash_of_an_empty_body_is_accepted() {
    let own = [("body_md5", "d41d8cd98f00b204e9800998ecf8427e")];
    let query = sign::signed_query(&credentials(), "GET", "/apps/3/channels", &own, b"", NOW_S);
    let verify =
        |body| sign::verify_request(&credentials(), "GET", "/apps/3/channels", &query, body, NOW_S);
    assert_eq!(verify(b"".as_slice()), Ok(()));
    assert_eq!(verify(b"x".as_slice()), Err(RequestError::BodyMd5));
}

#[test]
fn credentials_do_not_print_their_secret() {
    let printed = format!("{:?}", credentials());
    assert!(printed.contains("278d425bdf160c739803"), "{printed}");
    assert!(!printed.contains(SECRET), "{printed}");
}
