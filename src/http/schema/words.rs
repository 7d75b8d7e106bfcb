//! Schemas of the words that fields consist of. The program reads and writes them as text.
#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// The side of an order.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Side {
    Buy,
    Sell,
}

/// How the price of an order is determined, and whether it waits for a stop price.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum OrderType {
    Limit,
    Market,
    StopLimit,
    StopMarket,
}

/// How long an order may rest: until it is cancelled (`gtc`), not at all (`ioc`), not at all and
/// only if it fills completely (`fok`), until a date (`gtd`).
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum TimeInForce {
    Gtc,
    Ioc,
    Fok,
    Gtd,
}

/// What happens to two orders of the same user that would match.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SelfTradePrevention {
    CancelNewest,
    CancelOldest,
    CancelBoth,
    Decrement,
}

/// Why an order was cancelled.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum CancelReason {
    User,
    SelfTrade,
    OutOfRange,
    FillLimit,
    Ioc,
    Fok,
    Slippage,
    Expired,
    AccountFrozen,
}

/// What a user may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum UserStatus {
    Active,
    Frozen,
    Closed,
}

/// What a market accepts.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MarketStatus {
    Open,
    CancelOnly,
    Halted,
}

/// What an order was in a trade.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Role {
    Maker,
    Taker,
}

/// The length of a candle.
#[derive(ToSchema)]
pub enum Interval {
    #[schema(rename = "1m")]
    OneMinute,
    #[schema(rename = "5m")]
    FiveMinutes,
    #[schema(rename = "15m")]
    FifteenMinutes,
    #[schema(rename = "1h")]
    OneHour,
    #[schema(rename = "4h")]
    FourHours,
    #[schema(rename = "1d")]
    OneDay,
}

/// What a token may be used for.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Ability {
    Read,
    Trade,
    Account,
}

/// What the client of a session keeps: a bearer token alone, or a cookie.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum SessionKind {
    Token,
    Cookie,
}

/// What the token of an administrator may be used for.
#[derive(ToSchema)]
pub enum AdminAbility {
    #[schema(rename = "admin:read")]
    Read,
    #[schema(rename = "admin:funds")]
    Funds,
    #[schema(rename = "admin:users")]
    Users,
    #[schema(rename = "admin:markets")]
    Markets,
}

/// Why a balance changed.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Action {
    Deposit,
    OrderReserved,
    OrderRefund,
    OrderCancelled,
    TradeCompleted,
    CommissionCollected,
    WithdrawalRequested,
    WithdrawalCompleted,
    WithdrawalRejected,
    WithdrawalCancelled,
    WithdrawalFee,
    Adjustment,
    MigrationOpening,
    MigrationHistory,
    MigrationAdjustment,
}

/// What a change of a balance refers to.
#[derive(ToSchema)]
pub enum ReferenceType {
    Order,
    Trade,
    Market,
    Withdrawal,
}

/// An event that can be posted to a user's webhook.
#[derive(ToSchema)]
pub enum WebhookEvent {
    #[schema(rename = "order.matched")]
    OrderMatched,
    #[schema(rename = "order.updated")]
    OrderUpdated,
    #[schema(rename = "balance.updated")]
    BalanceUpdated,
    #[schema(rename = "withdrawal.updated")]
    WithdrawalUpdated,
}

/// What has become of a withdrawal.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum WithdrawalStatus {
    Pending,
    Completed,
    Rejected,
    Cancelled,
}

/// What has become of an adjustment.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AdjustmentStatus {
    Proposed,
    Applied,
    Rejected,
}

/// Whether messages of a webhook are delivered.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum WebhookStatus {
    Active,
    Failing,
    Disabled,
}

/// Whether a message of a webhook was delivered.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum MessageStatus {
    Pending,
    Delivered,
    Failed,
}
