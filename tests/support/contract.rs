//! Compares responses with the OpenAPI document. [`super::client::Client`] does it for each
//! response of every test.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;
use matchcast::http::openapi_document;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::Value;

use super::client::Response;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(openapi_document()).expect("the document is JSON"));
/// By the pointer to a schema in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The document of this build.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// # Panics
/// If the document does not describe such a response of this operation.
pub fn check(method: &Method, target: &str, response: &Response) {
    let path = target.split('?').next().unwrap_or(target);
    let Some(template) = template_of(path) else { return };
    let method = match method.as_str() {
        "HEAD" => "get".to_owned(),
        other => other.to_lowercase(),
    };
    // The paths of the document answer other methods with 405.
    if DOCUMENT["paths"][template].get(&method).is_none() {
        return;
    }
    let case = format!("{method} {template}: {} {}", response.status, response.body);
    let status = response.status.to_string();
    let pointer = format!("/paths/{}/{method}/responses/{status}", template.replace('/', "~1"));
    let described = DOCUMENT.pointer(&pointer).unwrap_or_else(|| panic!("undocumented: {case}"));
    let (pointer, described) = resolve(pointer, described);
    check_headers(described, response, &case);
    let Some(content) = described.get("content") else {
        assert!(response.body.is_empty(), "a body: {case}");
        return;
    };
    // The response to a HEAD has none.
    if response.body.is_empty() && method == "get" {
        return;
    }
    let media_type = response.header("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    assert!(content.get(essence).is_some(), "an undocumented {essence}: {case}");
    // A compressed body is no text.
    let is_plain = response.header("content-encoding").is_none();
    if essence.ends_with("json") && is_plain {
        let schema = format!("{pointer}/content/{}/schema", essence.replace('/', "~1"));
        let body = response.json();
        let errors: Vec<String> =
            validator(&schema).iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {case}");
    }
}

/// A response, which may be a reference.
fn resolve(pointer: String, response: &'static Value) -> (String, &'static Value) {
    match response["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.trim_start_matches('#').to_owned();
            let response = DOCUMENT.pointer(&pointer).expect("a shared response");
            (pointer, response)
        }
        None => (pointer, response),
    }
}

/// Headers that a client of the document would look for.
fn check_headers(described: &Value, response: &Response, case: &str) {
    for name in ["etag", "link", "idempotency-replayed", "x-ratelimit-limit"] {
        let known = described["headers"].as_object().into_iter().flatten();
        let mut known = known.map(|(known, _)| known.to_lowercase());
        let is_sent = response.headers.contains_key(name);
        assert!(!is_sent || known.any(|known| known == name), "undocumented {name}: {case}");
    }
}

/// The path of the document that this one belongs to; one without parameters, if there is any.
fn template_of(path: &str) -> Option<&'static str> {
    let paths = DOCUMENT["paths"].as_object().expect("the paths");
    if let Some((exact, _)) = paths.get_key_value(path) {
        return Some(exact);
    }
    let matches = |template: &str| {
        let (given, wanted): (Vec<_>, Vec<_>) =
            (path.split('/').collect(), template.split('/').collect());
        let mut pairs = given.iter().zip(&wanted);
        given.len() == wanted.len()
            && pairs.all(|(given, wanted)| wanted.starts_with('{') || given == wanted)
    };
    paths.keys().map(String::as_str).find(|template| matches(template))
}

/// Of the schema at this place in the document.
pub fn validator(pointer: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock();
    let make = || {
        let schema = DOCUMENT.pointer(pointer).and_then(Value::as_object);
        // The document is part of the schema, so that references are resolved.
        let mut whole = DOCUMENT.clone();
        let keys = whole.as_object_mut().expect("the document is an object");
        keys.extend(schema.unwrap_or_else(|| panic!("{pointer} is no schema")).clone());
        let validator = jsonschema::draft202012::new(&whole);
        Arc::new(validator.unwrap_or_else(|error| panic!("{pointer}: {error}")))
    };
    validators.entry(pointer.to_owned()).or_insert_with(make).clone()
}
