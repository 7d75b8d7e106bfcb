//! The tables of what administrators do, and of what users withdraw.

diesel::table! {
    admin_tokens (id) {
        id -> BigInt,
        name -> Text,
        secret_hash -> Text,
        abilities -> SmallInt,
        addresses -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    admin_log (id) {
        id -> BigInt,
        token_id -> Nullable<BigInt>,
        request_id -> Nullable<Text>,
        action -> Text,
        state_before -> Nullable<Text>,
        state_after -> Nullable<Text>,
        created_at -> Timestamp,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    admin_log_head (id) {
        id -> SmallInt,
        last_id -> BigInt,
        last_hash -> Text,
    }
}

diesel::table! {
    deposits (id) {
        id -> BigInt,
        reference -> Text,
        user_id -> BigInt,
        asset_id -> Integer,
        amount -> BigInt,
        note -> Nullable<Text>,
        token_id -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    withdrawals (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> Integer,
        amount -> BigInt,
        fee -> BigInt,
        destination -> Text,
        status -> SmallInt,
        created_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        token_id -> Nullable<BigInt>,
        reference -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    adjustments (id) {
        id -> BigInt,
        user_id -> BigInt,
        asset_id -> Integer,
        amount -> BigInt,
        reason -> Text,
        status -> SmallInt,
        proposer_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        decider_id -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    audit_runs (id) {
        id -> BigInt,
        started_at -> Timestamp,
        duration_ms -> BigInt,
        findings -> Integer,
    }
}
