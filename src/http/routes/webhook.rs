//! What the provider tells by itself: which channels have their first subscriber, or lost the last.
//!
//! The provider proves itself by a signature over the raw body; nobody logs in. It repeats what was
//! not answered with 2xx, so a delivery that came before is a success that changes nothing, and so
//! is one that tells nothing of channels.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::extract::RawBody;
use crate::http::response::ApiError;
use crate::http::{Services, response};
use crate::pusher::{Webhook, WebhookError, WebhookEvent};
use crate::store::{now, occupancy};

const KEY_HEADER: &str = "x-pusher-key";
const SIGNATURE_HEADER: &str = "x-pusher-signature";

/// `POST /pusher/webhook`
pub async fn take_in(
    request: HttpRequest,
    RawBody(body): RawBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, ApiError> {
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let (key, signature) = (header(KEY_HEADER), header(SIGNATURE_HEADER));
    let now_ms = u64::try_from(now().and_utc().timestamp_millis()).unwrap_or_default();
    let webhook = Webhook::verify(&services.credentials, key, signature, &body, now_ms)
        .map_err(refusal)
        .inspect_err(|_| count("refused"))?;

    let changes = changes(&webhook);
    let digest = hex::encode(webhook.digest);
    let changed_ms = i64::try_from(webhook.time_ms).unwrap_or(i64::MAX);
    let take_in = move |c: &mut _| occupancy::record_webhook(c, &digest, &changes, changed_ms);
    let is_new = services.store.transact(take_in).await?;
    count(if is_new { "taken" } else { "repeated" });
    Ok(response::done("Webhook received successfully"))
}

/// The channels of a webhook, and whether they are occupied. All of it has one time, so what is
/// said both ways is taken for occupied.
fn changes(webhook: &Webhook) -> BTreeMap<String, bool> {
    let mut changes = BTreeMap::new();
    for event in &webhook.events {
        let (channel, is_occupied) = match event {
            WebhookEvent::ChannelOccupied(channel) => (channel, true),
            WebhookEvent::ChannelVacated(channel) => (channel, false),
            WebhookEvent::Other(_) => continue,
        };
        *changes.entry(channel.to_string()).or_default() |= is_occupied;
    }
    changes
}

/// A wrong key and a wrong signature are one answer.
fn refusal(error: WebhookError) -> ApiError {
    let (status, code, sentence) = match error {
        WebhookError::Signature => (
            StatusCode::UNAUTHORIZED,
            "webhook_unsigned",
            "The webhook is not signed with this app's key and secret.",
        ),
        WebhookError::Malformed => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "webhook_malformed",
            "The webhook is not JSON with time_ms and events.",
        ),
        WebhookError::Stale => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "webhook_stale",
            "The webhook's time is more than ten minutes away from ours.",
        ),
    };
    ApiError::refused(status, code, sentence)
}

fn count(outcome: &'static str) {
    metrics::counter!("matchcast_webhooks_total", "outcome" => outcome).increment(1);
}
