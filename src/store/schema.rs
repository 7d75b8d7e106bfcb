//! The tables, as both databases have them. migrations/ documents the columns.

mod administration;

pub use administration::*;

/// The condition of the partial index of the open orders of a user, for `sql`.
pub(super) const OPEN_ORDERS: &str = "status = 1";
/// The condition of the partial index of open sell orders, for `sql`.
///
/// A literal: a planner that sees parameters instead cannot know that the index serves.
pub(super) const OPEN_ASKS: &str = "status = 1 AND side = 2 AND NOT is_waiting";
/// [`OPEN_ASKS`] of open buy orders.
pub(super) const OPEN_BIDS: &str = "status = 1 AND side = 1 AND NOT is_waiting";
/// The condition of the partial index of waiting stop orders to buy, for `sql`.
pub(super) const BUY_STOPS: &str = "is_waiting AND side = 1";
/// [`BUY_STOPS`] of stop orders to sell.
pub(super) const SELL_STOPS: &str = "is_waiting AND side = 2";
/// The condition of the partial index of open orders with a date, for `sql`.
pub(super) const EXPIRING: &str = "status = 1 AND expires_at IS NOT NULL";

diesel::table! {
    users (id) {
        id -> BigInt,
        name -> Text,
        email -> Text,
        password -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        status -> SmallInt,
        status_reason -> Nullable<Text>,
        status_changed_at -> Nullable<Timestamp>,
        one_time_password_expires_at -> Nullable<Timestamp>,
        one_time_password_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    tokens (id) {
        id -> BigInt,
        user_id -> BigInt,
        secret_hash -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        name -> Nullable<Text>,
        abilities -> SmallInt,
        last_used_at -> Nullable<Timestamp>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Nullable<BigInt>,
        state -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        last_used_at -> Nullable<Timestamp>,
        token_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    assets (id) {
        id -> Integer,
        symbol -> Text,
    }
}

diesel::table! {
    markets (id) {
        id -> Integer,
        symbol -> Text,
        base_asset_id -> Integer,
        quote_asset_id -> Integer,
        trade_sequence -> BigInt,
        book_version -> BigInt,
        status -> SmallInt,
        arrival_sequence -> BigInt,
        last_price -> Nullable<BigInt>,
        waiting_stops -> Integer,
        triggering_low -> Nullable<BigInt>,
        triggering_high -> Nullable<BigInt>,
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> Integer,
        available -> BigInt,
        locked -> BigInt,
        open_orders -> Integer,
        version -> BigInt,
        user_status -> SmallInt,
    }
}

diesel::table! {
    orders (id) {
        id -> BigInt,
        user_id -> BigInt,
        market_id -> Integer,
        side -> SmallInt,
        price -> BigInt,
        amount -> BigInt,
        filled_amount -> BigInt,
        filled_value -> BigInt,
        commission -> BigInt,
        taker_rate -> BigInt,
        reserved -> BigInt,
        status -> SmallInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        cancelled_at -> Nullable<Timestamp>,
        cancel_reason -> Nullable<SmallInt>,
        client_order_id -> Nullable<Text>,
        order_type -> SmallInt,
        time_in_force -> SmallInt,
        post_only -> Bool,
        self_trade_prevention -> SmallInt,
        prevented_amount -> BigInt,
        arrival -> BigInt,
        expires_at -> Nullable<Timestamp>,
        stop_price -> Nullable<BigInt>,
        is_waiting -> Bool,
        quote_amount -> Nullable<BigInt>,
        is_amended -> Bool,
        maker_rate -> Nullable<BigInt>,
        taker_value -> BigInt,
    }
}

diesel::table! {
    trades (id) {
        id -> BigInt,
        market_id -> Integer,
        buy_order_id -> BigInt,
        sell_order_id -> BigInt,
        buyer_id -> BigInt,
        seller_id -> BigInt,
        price -> BigInt,
        amount -> BigInt,
        value -> BigInt,
        buyer_commission -> BigInt,
        seller_commission -> BigInt,
        created_at -> Timestamp,
        matched_events -> SmallInt,
        sequence -> BigInt,
        taker_side -> Nullable<SmallInt>,
    }
}

diesel::table! {
    candles (market_id, interval_s, opened_at) {
        market_id -> Integer,
        interval_s -> Integer,
        opened_at -> Timestamp,
        open -> BigInt,
        high -> BigInt,
        low -> BigInt,
        close -> BigInt,
        volume_whole -> BigInt,
        volume_fraction -> BigInt,
        quote_volume_whole -> BigInt,
        quote_volume_fraction -> BigInt,
        trade_count -> BigInt,
        first_sequence -> BigInt,
        last_sequence -> BigInt,
    }
}

diesel::table! {
    ledger_entries (id) {
        id -> BigInt,
        account_id -> BigInt,
        action -> SmallInt,
        available_change -> BigInt,
        locked_change -> BigInt,
        available_after -> BigInt,
        reference_type -> Nullable<SmallInt>,
        reference_id -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        channel -> Text,
        name -> Text,
        data -> Text,
        created_at -> Timestamp,
        shard -> SmallInt,
        socket_id -> Nullable<Text>,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    dead_letters (id) {
        id -> BigInt,
        channel -> Text,
        name -> Text,
        data -> Text,
        created_at -> Timestamp,
        dead_lettered_at -> Timestamp,
        error -> Text,
        socket_id -> Nullable<Text>,
        attempts -> Integer,
    }
}

diesel::table! {
    event_counters (name) {
        name -> Text,
        delivered -> BigInt,
        skipped -> BigInt,
        dropped -> BigInt,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        expires_at -> Timestamp,
        length_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    publishers (holder) {
        holder -> Text,
        expires_at -> Timestamp,
        length_ms -> BigInt,
    }
}

diesel::table! {
    publisher_shards (shard) {
        shard -> SmallInt,
        holder -> Text,
    }
}

diesel::table! {
    published_books (market_id) {
        market_id -> Integer,
        book_version -> BigInt,
        book_sequence -> BigInt,
        published_at -> Timestamp,
    }
}

diesel::table! {
    channel_occupancy (channel) {
        channel -> Text,
        occupied -> Bool,
        changed_ms -> BigInt,
        seen_at -> Timestamp,
        authorized_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    provider_webhooks (digest) {
        digest -> Text,
        received_at -> Timestamp,
    }
}

diesel::table! {
    webhook_endpoints (id) {
        id -> BigInt,
        user_id -> BigInt,
        url -> Text,
        events -> Text,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_secret_until -> Nullable<Timestamp>,
        created_at -> Timestamp,
        failing_since -> Nullable<Timestamp>,
        disabled_at -> Nullable<Timestamp>,
        disabled_reason -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_messages (id) {
        id -> BigInt,
        endpoint_id -> BigInt,
        event -> Text,
        user_id -> Nullable<BigInt>,
        data -> Text,
        created_at -> Timestamp,
        status -> SmallInt,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        last_attempt_at -> Nullable<Timestamp>,
        response_status -> Nullable<SmallInt>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> BigInt,
        key -> Text,
        fingerprint -> Binary,
        status -> SmallInt,
        body -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    demo_traders (user_id) {
        user_id -> BigInt,
        role -> SmallInt,
        is_running -> Bool,
    }
}

diesel::joinable!(tokens -> users (user_id));
diesel::joinable!(ledger_entries -> accounts (account_id));
diesel::joinable!(accounts -> assets (asset_id));
diesel::joinable!(published_books -> markets (market_id));

diesel::allow_tables_to_appear_in_same_query!(
    users,
    tokens,
    admin_tokens,
    admin_log,
    admin_log_head,
    audit_runs,
    demo_traders,
    deposits,
    sessions,
    assets,
    markets,
    accounts,
    orders,
    trades,
    candles,
    ledger_entries,
    outbox,
    dead_letters,
    event_counters,
    leases,
    publishers,
    publisher_shards,
    published_books,
    channel_occupancy,
    provider_webhooks,
    webhook_endpoints,
    webhook_messages,
    idempotency_keys,
);
