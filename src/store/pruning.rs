//! Deletes rows that are of no use any more, in small transactions.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::schema::{idempotency_keys, provider_webhooks, sessions, tokens, webhook_messages};
use super::{AnyConnection, StoreError, now};

/// How long expired tokens and sessions are kept: a process whose clock is ahead by less than this
/// deletes none that is valid.
const EXPIRED_KEPT: TimeDelta = TimeDelta::hours(1);
/// How long the digest of a provider's webhook is kept: providers repeat it for five minutes, and
/// webhooks that are older than ten minutes are refused.
const PROVIDER_WEBHOOKS_KEPT: TimeDelta = TimeDelta::minutes(15);
/// How long messages for webhook endpoints are kept, delivered or not, to be replayed: seven days,
/// also by a clock that is an hour ahead.
const WEBHOOK_MESSAGES_KEPT: TimeDelta = TimeDelta::hours(7 * 24 + 1);
/// How long a request's key and response are kept: 24 hours, also by a clock that is an hour ahead.
const IDEMPOTENCY_KEYS_KEPT: TimeDelta = TimeDelta::hours(25);

/// A table whose rows expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    Tokens,
    Sessions,
    ProviderWebhooks,
    WebhookMessages,
    IdempotencyKeys,
}

impl Expiring {
    pub const ALL: [Self; 5] = [
        Self::Tokens,
        Self::Sessions,
        Self::ProviderWebhooks,
        Self::WebhookMessages,
        Self::IdempotencyKeys,
    ];

    /// The name of the table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Sessions => "sessions",
            Self::ProviderWebhooks => "provider_webhooks",
            Self::WebhookMessages => "webhook_messages",
            Self::IdempotencyKeys => "idempotency_keys",
        }
    }
}

/// Deletes expired rows, the oldest first and `limit` at most; returns their number. Runs in a
/// write transaction.
pub fn prune(
    connection: &mut AnyConnection,
    expiring: Expiring,
    limit: i64,
) -> Result<usize, StoreError> {
    let expired = now() - EXPIRED_KEPT;
    Ok(match expiring {
        Expiring::Tokens => {
            let old = tokens::table.filter(tokens::expires_at.lt(expired));
            let old = old.order(tokens::expires_at.asc()).select(tokens::id).limit(limit);
            let ids: Vec<i64> = old.load(connection)?;
            diesel::delete(tokens::table.filter(tokens::id.eq_any(ids))).execute(connection)?
        }
        Expiring::Sessions => {
            let old = sessions::table.filter(sessions::expires_at.lt(expired));
            let old = old.order(sessions::expires_at.asc()).select(sessions::id).limit(limit);
            let ids: Vec<String> = old.load(connection)?;
            diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(connection)?
        }
        Expiring::ProviderWebhooks => {
            use provider_webhooks::{digest, received_at, table};
            let old = table.filter(received_at.lt(now() - PROVIDER_WEBHOOKS_KEPT));
            let digests: Vec<String> =
                old.order(received_at.asc()).select(digest).limit(limit).load(connection)?;
            diesel::delete(table.filter(digest.eq_any(digests))).execute(connection)?
        }
        Expiring::WebhookMessages => {
            use webhook_messages::{created_at, id, table};
            // In the order of the ids, which is that of the times but for a moment.
            let old = table.filter(created_at.lt(now() - WEBHOOK_MESSAGES_KEPT));
            let ids: Vec<i64> = old.order(id.asc()).select(id).limit(limit).load(connection)?;
            diesel::delete(table.filter(id.eq_any(ids))).execute(connection)?
        }
        Expiring::IdempotencyKeys => {
            let oldest = now() - IDEMPOTENCY_KEYS_KEPT;
            let old = idempotency_keys::table.filter(idempotency_keys::created_at.lt(oldest));
            let columns = (idempotency_keys::user_id, idempotency_keys::key);
            let old = old.order(idempotency_keys::created_at.asc()).select(columns).limit(limit);
            let mut pruned = 0;
            for key in old.load::<(i64, String)>(connection)? {
                let key = idempotency_keys::table.find(key);
                pruned += diesel::delete(key).execute(connection)?;
            }
            pruned
        }
    })
}
