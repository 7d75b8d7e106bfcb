//! The provider's webhooks: channels that have gained their first subscriber or lost their last.
//!
//! They are authenticated by the provider's signature over the raw body. The provider repeats
//! webhooks that do not get a 2xx, so a duplicate is a success that changes nothing. The same holds
//! for webhooks without channel events.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::extract::RawBody;
use crate::http::response::{self, ApiError, ErrorCode};
use crate::http::schema as doc;
use crate::http::state::AppState;
use crate::pusher::{Webhook, WebhookError, WebhookEvent};
use crate::store::{now, occupancy};

const KEY_HEADER: &str = "x-pusher-key";
const SIGNATURE_HEADER: &str = "x-pusher-signature";

/// Receives the provider's webhooks.
#[utoipa::path(
    post,
    path = "/api/pusher/webhook",
    operation_id = "receiveProviderWebhook",
    tag = "Events",
    security(()),
    params(doc::ProviderSignature),
    request_body = doc::ProviderWebhook,
    responses((status = 200, description = "Success", body = doc::Done)),
)]
pub async fn receive(
    request: HttpRequest,
    RawBody(body): RawBody,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let (key, signature) = (header(KEY_HEADER), header(SIGNATURE_HEADER));
    let now_ms = u64::try_from(now().and_utc().timestamp_millis()).unwrap_or_default();
    let webhook = Webhook::verify(&state.credentials, key, signature, &body, now_ms)
        .map_err(rejection)
        .inspect_err(|_| count("rejected"))?;

    let changes = changes(&webhook);
    let digest = hex::encode(webhook.digest);
    let changed_ms = i64::try_from(webhook.time_ms).unwrap_or(i64::MAX);
    let record = move |c: &mut _| occupancy::record_webhook(c, &digest, &changes, changed_ms);
    let is_new = state.store.transact(record).await?;
    count(if is_new { "accepted" } else { "duplicate" });
    Ok(response::done("Webhook received successfully"))
}

/// The channels of a webhook, and whether they are occupied. All events of a webhook have the same
/// time, so a channel that is reported as both counts as occupied.
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

/// A wrong key and a wrong signature get the same response.
fn rejection(error: WebhookError) -> ApiError {
    let (code, sentence) = match error {
        WebhookError::Signature => (
            ErrorCode::WebhookUnsigned,
            "The webhook is not signed with this app's key and secret.",
        ),
        WebhookError::Malformed => {
            (ErrorCode::WebhookMalformed, "The webhook is not JSON with time_ms and events.")
        }
        WebhookError::Stale => {
            (ErrorCode::WebhookStale, "The webhook's time is more than ten minutes away from ours.")
        }
    };
    ApiError::refused(code, sentence)
}

fn count(outcome: &'static str) {
    metrics::counter!("matchcast_webhooks_total", "outcome" => outcome).increment(1);
}
