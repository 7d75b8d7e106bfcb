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
    }
}

diesel::table! {
    delivered_events (name) {
        name -> Text,
        delivered -> BigInt,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        expires_at -> Timestamp,
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
);
