//! Servers that respond as four providers do, according to their documentation (hosted Pusher) or
//! source code (Reverb 1, soketi 1, Sockudo 5): which checks they make, in which order, and with
//! which messages.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use matchcast::pusher::sign::{self, RequestError};
use serde_json::{Value, json};

use crate::credentials;
use crate::responder::{AfterResponse, Responder, Rule};
use crate::scripted::Received;

/// Maximum size of a request, including headers, that Reverb accepts.
pub const REVERB_BYTES: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Hosted,
    Reverb,
    Soketi,
    Sockudo,
}

pub const ALL: [Dialect; 4] = [Dialect::Hosted, Dialect::Reverb, Dialect::Soketi, Dialect::Sockudo];

/// The state of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Working,
    AnHourAhead,
    OverQuota,
    TooBusy,
}

/// A parsed request.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    parameters: BTreeMap<String, String>,
    body: &'a [u8],
}

/// The status and the message.
type Refusal = (&'static str, String);

pub async fn start(dialect: Dialect, state: State) -> Responder {
    let (after_response, limit) = match dialect {
        Dialect::Reverb => {
            let response = until_end_of_connection("413 Payload Too Large", "Payload too large.");
            (AfterResponse::Close, Some((REVERB_BYTES, response)))
        }
        Dialect::Hosted | Dialect::Soketi | Dialect::Sockudo => (AfterResponse::KeepOpen, None),
    };
    let respond = Box::new(move |request: &Received| dialect.respond(state, request));
    Responder::start(Rule { respond, after_response, limit }).await
}

impl Dialect {
    fn respond(self, state: State, request: &Received) -> String {
        let call = Call::of(request);
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let now_s = if state == State::AnHourAhead { now_s + 3_600 } else { now_s };
        let judged = match self {
            Self::Hosted => hosted(&call, state, now_s),
            Self::Reverb => reverb(&call),
            Self::Soketi => soketi(&call, state),
            Self::Sockudo => sockudo(&call, state, now_s),
        };
        match (judged, self) {
            (Ok(()), _) => with_length("200 OK", &self.success(&call).to_string()),
            (Err((status, words)), Self::Reverb) => until_end_of_connection(status, &words),
            (Err((status, words)), _) => with_length(status, &words),
        }
    }

    /// The body of a successful response.
    fn success(self, call: &Call<'_>) -> Value {
        let call = call.path.rsplit('/').next().unwrap();
        match (call, self) {
            ("channels", Self::Soketi) => {
                let channel = json!({"subscription_count": 1, "occupied": true});
                json!({"channels": {"private-user.1": channel}})
            }
            ("channels", _) => json!({"channels": {"private-user.1": {}}}),
            ("batch_events", Self::Reverb) => json!({"batch": {}}),
            (_, Self::Soketi) | ("events" | "terminate_connections", Self::Sockudo) => {
                json!({"ok": true})
            }
            _ => json!({}),
        }
    }
}

fn hosted(call: &Call<'_>, state: State, now_s: u64) -> Result<(), Refusal> {
    call.verify(now_s).map_err(|error| match error {
        RequestError::UnknownKey => ("400 Bad Request", error.to_string()),
        _ => ("401 Unauthorized", error.to_string()),
    })?;
    if call.app_id() != credentials().app_id() {
        return Err(("404 Not Found", format!("Could not find app by id {}", call.app_id())));
    }
    if state == State::OverQuota {
        let words = "API call failed since (daily) message quota exceeded";
        return Err(("403 Forbidden", words.to_owned()));
    }
    if call.data().iter().any(|data| data.len() > 10_240) {
        let words = "The data content of this event exceeds the allowed maximum (10240 bytes)";
        return Err(("413 Request Entity Too Large", words.to_owned()));
    }
    Ok(())
}

/// Checks neither the key nor the time, and rejects empty data.
fn reverb(call: &Call<'_>) -> Result<(), Refusal> {
    if call.app_id() != credentials().app_id() {
        let words = format!("No matching application for ID [{}].", call.app_id());
        return Err(("404 Not Found", words));
    }
    if !call.is_signed_with_any_key() {
        return Err(("401 Unauthorized", "Authentication signature invalid.".to_owned()));
    }
    if call.data().iter().any(String::is_empty) {
        let words = json!({"data": ["The data field is required."]});
        return Err(("422 Unprocessable Content", words.to_string()));
    }
    Ok(())
}

/// Checks neither the key nor the time, and accepts ten times as much data as the others.
fn soketi(call: &Call<'_>, state: State) -> Result<(), Refusal> {
    let refuse = |status: &'static str, words: String| {
        let code: u16 = status[..3].parse().unwrap();
        Err((status, json!({"error": words, "code": code}).to_string()))
    };
    if call.app_id() != credentials().app_id() {
        return refuse("404 Not Found", format!("The app {} could not be found.", call.app_id()));
    }
    if !call.is_signed_with_any_key() {
        return refuse("401 Unauthorized", "The secret authentication failed".to_owned());
    }
    if state == State::TooBusy {
        return refuse("429 Too Many Requests", "Too many requests.".to_owned());
    }
    if call.data().iter().any(String::is_empty) {
        return refuse("400 Invalid Request", "The received data is incorrect".to_owned());
    }
    Ok(())
}

/// Looks up the key first and then compares its app with the path.
fn sockudo(call: &Call<'_>, state: State, now_s: u64) -> Result<(), Refusal> {
    let refuse = |status: &'static str, code: &str, words: &str| {
        let number: u16 = status[..3].parse().unwrap();
        Err((status, json!({"code": code, "error": words, "status": number}).to_string()))
    };
    let unauthorized = |words: &str| refuse("401 Unauthorized", "auth_failed", words);
    let verified = call.verify(now_s);
    if verified == Err(RequestError::UnknownKey) {
        let words = "Application key not found or invalid: Invalid app key";
        return refuse("404 Not Found", "app_not_found", words);
    }
    if call.app_id() != credentials().app_id() {
        return unauthorized("Authenticated app does not match route app_id");
    }
    match verified {
        Err(RequestError::TimestampExpired { .. }) => {
            unauthorized("Timestamp expired or too far in the future")
        }
        Err(RequestError::BodyMd5) => unauthorized("body_md5 mismatch"),
        Err(_) => unauthorized("Invalid API signature"),
        Ok(()) if state == State::TooBusy => {
            refuse("503 Service Unavailable", "draining", "Server is draining")
        }
        Ok(()) => Ok(()),
    }
}

impl<'a> Call<'a> {
    fn of(request: &'a Received) -> Self {
        let mut words = request.head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap();
        let parameters = serde_urlencoded::from_str(query).unwrap();
        Self { method, path, query, parameters, body: &request.body }
    }

    fn app_id(&self) -> &str {
        self.path.split('/').nth(2).unwrap()
    }

    fn verify(&self, now_s: u64) -> Result<(), RequestError> {
        let Self { method, path, query, body, .. } = self;
        sign::verify_request(&credentials(), method, path, query, body, now_s)
    }

    /// Whether the secret is correct, with the key, time and version that were sent and the hash of
    /// the body that was received.
    fn is_signed_with_any_key(&self) -> bool {
        let mut parameters = self.parameters.clone();
        let signature = parameters.remove("auth_signature");
        let now_s = parameters["auth_timestamp"].parse().unwrap();
        // Only the hash of the body is used from this query.
        let own = sign::signed_query(&credentials(), self.method, self.path, &[], self.body, now_s);
        let own: BTreeMap<String, String> = serde_urlencoded::from_str(&own).unwrap();
        parameters.remove("body_md5");
        parameters.extend(own.get("body_md5").map(|md5| ("body_md5".to_owned(), md5.clone())));
        let right = sign::request_signature(&credentials(), self.method, self.path, &parameters);
        signature == Some(right)
    }

    /// The data of the events in the request.
    fn data(&self) -> Vec<String> {
        let body: Value = serde_json::from_slice(self.body).unwrap_or_default();
        let single = body.get("name").map(|_| body.clone());
        let batch = body["batch"].as_array().cloned().unwrap_or_default();
        assert!(batch.len() <= 10, "no provider accepts more");
        let data = single.iter().chain(&batch).map(|event| event["data"].as_str().unwrap());
        data.map(str::to_owned).collect()
    }
}

fn with_length(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A response without a length, which ends with the connection.
fn until_end_of_connection(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n\r\n{body}")
}
