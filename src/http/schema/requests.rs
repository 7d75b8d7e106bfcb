//! The bodies and parameters of requests, as validators read them.
#![expect(dead_code, reason = "only their schemas are used")]

use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::formats::{
    ClientOrderIdText, ErrorWord, Flag, LabelText, NewPasswordText, PositiveDecimal, RequestTime,
    RequiredText, SocketIdText,
};
use super::words::{
    Ability, Interval, OrderType, SelfTradePrevention, Side, TimeInForce, WebhookEvent,
    WithdrawalStatus,
};

/// An order to be placed. A limit order has a `price`; a stop order also has a `stop_price`. A
/// market order has no price, is `ioc` or `fok`, and may have a `quote_amount` instead of an
/// `amount` if it buys.
#[derive(ToSchema)]
#[schema(example = json!({ "symbol": "BTC", "side": "buy", "price": "50000", "amount": "0.01" }))]
pub struct NewOrder {
    #[schema(examples("BTC"), max_length = 33, pattern = "[^\\s\\u0085]")]
    symbol: String,
    side: Side,
    /// `limit` unless given.
    #[schema(rename = "type")]
    order_type: Option<OrderType>,
    price: Option<PositiveDecimal>,
    stop_price: Option<PositiveDecimal>,
    amount: Option<PositiveDecimal>,
    /// What the fills and their commission may cost, in the quote asset.
    quote_amount: Option<PositiveDecimal>,
    /// `gtc` unless given; `ioc` for a market order.
    time_in_force: Option<TimeInForce>,
    /// Required for `gtd`.
    expires_at: Option<RequestTime>,
    /// Refused if it would match at once.
    post_only: Option<Flag>,
    /// `cancel_newest` unless given.
    self_trade_prevention: Option<SelfTradePrevention>,
    client_order_id: Option<ClientOrderIdText>,
}

/// What is to be changed of an order. Only a smaller amount keeps its place in the book.
#[derive(ToSchema)]
#[schema(example = json!({ "price": "49000" }), min_properties = 1)]
pub struct Amendment {
    price: Option<PositiveDecimal>,
    /// The whole amount, including what is filled.
    amount: Option<PositiveDecimal>,
}

/// Orders to be placed in one transaction, in their order.
#[derive(ToSchema)]
#[schema(example = json!({
    "orders": [
        { "symbol": "BTC", "side": "buy", "price": "41000", "amount": "0.01" },
        { "symbol": "BTC", "side": "buy", "price": "42000", "amount": "0.01" },
    ],
}))]
pub struct NewOrders {
    #[schema(min_items = 1, max_items = 50)]
    orders: Vec<NewOrder>,
    /// Places either all orders or none.
    atomic: Option<Flag>,
}

/// A log-in.
#[derive(ToSchema)]
#[schema(example = json!({ "email": "alice@example.com", "password": "password" }))]
pub struct Credentials {
    email: RequiredText,
    #[schema(max_length = 1024, pattern = "[^\\s\\u0085]")]
    password: String,
}

/// A new user.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "Dora",
    "email": "dora@example.com",
    "password": "correct horse",
    "password_confirmation": "correct horse",
}))]
pub struct NewUser {
    name: RequiredText,
    #[schema(max_length = 255, format = Email)]
    email: String,
    password: NewPasswordText,
    /// The password again.
    password_confirmation: String,
}

/// A change of the user's password.
#[derive(ToSchema)]
#[schema(example = json!({
    "current_password": "password",
    "password": "correct horse",
    "password_confirmation": "correct horse",
}))]
pub struct NewPassword {
    #[schema(max_length = 1024, pattern = "[^\\s\\u0085]")]
    current_password: String,
    password: NewPasswordText,
    /// The password again.
    password_confirmation: String,
}

/// Money for the demo.
#[derive(ToSchema)]
#[schema(example = json!({ "currency": "USD", "amount": "100" }))]
pub struct FaucetCall {
    #[schema(examples("USD"), max_length = 16, pattern = "[^\\s\\u0085]")]
    currency: String,
    /// The most that a call gives, unless given: 10,000 USD, 10 ETH, or 1 of another asset.
    amount: Option<PositiveDecimal>,
}

/// Whether the demo's traders are to trade.
#[derive(ToSchema)]
#[schema(example = json!({ "running": false }))]
pub struct DemoTradersSwitch {
    running: bool,
}

/// A withdrawal to be requested.
#[derive(ToSchema)]
#[schema(example = json!({
    "asset": "USD",
    "amount": "12.5",
    "destination": "DE02 1203 0000 0000 2020 51",
}))]
pub struct NewWithdrawal {
    #[schema(examples("USD"), max_length = 16, pattern = "\\S")]
    asset: String,
    /// What the account loses: the fee of the asset is a part of it.
    amount: PositiveDecimal,
    /// Where it is to be paid, in the words of the payment service.
    destination: LabelText,
}

/// A token to be created.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Trading bot", "abilities": ["read", "trade"] }))]
pub struct NewToken {
    name: RequiredText,
    #[schema(min_items = 1)]
    abilities: Vec<Ability>,
    /// Never, unless given or limited by the configuration.
    expires_at: Option<RequestTime>,
}

/// A webhook to be created.
#[derive(ToSchema)]
#[schema(example = json!({
    "url": "https://hooks.example.com/matchcast",
    "events": ["order.matched"],
}))]
pub struct NewWebhook {
    /// An `https` URL, whose address must be public.
    #[schema(examples("https://hooks.example.com/matchcast"), max_length = 4096)]
    url: String,
    #[schema(min_items = 1)]
    events: Vec<WebhookEvent>,
}

/// The messages to be delivered again, by the time of their events.
#[derive(ToSchema)]
#[schema(example = json!({ "from": "2026-01-31T00:00:00Z" }))]
pub struct ReplayedRange {
    from: RequestTime,
    /// Now, unless given.
    to: Option<RequestTime>,
}

/// A subscription to a private channel.
#[derive(ToSchema)]
#[schema(example = json!({ "socket_id": "1234.5678", "channel_name": "private-user.1" }))]
pub struct ChannelRequest {
    socket_id: SocketIdText,
    #[schema(max_length = 200, pattern = "[^\\s\\u0085]")]
    channel_name: String,
}

/// A sign-in to the provider.
#[derive(ToSchema)]
#[schema(example = json!({ "socket_id": "1234.5678" }))]
pub struct SignInRequest {
    socket_id: SocketIdText,
}

/// An event for the debug console.
#[derive(ToSchema)]
#[schema(example = json!({ "channel": "my-channel", "name": "my-event", "data": "{}" }))]
pub struct DebugEvent {
    #[schema(max_length = 200, pattern = "^[-A-Za-z0-9_=@,.;]+$")]
    channel: String,
    #[schema(max_length = 200, pattern = "[^\\s\\u0085]")]
    name: String,
    #[schema(max_length = 10240, pattern = "[^\\s\\u0085]")]
    data: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// A request with the same key and body is executed once, and has the same response.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[ -~]+$",
        required = false
    )]
    idempotency_key: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfNoneMatch {
    /// The `ETag` of an earlier response: 304 if nothing has changed since.
    #[param(rename = "If-None-Match", required = false)]
    if_none_match: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ById {
    id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ByClientOrderId {
    /// The user's own id of the order.
    #[param(rename = "id")]
    client_order_id: String,
}

/// A page of a list. Without parameters, the newest `http.list_cap` rows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The most rows.
    #[param(minimum = 1, maximum = 1000, required = false)]
    limit: i64,
    /// The position of the page, from the `Link` of the page before.
    #[param(required = false)]
    cursor: String,
    /// Only rows from this time on.
    #[param(value_type = RequestTime, required = false)]
    from: String,
    /// Only rows before this time.
    #[param(value_type = RequestTime, required = false)]
    to: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfWithdrawalStatus {
    #[param(required = false)]
    status: WithdrawalStatus,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfMarket {
    #[param(example = "BTC")]
    symbol: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MaybeOfMarket {
    #[param(example = "BTC", required = false)]
    symbol: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfSide {
    #[param(inline, required = false)]
    side: Side,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfStatus {
    #[param(pattern = "^[123]$", example = "1", required = false)]
    status: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CandleRange {
    #[param(inline)]
    interval: Interval,
    /// The beginning of the oldest candle.
    #[param(required = false)]
    from: RequestTime,
    /// Only candles that begin before this time.
    #[param(required = false)]
    to: RequestTime,
    /// The most candles; the newest ones are returned.
    #[param(minimum = 1, maximum = 1000, required = false)]
    limit: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct BySymbol {
    #[param(example = "BTC")]
    symbol: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfDepth {
    /// The most prices of a side.
    #[param(minimum = 1, maximum = 1000, required = false)]
    depth: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfCurrency {
    /// An asset, or `all`; USD unless given.
    #[param(example = "all", required = false)]
    currency: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AfterEntry {
    /// The number of the last entry that the client has.
    #[param(minimum = 0, format = "uint64", required = false)]
    after: u64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ByCode {
    code: ErrorWord,
}

/// A webhook of the provider, as Pusher Channels defines it.
#[derive(ToSchema)]
pub struct ProviderWebhook {
    time_ms: i64,
    events: Vec<Value>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct ProviderSignature {
    /// The app's key.
    #[param(rename = "X-Pusher-Key")]
    key: String,
    /// The HMAC-SHA256 of the body by the app's secret, in hexadecimal.
    #[param(rename = "X-Pusher-Signature")]
    signature: String,
}
