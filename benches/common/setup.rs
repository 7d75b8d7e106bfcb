//! Users with practically unlimited funds, and the same orders as in benches/baseline.

use matchcast::events::decimal::DecimalNumber;
use matchcast::market::{Fixed, MarketId, NewOrder, Side, UserId};
use matchcast::store::Store;
use matchcast::store::markets::SharedCatalog;
use rand::Rng;
use sha2::{Digest, Sha256};

use crate::database::Database;

pub const USERS: i64 = 1000;
/// The secret part of every token. The token's id is the id of its user.
pub const TOKEN_SECRET: &str = "bench";

/// The markets, of three letters each.
const SYMBOLS: [&str; 2] = ["BTC", "ETH"];
const PRICE: Fixed = Fixed::from_units(5_000_000_000_000);
const AMOUNT: Fixed = Fixed::from_units(10_000_000);

/// Fills an empty database, with SQL that works in both databases.
pub fn prepare(database: &Database) -> (Store, SharedCatalog) {
    let (store, catalog) = database.open_store();
    let hash = hex::encode(Sha256::digest(TOKEN_SECRET.as_bytes()));
    let numbers = format!(
        "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {USERS})"
    );
    let at = "'2026-01-01 00:00:00'";
    database.execute(&format!(
        "INSERT INTO users (id, name, email, created_at, updated_at) {numbers} \
         SELECT id, 'user', id || '@bench.example', {at}, {at} FROM n; \
         INSERT INTO tokens (id, user_id, secret_hash, created_at) \
         SELECT id, id, '{hash}', {at} FROM users WHERE id > 0; \
         INSERT INTO accounts (user_id, asset_id, available, locked) \
         SELECT u.id, a.id, 1000000000000000, 0 FROM users u, assets a WHERE u.id > 0; \
         INSERT INTO ledger_entries (account_id, action, available_change, locked_change, \
         available_after, created_at) \
         SELECT id, 1, available, 0, available, {at} FROM accounts WHERE user_id > 0;"
    ));
    (store, catalog)
}

/// An order of a random user, on a random side.
pub fn random_order() -> NewOrder {
    let mut random = rand::rng();
    let user = random.random_range(1..=USERS);
    order(user, if random.random() { Side::Buy } else { Side::Sell })
}

/// All orders have the same price and amount.
pub fn order(user: i64, side: Side) -> NewOrder {
    NewOrder::gtc(UserId(user), MarketId(1), side, PRICE, AMOUNT)
}

/// The requests of each user for a buy and a sell order.
#[allow(dead_code, reason = "not every benchmark places random orders over HTTP")]
pub fn requests() -> Vec<String> {
    let sides = |user| [Side::Buy, Side::Sell].map(|side| request(&order(user, side)));
    (1..=USERS).flat_map(sides).collect()
}

/// The same in each of the first `markets`.
#[allow(dead_code, reason = "not every benchmark has several markets")]
pub fn requests_in(markets: usize) -> Vec<String> {
    let symbol = |name: &str| format!(r#""symbol":"{name}""#);
    let in_market = |name: &&str| {
        let replaced = |request: String| request.replace(&symbol(SYMBOLS[0]), &symbol(name));
        requests().into_iter().map(replaced).collect::<Vec<String>>()
    };
    SYMBOLS[..markets].iter().flat_map(in_market).collect()
}

/// An HTTP/1.1 request of a user without a body, and more header lines.
#[allow(dead_code, reason = "not every benchmark reads")]
pub fn get(path: &str, user: i64, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {user}|{TOKEN_SECRET}\r\n\
         {headers}\r\n"
    )
}

/// The HTTP/1.1 request that places an order.
pub fn request(order: &NewOrder) -> String {
    post("/api/orders", order.user.0, "", &format!("{{{}}}", fields(order)))
}

/// The same with an idempotency key and a client order id, both of them `name`.
#[allow(dead_code, reason = "not every benchmark has keys")]
pub fn request_with_key(order: &NewOrder, name: u64) -> String {
    let body = format!(r#"{{{},"client_order_id":"bench-{name}"}}"#, fields(order));
    let header = format!("idempotency-key: bench-{name}\r\n");
    post("/api/orders", order.user.0, &header, &body)
}

fn fields(order: &NewOrder) -> String {
    let side = match order.side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    let number = |value| serde_json::to_string(&DecimalNumber(value)).expect("a number");
    let (price, amount) = (number(order.limit()), number(order.amount));
    let symbol = SYMBOLS[0];
    format!(r#""symbol":"{symbol}","side":"{side}","price":{price},"amount":{amount}"#)
}

/// An HTTP/1.1 request of a user with a JSON body, and more header lines.
pub fn post(path: &str, user: i64, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {user}|{TOKEN_SECRET}\r\n\
         {headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
