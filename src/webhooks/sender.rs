//! One attempt to deliver a message.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};

use super::signature::Secret;
use super::target::{PublicResolver, Target};
use crate::events::timestamp::iso8601;
use crate::store::webhook_endpoints::Destination;
use crate::store::webhook_messages::PendingMessage;

/// The most characters of an error that are stored.
const MAX_ERROR_LEN: usize = 200;

/// What an attempt led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The HTTP status of the response, if there was one.
    pub response_status: Option<u16>,
    /// `None`: the message is delivered.
    pub failure: Option<Failure>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A sentence for the owner of the endpoint.
    pub cause: String,
    pub retry_after: Option<Duration>,
    /// The receiver wants no messages any more.
    pub is_gone: bool,
}

impl Failure {
    fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), retry_after: None, is_gone: false }
    }
}

/// Posts messages.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    allows_private: bool,
}

impl Sender {
    /// `timeout` is for one attempt, up to the head of the response.
    pub fn new(timeout: Duration, allows_private: bool) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(PublicResolver { allows_private }))
            // A proxy would resolve the name itself.
            .no_proxy()
            .referer(false)
            .user_agent(concat!("matchcast/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, allows_private })
    }

    /// Makes one attempt. Nothing of the response's body is read.
    pub async fn send(
        &self,
        destination: &Destination,
        message: &PendingMessage,
        at: NaiveDateTime,
    ) -> Outcome {
        let unreachable = |cause| Outcome { response_status: None, failure: Some(cause) };
        let target = match Target::parse(&destination.url, self.allows_private) {
            Ok(target) => target,
            Err(error) => return unreachable(Failure::new(format!("The URL {error}."))),
        };
        let body = body(message);
        let (id, timestamp) = (message_id(message.id), at.and_utc().timestamp());
        let Some(signatures) = signatures(destination, at, &id, timestamp, &body) else {
            return unreachable(Failure::new("The secret of the endpoint is damaged."));
        };
        let request = self
            .client
            .post(target.url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures)
            .body(body);
        match request.send().await {
            Err(error) => unreachable(Failure::new(describe(&error))),
            Ok(response) => {
                let retry_after = response.headers().get(RETRY_AFTER);
                let seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
                Outcome {
                    response_status: Some(response.status().as_u16()),
                    failure: failure(response.status(), seconds.map(Duration::from_secs)),
                }
            }
        }
    }
}

/// The header `webhook-id`: the same in each attempt.
pub fn message_id(id: i64) -> String {
    format!("msg_{id}")
}

/// The body: `{"type", "timestamp", "user_id", "data"}`.
fn body(message: &PendingMessage) -> String {
    let PendingMessage { event, user_id, data, created_at, .. } = message;
    let user = user_id.map_or("null".to_owned(), |id| id.to_string());
    let timestamp = iso8601(*created_at);
    // The name, the time and the payload need no escapes.
    format!(r#"{{"type":"{event}","timestamp":"{timestamp}","user_id":{user},"data":{data}}}"#)
}

/// The header `webhook-signature`: one signature for each secret that is valid. `None` if a secret
/// cannot be read.
fn signatures(
    destination: &Destination,
    at: NaiveDateTime,
    id: &str,
    timestamp: i64,
    body: &str,
) -> Option<String> {
    let signature = Secret::parse(&destination.secret)?.sign(id, timestamp, body);
    let previous = destination.previous_secret.as_ref();
    let is_valid = destination.previous_secret_until.is_some_and(|until| at < until);
    let Some(previous) = previous.filter(|_| is_valid) else { return Some(signature) };
    let other = Secret::parse(previous)?.sign(id, timestamp, body);
    Some(format!("{signature} {other}"))
}

fn failure(status: StatusCode, retry_after: Option<Duration>) -> Option<Failure> {
    let cause = match status {
        status if status.is_success() => return None,
        StatusCode::GONE => "The receiver wants no more messages (410 Gone).".to_owned(),
        status if status.is_redirection() => {
            format!("The receiver redirected ({}). Redirects are not followed.", status.as_u16())
        }
        status => format!("The receiver responded with {}.", status.as_u16()),
    };
    Some(Failure { cause, retry_after, is_gone: status == StatusCode::GONE })
}

/// Why no response came. Never contains the URL.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "The receiver did not respond in time.".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let kind = if error.is_connect() { "No connection" } else { "The request failed" };
    let text: String = format!("{kind}: {cause}")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_ERROR_LEN)
        .collect();
    format!("{}.", text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn at() -> NaiveDateTime {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap().naive_utc()
    }

    fn destination() -> Destination {
        Destination {
            id: 1,
            url: "http://127.0.0.1:9/".to_owned(),
            secret: Secret::generate().expose(),
            previous_secret: Some(Secret::generate().expose()),
            previous_secret_until: Some(at()),
            failing_since: None,
        }
    }

    #[test]
    fn both_secrets_sign_until_the_old_one_ends() {
        let destination = destination();
        let count = |at| signatures(&destination, at, "msg_1", 1, "{}").unwrap().split(' ').count();
        assert_eq!(count(at() - TimeDelta::seconds(1)), 2);
        assert_eq!(count(at()), 1);
        let damaged = Destination { secret: "x".to_owned(), ..destination.clone() };
        assert_eq!(signatures(&damaged, at(), "msg_1", 1, "{}"), None);
    }

    #[test]
    fn a_message_is_json_with_its_type_and_time() {
        let message = PendingMessage {
            id: 7,
            endpoint_id: 1,
            event: "order.matched".to_owned(),
            user_id: None,
            data: r#"{"price":0.00000001}"#.to_owned(),
            created_at: at(),
            attempts: 0,
        };
        assert_eq!(
            body(&message),
            r#"{"type":"order.matched","timestamp":"2027-01-15T08:00:00.000000Z","user_id":null,"#
                .to_owned()
                + r#""data":{"price":0.00000001}}"#
        );
        assert!(body(&PendingMessage { user_id: Some(5), ..message }).contains(r#""user_id":5,"#));
    }

    #[test]
    fn only_a_success_delivers_a_message() {
        for status in [200, 202, 204, 299] {
            assert_eq!(failure(StatusCode::from_u16(status).unwrap(), None), None);
        }
        for (status, cause) in [
            (301, "Redirects are not followed"),
            (400, "responded with 400"),
            (410, "no more messages"),
            (503, "responded with 503"),
        ] {
            let failure = failure(StatusCode::from_u16(status).unwrap(), None).unwrap();
            assert!(failure.cause.contains(cause), "{}", failure.cause);
            assert_eq!(failure.is_gone, status == 410);
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_private_address() {
        let message = PendingMessage {
            id: 1,
            endpoint_id: 1,
            event: "order.matched".to_owned(),
            user_id: None,
            data: "{}".to_owned(),
            created_at: at(),
            attempts: 0,
        };
        let cause = async |url: &str, allows_private| {
            let sender = Sender::new(Duration::from_secs(5), allows_private).unwrap();
            let destination = Destination { url: url.to_owned(), ..destination() };
            let outcome = sender.send(&destination, &message, at()).await;
            assert_eq!(outcome.response_status, None);
            outcome.failure.unwrap().cause
        };
        let refused = cause("https://169.254.169.254/", false).await;
        assert!(refused.contains("public address"), "{refused}");
        // Its port is closed.
        let tried = cause("http://127.0.0.1:1/", true).await;
        assert!(tried.starts_with("No connection"), "{tried}");
    }
}
