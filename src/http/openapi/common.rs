//! Completes the document: responses and headers that many operations share follow from what an
//! operation is, so that no handler has to repeat them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::errors;
use crate::http::response::ErrorCode;

/// The methods of a path item.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Paths that exist with and without the prefix `/api`.
const WITHOUT_PREFIX: [&str; 2] = ["/broadcasting/auth", "/broadcasting/user-auth"];

/// Operations that need no database, or that say themselves what they return without one.
const WITHOUT_DATABASE: [&str; 4] = ["isUp", "getOpenApi", "getMetrics", "getReadiness"];

/// Adds to each operation what follows from its declaration.
pub fn complete(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for path in WITHOUT_PREFIX {
        let mut item = paths.get(&format!("/api{path}")).cloned().unwrap_or_default();
        let id = item["post"]["operationId"].as_str().unwrap_or_default().to_owned();
        item["post"]["operationId"] = format!("{id}WithoutPrefix").into();
        paths.insert(path.to_owned(), item);
    }
    let mut requests = BTreeSet::new();
    let mut shared = Map::new();
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                let facts = Facts::of(path, method, operation);
                add_errors(operation, &facts, &mut shared);
                add_headers(operation, &facts);
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                requests.extend(schema["$ref"].as_str().map(str::to_owned));
            }
        }
    }
    for request in requests {
        merge_null(document, request.trim_start_matches('#'));
    }
    document["components"]["responses"] = Value::Object(shared);
    document["components"]["headers"] = all_headers();
}

/// Writes `null` next to the other values of an optional field, instead of an alternative to a
/// reference: programs that read documents understand it better.
fn merge_null(document: &mut Value, pointer: &str) {
    let schemas = document["components"]["schemas"].clone();
    let fields = document.pointer_mut(pointer).and_then(|s| s["properties"].as_object_mut());
    for (_, field) in fields.into_iter().flatten() {
        let Some(alternatives) = field["oneOf"].as_array() else { continue };
        let Some(reference) = alternatives.iter().find_map(|one| one["$ref"].as_str()) else {
            continue;
        };
        let name = reference.rsplit('/').next().unwrap_or_default();
        let mut merged = schemas[name].clone();
        if let Some(kind) = merged["type"].as_str() {
            merged["type"] = json!([kind, "null"]);
        }
        for list in ["enum", "anyOf"] {
            let null = if list == "enum" { Value::Null } else { json!({ "type": "null" }) };
            if let Some(values) = merged.get_mut(list).and_then(Value::as_array_mut) {
                values.push(null);
            }
        }
        if let Some(text) = alternatives.iter().find_map(|one| one.get("description")) {
            merged["description"] = text.clone();
        }
        *field = merged;
    }
}

/// What an operation's declaration says about it.
struct Facts {
    id: String,
    needs_sign_in: bool,
    is_for_administrators: bool,
    has_body: bool,
    has_query: bool,
    has_key: bool,
    is_conditional: bool,
    has_pages: bool,
    is_write: bool,
    /// Its requests may be counted.
    is_limited: bool,
    /// It reads or writes the database.
    uses_database: bool,
}

impl Facts {
    fn of(path: &str, method: &str, operation: &Value) -> Self {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
        let is_in_query = |parameter: &Value| parameter["in"] == "query";
        Self {
            needs_sign_in: operation.get("security").is_none(),
            is_for_administrators: path.starts_with("/api/admin/"),
            has_body: operation.get("requestBody").is_some() || id == "cancelOrders",
            has_query: parameters.iter().any(is_in_query),
            has_key: has("Idempotency-Key"),
            is_conditional: has("If-None-Match"),
            has_pages: has("cursor") || id == "listCandles",
            is_write: method != "get",
            is_limited: ["/api/", "/broadcasting/", "/sanctum/"]
                .iter()
                .any(|prefix| path.starts_with(prefix))
                && id != "receiveProviderWebhook",
            uses_database: !WITHOUT_DATABASE.contains(&id.as_str()),
            id,
        }
    }

    fn codes(&self) -> Vec<ErrorCode> {
        use ErrorCode::{
            BodyTimeout, BodyTooLarge, CsrfTokenMismatch, IdempotencyKeyInFlight,
            IdempotencyKeyReused, Internal, MalformedBody, MalformedQuery, MissingAbility,
            NotFound, OutcomeUnknown, TooManyAttempts, Unauthenticated, Unavailable,
            UnsupportedMediaType, ValidationFailed,
        };
        let mut codes = errors::of_operation(self.id.trim_end_matches("WithoutPrefix"));
        let groups: [(bool, &[ErrorCode]); 9] = [
            (self.is_for_administrators, &[NotFound, MissingAbility]),
            (self.needs_sign_in, &[Unauthenticated, MissingAbility]),
            (self.needs_sign_in && self.is_write, &[CsrfTokenMismatch]),
            (self.has_body, &[MalformedBody, BodyTimeout, BodyTooLarge, UnsupportedMediaType]),
            (self.has_query, &[MalformedQuery]),
            (self.has_key, &[IdempotencyKeyInFlight, IdempotencyKeyReused, ValidationFailed]),
            (self.is_limited, &[TooManyAttempts]),
            (self.uses_database, &[Internal, Unavailable]),
            (self.uses_database && self.is_write, &[OutcomeUnknown]),
        ];
        for (applies, group) in groups {
            if applies {
                codes.extend(group);
            }
        }
        codes
    }
}

/// More codes than a response has that several operations share.
const MAX_SHARED_CODES: usize = 4;

/// A response for each status, which names its codes.
fn add_errors(operation: &mut Value, facts: &Facts, shared: &mut Map<String, Value>) {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in facts.codes() {
        let codes = by_status.entry(code.status().as_u16()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (status, codes) in by_status {
        let may_be_replayed = facts.has_key && matches!(status, 400 | 409);
        let response = error_response(status, &codes, may_be_replayed);
        operation["responses"][status.to_string()] =
            if codes.len() > MAX_SHARED_CODES || may_be_replayed {
                response
            } else {
                let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
                let name = words.join(".");
                let reference = json!({ "$ref": format!("#/components/responses/{name}") });
                shared.insert(name, response);
                reference
            };
    }
    if facts.is_conditional {
        operation["responses"]["304"] = json!({
            "description": "Nothing has changed since the response with this `ETag`.",
            "headers": headers(&["X-Request-Id", "ETag"]),
        });
    }
}

fn error_response(status: u16, codes: &[ErrorCode], may_be_replayed: bool) -> Value {
    let lines = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.meaning()));
    let description = lines.collect::<Vec<_>>().join("\n\n");
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let of_codes = |schema: &str| {
        json!({ "schema": { "allOf": [
            { "$ref": format!("#/components/schemas/{schema}") },
            { "properties": { "code": { "enum": words } } },
        ] } })
    };
    let mut names = vec!["X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"];
    if matches!(status, 429 | 503) {
        names.push("Retry-After");
    }
    if may_be_replayed {
        names.push("Idempotency-Replayed");
    }
    json!({
        "description": description,
        "content": {
            "application/json": of_codes("Error"),
            "application/problem+json": of_codes("Problem"),
        },
        "headers": headers(&names),
    })
}

/// The headers of responses that operations declare themselves.
fn add_headers(operation: &mut Value, facts: &Facts) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses {
        if response.get("$ref").is_some() || response.get("headers").is_some() {
            continue;
        }
        if !status.starts_with('2') {
            response["headers"] = headers(&["X-Request-Id"]);
            continue;
        }
        let candidates = [
            (true, "X-Request-Id"),
            (facts.is_limited, "X-RateLimit-Limit"),
            (facts.is_limited, "X-RateLimit-Remaining"),
            (facts.is_conditional, "ETag"),
            (facts.has_pages, "Link"),
            (facts.has_key, "Idempotency-Replayed"),
        ];
        let names: Vec<&str> =
            candidates.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
        response["headers"] = headers(&names);
    }
}

/// References to headers.
fn headers(names: &[&str]) -> Value {
    let reference = |name: &&str| {
        ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
    };
    Value::Object(names.iter().map(reference).collect())
}

/// The headers that responses refer to.
fn all_headers() -> Value {
    let header =
        |kind: &str, text: &str| json!({ "schema": { "type": kind }, "description": text });
    json!({
        "X-Request-Id": header("string", "The id of the request, or one made by the server."),
        "X-RateLimit-Limit": header("integer", "Requests per minute, if they are limited."),
        "X-RateLimit-Remaining": header("integer", "What remains of them."),
        "Retry-After": header("integer", "Seconds until the request may be sent again."),
        "ETag": header("string", "Changes whenever the body does."),
        "Link": header("string", "The next page, `rel=\"next\"`, if there is any."),
        "Idempotency-Replayed": {
            "schema": { "type": "string", "enum": ["true"] },
            "description": "This is the response to an earlier request with the same key.",
        },
    })
}
