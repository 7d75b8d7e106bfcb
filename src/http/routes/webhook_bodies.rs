//! Webhooks and their messages as responses show them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::response::iso8601;
use crate::http::schema as doc;
use crate::store::webhook_endpoints::Endpoint;
use crate::store::webhook_messages::LoggedMessage;
use crate::webhooks::message_id;

/// A webhook as responses show it.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    id: i64,
    url: String,
    #[schema(value_type = Vec<doc::WebhookEvent>)]
    events: Vec<String>,
    /// `active`, `failing` or `disabled`.
    #[schema(value_type = doc::WebhookStatus)]
    status: &'static str,
    #[schema(value_type = Option<doc::Timestamp>)]
    failing_since: Option<String>,
    #[schema(value_type = Option<doc::Timestamp>)]
    disabled_at: Option<String>,
    disabled_reason: Option<String>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct OneWebhook {
    pub webhook: WebhookBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct WithSecret {
    pub webhook: WebhookBody,
    /// Only in this response.
    pub secret: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WebhookMessage)]
pub struct MessageBody {
    /// The header `webhook-id` of its requests.
    id: String,
    #[schema(value_type = doc::WebhookEvent)]
    event: String,
    /// `pending`, `delivered` or `failed`.
    #[schema(value_type = doc::MessageStatus)]
    status: &'static str,
    attempts: i32,
    response_status: Option<i16>,
    error: Option<String>,
    #[schema(value_type = doc::Timestamp)]
    created_at: String,
    #[schema(value_type = Option<doc::Timestamp>)]
    last_attempt_at: Option<String>,
    #[schema(value_type = Option<doc::Timestamp>)]
    next_attempt_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReplayedMessages)]
pub struct Replayed {
    /// The number of messages.
    pub replayed: usize,
}

impl From<Endpoint> for WebhookBody {
    fn from(endpoint: Endpoint) -> Self {
        let status = match (endpoint.disabled_at, endpoint.failing_since) {
            (Some(_), _) => "disabled",
            (None, Some(_)) => "failing",
            (None, None) => "active",
        };
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.events.split(',').map(str::to_owned).collect(),
            status,
            failing_since: endpoint.failing_since.map(iso8601),
            disabled_at: endpoint.disabled_at.map(iso8601),
            disabled_reason: endpoint.disabled_reason,
            created_at: iso8601(endpoint.created_at),
        }
    }
}

impl From<LoggedMessage> for MessageBody {
    fn from(message: LoggedMessage) -> Self {
        Self {
            id: message_id(message.id),
            event: message.event,
            status: message.status.name(),
            attempts: message.attempts,
            response_status: message.response_status,
            error: message.error,
            created_at: iso8601(message.created_at),
            last_attempt_at: message.last_attempt_at.map(iso8601),
            next_attempt_at: message.next_attempt_at.map(iso8601),
        }
    }
}
