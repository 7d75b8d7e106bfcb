//! The known-good values of tests/fixtures/pusher-vectors.json.

use serde_json::Value;

/// A signature computed by an independent implementation.
pub struct Vector {
    pub id: String,
    pub secret: String,
    pub signed: String,
    pub signature: String,
}

/// All vectors of one kind; the kind must exist.
pub fn of_kind(kind: &str) -> Vec<Vector> {
    let found: Vec<Vector> = fixture()["hmac"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vector| vector["kind"] == kind)
        .map(|vector| {
            let text = |field: &str| vector[field].as_str().unwrap().to_owned();
            Vector {
                id: text("id"),
                secret: text("secret"),
                signed: text("string_to_sign"),
                signature: text("hmac_sha256_hex"),
            }
        })
        .collect();
    assert!(!found.is_empty(), "no vector of kind {kind}");
    found
}

/// A list of texts, such as `socket_ids_to_refuse`.
pub fn texts(name: &str) -> Vec<String> {
    let list = fixture()[name].clone();
    serde_json::from_value(list).unwrap()
}

/// The vectors that are not signatures, such as `shared_secret`.
pub fn list(name: &str) -> Vec<Value> {
    let list = fixture()[name].as_array().unwrap().clone();
    assert!(!list.is_empty(), "no vector of kind {name}");
    list
}

/// The number of signatures in the fixture.
pub fn count() -> usize {
    fixture()["hmac"].as_array().unwrap().len()
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/pusher-vectors.json")).unwrap()
}
