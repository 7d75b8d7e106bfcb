//! The tables, as both databases have them. migrations/ says what the columns mean.

diesel::table! {
    users (id) {
        id -> BigInt,
        name -> Text,
        email -> Text,
        password -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    tokens (id) {
        id -> BigInt,
        user_id -> BigInt,
        secret_hash -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Nullable<BigInt>,
        state -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
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
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> Integer,
        available -> BigInt,
        locked -> BigInt,
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
        commission_rate -> BigInt,
        reserved -> BigInt,
        status -> SmallInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        cancelled_at -> Nullable<Timestamp>,
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
        told -> SmallInt,
        sequence -> BigInt,
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
        bucket -> SmallInt,
        socket_id -> Nullable<Text>,
        attempts -> Integer,
        next_try_at -> Nullable<Timestamp>,
        last_answer -> Nullable<Text>,
    }
}

diesel::table! {
    set_aside_events (id) {
        id -> BigInt,
        channel -> Text,
        name -> Text,
        data -> Text,
        created_at -> Timestamp,
        set_aside_at -> Timestamp,
        answer -> Text,
        socket_id -> Nullable<Text>,
        attempts -> Integer,
    }
}

diesel::table! {
    delivered_events (name) {
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
    }
}

diesel::table! {
    market_feeds (market_id) {
        market_id -> Integer,
        book_version -> BigInt,
        book_sequence -> BigInt,
        told_at -> Timestamp,
    }
}

diesel::table! {
    channel_occupancy (channel) {
        channel -> Text,
        occupied -> Bool,
        changed_ms -> BigInt,
        seen_at -> Timestamp,
        expected_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    webhooks (digest) {
        digest -> Text,
        received_at -> Timestamp,
    }
}

diesel::joinable!(ledger_entries -> accounts (account_id));
diesel::joinable!(accounts -> assets (asset_id));

diesel::allow_tables_to_appear_in_same_query!(
    users,
    tokens,
    sessions,
    assets,
    markets,
    accounts,
    orders,
    trades,
    ledger_entries,
    outbox,
    set_aside_events,
    delivered_events,
    leases,
    market_feeds,
    channel_occupancy,
    webhooks,
);
