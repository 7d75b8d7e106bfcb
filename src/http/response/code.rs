//! The codes of errors: all of them, each with its status, its title and its meaning.
//!
//! docs/ERRORS.md shows the list, which a test compares, and `GET /api/errors` returns it.

use actix_web::http::StatusCode;
use serde::{Serialize, Serializer};

/// Where a code is described; the `type` of a problem.
const DESCRIPTIONS: &str = "/api/errors";

macro_rules! error_codes {
    ($($name:ident: $status:literal $word:literal, $title:literal, $meaning:literal;)+) => {
        /// What clients distinguish errors by. Each code has one status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($name),+
        }

        impl ErrorCode {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        status: $status,
                        word: $word,
                        title: $title,
                        meaning: $meaning,
                    }),+
                }
            }
        }
    };
}

struct Row {
    status: u16,
    word: &'static str,
    title: &'static str,
    meaning: &'static str,
}

error_codes! {
    MalformedBody: 400 "malformed_body", "Malformed body",
        "The body is not UTF-8, not valid JSON or not a valid form.";
    MalformedQuery: 400 "malformed_query", "Malformed query",
        "The query string could not be parsed.";
    InsufficientFunds: 400 "insufficient_funds", "Insufficient funds",
        "The available balance does not cover the order, the withdrawal or the adjustment.";
    PostOnlyWouldMatch: 400 "post_only_would_match", "Post-only order would match",
        "The post-only order would match; nothing was reserved.";
    NoMarketPrice: 400 "no_market_price", "No market price",
        "There is no order that the market order could match.";
    OrderNotOpen: 400 "order_not_open", "Order not open",
        "The order is already filled or cancelled.";
    BatchRejected: 400 "batch_rejected", "Batch rejected",
        "No order of the batch was placed.";
    MarketCancelOnly: 400 "market_cancel_only", "Market accepts cancellations only",
        "In this market orders can only be cancelled at the moment.";
    MarketHalted: 400 "market_halted", "Market halted",
        "This market accepts nothing at the moment.";
    TooManyWebhooks: 400 "too_many_webhooks", "Too many webhooks",
        "The user has ten webhooks.";
    TooManyTokens: 400 "too_many_tokens", "Too many tokens",
        "The user has 50 valid tokens.";
    TooManyOpenOrders: 400 "too_many_open_orders", "Too many open orders",
        "The user has `market.max_open_orders` open orders in this market.";
    WithdrawalLimit: 400 "withdrawal_limit", "Withdrawal limit",
        "The account's withdrawals of the last 24 hours would exceed the limit of the asset.";
    Unauthenticated: 401 "unauthenticated", "Unauthenticated",
        "The token or session is missing, invalid, expired or revoked.";
    WebhookUnsigned: 401 "webhook_unsigned", "Webhook not signed",
        "The webhook's key or signature is wrong.";
    Forbidden: 403 "forbidden", "Forbidden",
        "The user may not subscribe to this channel.";
    MissingAbility: 403 "missing_ability", "Missing ability",
        "The token may not be used for this call.";
    SameAdministrator: 403 "same_administrator", "Same administrator",
        "An adjustment must be approved with another token than it was proposed with.";
    AccountFrozen: 403 "account_frozen", "Account frozen",
        "An administrator has frozen the user, who can neither order nor log in.";
    NotFound: 404 "not_found", "Not found",
        "The path is unknown, or the call is disabled.";
    MarketNotFound: 404 "market_not_found", "Market not found",
        "There is no such market.";
    OrderNotFound: 404 "order_not_found", "Order not found",
        "There is no such order, or it is another user's order.";
    TokenNotFound: 404 "token_not_found", "Token not found",
        "There is no such token, or it is another user's token.";
    SessionNotFound: 404 "session_not_found", "Session not found",
        "There is no such session, or it is another user's session.";
    WithdrawalNotFound: 404 "withdrawal_not_found", "Withdrawal not found",
        "There is no such withdrawal, or it is another user's withdrawal.";
    AdjustmentNotFound: 404 "adjustment_not_found", "Adjustment not found",
        "There is no such adjustment.";
    MethodNotAllowed: 405 "method_not_allowed", "Method not allowed",
        "The path exists, but not with this method.";
    BodyTimeout: 408 "body_timeout", "Body timeout",
        "The body did not arrive within `http.body_timeout_ms`; the connection is closed.";
    ClientOrderIdTaken: 409 "client_order_id_taken", "Client order id taken",
        "The user has an order with this client order id.";
    IdempotencyKeyInFlight: 409 "idempotency_key_in_flight", "Idempotency key in flight",
        "A request with this idempotency key is being executed; send it again.";
    DepositReferenceTaken: 409 "deposit_reference_taken", "Deposit reference taken",
        "Another deposit has this reference: to another account, or of another amount.";
    WithdrawalNotPending: 409 "withdrawal_not_pending", "Withdrawal not pending",
        "The withdrawal has ended in another way.";
    AdjustmentDecided: 409 "adjustment_decided", "Adjustment decided",
        "The adjustment was approved, and cannot be rejected, or the other way round.";
    AccountClosed: 409 "account_closed", "Account closed",
        "An administrator has closed the user, for ever.";
    AccountNotEmpty: 409 "account_not_empty", "Account not empty",
        "The user has money or open orders, and cannot be closed.";
    BodyTooLarge: 413 "body_too_large", "Body too large",
        "The body exceeds `http.body_limit` (64 KiB).";
    UnsupportedMediaType: 415 "unsupported_media_type", "Unsupported media type",
        "The body is `multipart/form-data`.";
    CsrfTokenMismatch: 419 "csrf_token_mismatch", "CSRF token mismatch",
        "A session wrote without its CSRF token.";
    ValidationFailed: 422 "validation_failed", "Validation failed",
        "Fields are missing or invalid; `errors` names them.";
    IdempotencyKeyReused: 422 "idempotency_key_reused", "Idempotency key reused",
        "This idempotency key was used for another request.";
    WebhookMalformed: 422 "webhook_malformed", "Webhook malformed",
        "The webhook is not JSON with `time_ms` and `events`.";
    WebhookStale: 422 "webhook_stale", "Webhook stale",
        "The webhook's time is more than ten minutes away from the server's.";
    TooManyAttempts: 429 "too_many_attempts", "Too many attempts",
        "A limit of requests per minute is used up; `Retry-After` says when it ends.";
    FaucetLimit: 429 "faucet_limit", "Faucet limit",
        "The account's daily faucet calls are used up.";
    Internal: 500 "internal", "Internal error",
        "An unexpected error; nothing was changed, and the log has the cause.";
    TooBusy: 503 "too_busy", "Too busy",
        "The queue of orders or of log-ins is full; nothing was changed.";
    Stopping: 503 "stopping", "Stopping",
        "The process is shutting down; nothing was changed.";
    Unavailable: 503 "unavailable", "Unavailable",
        "The database is unavailable, or the order waited too long for it; nothing was changed.";
    OutcomeUnknown: 503 "outcome_unknown", "Outcome unknown",
        "The database did not confirm the commit in time.";
}

impl ErrorCode {
    /// The code as it is written in responses.
    pub fn as_str(self) -> &'static str {
        self.row().word
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).expect("a test checks each status of the list")
    }

    /// What is common to all errors with this code, in some words.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// A sentence or two.
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// The path that describes the code.
    pub fn description_path(self) -> String {
        format!("{DESCRIPTIONS}/{}", self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::ErrorCode;

    const BEGIN: &str = "<!-- codes:begin -->\n";
    const END: &str = "<!-- codes:end -->\n";

    #[test]
    fn each_code_has_its_own_word_and_a_status_of_errors() {
        let words: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
        assert_eq!(ErrorCode::parse("nothing"), None);
    }

    #[test]
    fn the_document_shows_every_code() {
        let mut table = String::from("| status | `code` | meaning |\n| --- | --- | --- |\n");
        for code in ErrorCode::ALL {
            let (status, word) = (code.status().as_u16(), code.as_str());
            writeln!(table, "| {status} | `{word}` | {} |", code.meaning()).unwrap();
        }
        let document = include_str!("../../../docs/ERRORS.md");
        let (_, rest) = document.split_once(BEGIN).expect("the beginning of the list");
        let (shown, _) = rest.split_once(END).expect("the end of the list");
        assert_eq!(shown, table, "the list in docs/ERRORS.md must be:\n{table}");
    }
}
