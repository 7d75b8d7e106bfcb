//! Inputs for property tests of parsers: hand-picked ones from tests/fixtures/fuzz, and variants of
//! them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// `PROPTEST_CASES`, or a number that takes a few seconds.
pub fn config(default_cases: u32) -> ProptestConfig {
    let from_env = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = from_env.unwrap_or(default_cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// For properties whose cases need a server: a tenth of the cases.
pub fn config_of_network(default_cases: u32) -> ProptestConfig {
    let config = config(default_cases * 10);
    ProptestConfig { cases: (config.cases / 10).max(1), ..config }
}

/// The inputs of a file: a JSON list of texts.
pub fn corpus(json: &str) -> Vec<String> {
    serde_json::from_str(json).expect("a list of texts")
}

/// A text of the corpus, with up to six bytes changed, removed, repeated or inserted.
pub fn variants(json: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let edits = vec((any::<Index>(), 0_u8..5, any::<u8>()), 0..6);
    (select(corpus(json)), edits).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (index, kind, byte) in edits {
            let at = index.index(bytes.len() + 1);
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.extend_from_within(at..),
                3 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

/// The same as a text; invalid UTF-8 is replaced.
pub fn text_variants(json: &str) -> impl Strategy<Value = String> + use<> {
    variants(json).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
