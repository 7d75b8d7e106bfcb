//! Scripted servers that answer as four providers do, after their documents (hosted Pusher) and
//! their sources (Reverb 1, soketi 1, Sockudo 5): what each of them checks, in which order, and in
//! which words it refuses.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use matchcast::pusher::sign::{self, RequestError};
use serde_json::{Value, json};

use crate::credentials;
use crate::responder::{AfterAnswer, Responder, Rule};
use crate::scripted::Received;

/// Most bytes of a whole request that Reverb takes.
pub const REVERB_BYTES: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Hosted,
    Reverb,
    Soketi,
    Sockudo,
}

pub const ALL: [Dialect; 4] = [Dialect::Hosted, Dialect::Reverb, Dialect::Soketi, Dialect::Sockudo];

/// How the provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Working,
    AnHourAhead,
    OverQuota,
    TooBusy,
}

/// A request, taken apart.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    parameters: BTreeMap<String, String>,
    body: &'a [u8],
}

/// A status line's end, and what is said.
type Refusal = (&'static str, String);

pub async fn start(dialect: Dialect, state: State) -> Responder {
    let (after_answer, limit) = match dialect {
        Dialect::Reverb => {
            let answer = plain_until_the_end("413 Payload Too Large", "Payload too large.");
            (AfterAnswer::Close, Some((REVERB_BYTES, answer)))
        }
        Dialect::Hosted | Dialect::Soketi | Dialect::Sockudo => (AfterAnswer::KeepOpen, None),
    };
    let answer = Box::new(move |request: &Received| dialect.answer(state, request));
    Responder::start(Rule { answer, after_answer, limit }).await
}

impl Dialect {
    fn answer(self, state: State, request: &Received) -> String {
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
            (Err((status, words)), Self::Reverb) => plain_until_the_end(status, &words),
            (Err((status, words)), _) => with_length(status, &words),
        }
    }

    /// What each says to what it has done.
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

/// Neither looks at the key nor at the time, and takes no empty data.
fn reverb(call: &Call<'_>) -> Result<(), Refusal> {
    if call.app_id() != credentials().app_id() {
        let words = format!("No matching application for ID [{}].", call.app_id());
        return Err(("404 Not Found", words));
    }
    if !call.is_signed_by_whatever_key() {
        return Err(("401 Unauthorized", "Authentication signature invalid.".to_owned()));
    }
    if call.data().iter().any(String::is_empty) {
        let words = json!({"data": ["The data field is required."]});
        return Err(("422 Unprocessable Content", words.to_string()));
    }
    Ok(())
}

/// Neither looks at the key nor at the time, and takes data of ten times the usual length.
fn soketi(call: &Call<'_>, state: State) -> Result<(), Refusal> {
    let refuse = |status: &'static str, words: String| {
        let code: u16 = status[..3].parse().unwrap();
        Err((status, json!({"error": words, "code": code}).to_string()))
    };
    if call.app_id() != credentials().app_id() {
        return refuse("404 Not Found", format!("The app {} could not be found.", call.app_id()));
    }
    if !call.is_signed_by_whatever_key() {
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

/// Looks the key up first, and then compares its app with the path's.
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

    /// Whether the secret is right, with the key, the time and the version as they were sent, and
    /// the hash of the body as it came.
    fn is_signed_by_whatever_key(&self) -> bool {
        let mut parameters = self.parameters.clone();
        let signature = parameters.remove("auth_signature");
        let now_s = parameters["auth_timestamp"].parse().unwrap();
        // Only the hash of the body is of interest in this query.
        let own = sign::signed_query(&credentials(), self.method, self.path, &[], self.body, now_s);
        let own: BTreeMap<String, String> = serde_urlencoded::from_str(&own).unwrap();
        parameters.remove("body_md5");
        parameters.extend(own.get("body_md5").map(|md5| ("body_md5".to_owned(), md5.clone())));
        let right = sign::request_signature(&credentials(), self.method, self.path, &parameters);
        signature == Some(right)
    }

    /// The data of the events that it publishes.
    fn data(&self) -> Vec<String> {
        let body: Value = serde_json::from_slice(self.body).unwrap_or_default();
        let single = body.get("name").map(|_| body.clone());
        let batch = body["batch"].as_array().cloned().unwrap_or_default();
        assert!(batch.len() <= 10, "no provider takes more");
        let data = single.iter().chain(&batch).map(|event| event["data"].as_str().unwrap());
        data.map(str::to_owned).collect()
    }
}

fn with_length(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An answer without a length, which ends with the connection.
fn plain_until_the_end(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n\r\n{body}")
}
