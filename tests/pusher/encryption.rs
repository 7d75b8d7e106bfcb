//! Encrypted channels: results are equal to those of other libraries, and nothing readable is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use matchcast::pusher::encryption::{NONCE_BYTES, seal, shared_secret};
use matchcast::pusher::{
    InvalidMasterKey, MAX_DATA_BYTES, MasterKey, Outcome, OutgoingEvent, data_limit,
};
use serde_json::Value;

use crate::client::{EVENT, verified};
use crate::scripted::{Received, Scripted, Step, client, ok};
use crate::{MASTER_KEY, credentials, encrypting_credentials, vectors};

const CHANNEL: &str = "private-encrypted-user.1";

fn nonce_of(sealed: &Value) -> [u8; NONCE_BYTES] {
    STANDARD.decode(sealed["nonce"].as_str().unwrap()).unwrap().try_into().unwrap()
}

/// Decrypts data as a page does, with the shared secret only.
pub fn decrypt(shared_secret: &str, sealed: &str) -> String {
    let sealed: Value = serde_json::from_str(sealed).unwrap();
    let key = STANDARD.decode(shared_secret).unwrap();
    let cipher = XSalsa20Poly1305::new_from_slice(&key).unwrap();
    let ciphertext = STANDARD.decode(sealed["ciphertext"].as_str().unwrap()).unwrap();
    let opened = cipher.decrypt(&nonce_of(&sealed).into(), ciphertext.as_slice()).unwrap();
    String::from_utf8(opened).unwrap()
}

#[test]
fn shared_secrets_equal_the_known_values() {
    for vector in vectors::list("shared_secret") {
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let master_key = MasterKey::parse_base64(&text("master_key_base64")).unwrap();
        let credentials = credentials().with_master_key(master_key);
        let made = shared_secret(&credentials, &text("channel"));
        assert_eq!(made, Some(text("shared_secret_base64")));
    }
}

/// Channel, data, and the encrypted data that the npm package `pusher` 5.3.4 (which uses tweetnacl)
/// sent with `MASTER_KEY`, recorded by a local server from `trigger` and `triggerBatch`. The nonces
/// are random ones of the package.
const SEALED: [(&str, &str, &str); 2] = [
    (
        CHANNEL,
        r#"{"trade_id":1,"price":"50000.00000001","note":"größer ✓"}"#,
        "{\"nonce\":\"+0aBFXIti1lSk3EqGkyAMUzXkQZv3uBm\",\"ciphertext\":\"qQZQBx9nzJ1RZTbQGA3Z4OL7\
         yYGtNmkuMnzH6B+8LYlss9SjSg3ezRn4WIgx+/TUsPEFkyzA9yzpwKjzED6ltWA1domLfqRvTrwjP6k=\"}",
    ),
    (
        "private-encrypted-bla",
        r#""""#,
        "{\"nonce\":\"tZjIvQOrPb8Wrgi/4hb0PbwbHknD6Etr\",\
         \"ciphertext\":\"nyGb0cKU2dBYngXBpTFyiYdJ\"}",
    ),
];

#[test]
fn encrypted_data_equals_that_of_another_library() {
    for (channel, data, expected) in SEALED {
        let nonce = nonce_of(&serde_json::from_str(expected).unwrap());
        let sealed = seal(&encrypting_credentials(), channel, data, &nonce);
        assert_eq!(sealed.as_deref(), Some(expected), "{channel}");
    }
}

#[test]
fn the_shared_secret_decrypts_the_data_and_differs_per_channel() {
    let credentials = encrypting_credentials();
    let secret = shared_secret(&credentials, CHANNEL).unwrap();
    for data in ["", "x", "{\"a\":\"\u{1f980}\"}", &"long ".repeat(1_500)] {
        let sealed = seal(&credentials, CHANNEL, data, &[7; NONCE_BYTES]).unwrap();
        assert_eq!(decrypt(&secret, &sealed), data);
    }
    let other = shared_secret(&credentials, "private-encrypted-user.2").unwrap();
    assert_ne!(other, secret);
}

#[test]
fn data_at_the_limit_fits_after_encryption_and_one_more_byte_does_not() {
    for (channel, expected) in [
        ("a", 10_240),
        ("private-user.1", 10_240),
        ("private-encrypted", 10_240),
        ("presence-private-encrypted-a", 10_240),
        ("#server-to-user-1", 10_240),
        (CHANNEL, 7_619),
        ("private-encrypted-cache-a", 7_619),
    ] {
        assert_eq!(data_limit(channel), expected, "{channel}");
    }
    let sealed_bytes = |bytes| {
        let data = "x".repeat(bytes);
        seal(&encrypting_credentials(), CHANNEL, &data, &[7; NONCE_BYTES]).unwrap().len()
    };
    assert_eq!(sealed_bytes(data_limit(CHANNEL)), MAX_DATA_BYTES);
    assert!(sealed_bytes(data_limit(CHANNEL) + 1) > MAX_DATA_BYTES);
}

#[test]
fn nothing_is_encrypted_without_a_key_or_on_other_channels() {
    let nonce = [0; NONCE_BYTES];
    assert!(!credentials().has_master_key() && encrypting_credentials().has_master_key());
    for (credentials, channel) in [
        (credentials(), CHANNEL),
        (encrypting_credentials(), "private-user.1"),
        (encrypting_credentials(), "private-encrypted"),
        (encrypting_credentials(), "presence-private-encrypted-a"),
        (encrypting_credentials(), "#server-to-user-1"),
    ] {
        assert_eq!(shared_secret(&credentials, channel), None, "{channel}");
        assert_eq!(seal(&credentials, channel, "x", &nonce), None, "{channel}");
    }
}

#[test]
fn a_master_key_is_32_bytes_in_base64() {
    let short = STANDARD.encode([1; 31]);
    let long = STANDARD.encode([1; 33]);
    let unpadded = MASTER_KEY.trim_end_matches('=');
    let spaced = format!("{MASTER_KEY}\n");
    for text in ["", "zyrm8pvV2C9fJcBfhyXzvxbJVN", &short, &long, unpadded, &spaced, "not base64!"]
    {
        assert_eq!(MasterKey::parse_base64(text).unwrap_err(), InvalidMasterKey, "{text:?}");
    }
    assert!(InvalidMasterKey.to_string().contains("PUSHER_ENCRYPTION_MASTER_KEY_BASE64"));
}

#[test]
fn a_master_key_is_not_printed() {
    let key = MasterKey::parse_base64(MASTER_KEY).unwrap();
    let client = client(1, encrypting_credentials());
    for printed in
        [format!("{key:?}"), format!("{:?}", encrypting_credentials()), format!("{client:?}")]
    {
        assert!(printed.contains("[redacted]"), "{printed}");
        // As text, and as a list of its first bytes.
        assert!(!printed.contains(&MASTER_KEY[..6]) && !printed.contains("207, 42"), "{printed}");
    }
}

/// The data of the only event of a request.
fn data_of(request: &Received) -> String {
    verified(request).1["data"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_attempt_uses_a_new_nonce() {
    // The third request is the second attempt of the second call, whose connection was closed.
    let steps = vec![Step::Respond(ok()), Step::Close, Step::Respond(ok())];
    let provider = Scripted::start(steps).await;
    let client = client(provider.port, encrypting_credentials());
    let event = OutgoingEvent { channel: CHANNEL, ..EVENT };
    for _ in 0..2 {
        assert_eq!(client.publish(&[event]).await, Outcome::Delivered);
    }
    let received = provider.received();
    let secret = shared_secret(&encrypting_credentials(), CHANNEL).unwrap();
    let mut sealed: Vec<String> = received.iter().map(data_of).collect();
    assert!(sealed.iter().all(|sealed| decrypt(&secret, sealed) == EVENT.data), "{sealed:?}");
    sealed.sort();
    sealed.dedup();
    assert_eq!(sealed.len(), 3);
}

#[tokio::test]
async fn a_batch_encrypts_only_events_on_encrypted_channels() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let events = [
        EVENT,
        OutgoingEvent { channel: CHANNEL, ..EVENT },
        OutgoingEvent { channel: CHANNEL, ..EVENT },
    ];
    let outcome = client(provider.port, encrypting_credentials()).publish(&events).await;
    assert_eq!(outcome, Outcome::Delivered);

    let (call, body) = verified(&provider.received()[0]);
    assert_eq!(call, "POST /apps/3/batch_events");
    let data = |index: usize| body["batch"][index]["data"].as_str().unwrap().to_owned();
    assert_eq!(data(0), EVENT.data);
    let secret = shared_secret(&encrypting_credentials(), CHANNEL).unwrap();
    assert_eq!([decrypt(&secret, &data(1)), decrypt(&secret, &data(2))], [EVENT.data, EVENT.data]);
    assert_ne!(data(1), data(2));
}

#[tokio::test]
async fn without_a_key_the_whole_request_is_rejected_unsent() {
    let provider = Scripted::start(vec![Step::Respond(ok())]).await;
    let client = client(provider.port, credentials());
    let sealed = OutgoingEvent { channel: CHANNEL, ..EVENT };
    for events in [&[sealed][..], &[EVENT, sealed]] {
        let outcome = client.publish(events).await;
        let Outcome::Rejected { status: None, message } = outcome else { panic!("{outcome:?}") };
        assert!(message.contains("no encryption master key is set"), "{message}");
    }
    assert!(provider.received().is_empty());
    assert_eq!(client.publish(&[EVENT]).await, Outcome::Delivered);
}
