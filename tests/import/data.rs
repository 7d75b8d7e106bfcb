//! A data set of any size with a known set of damages.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::source::Source;

/// The hash of `password` in Laravel's factories.
pub const BCRYPT: &str = "$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi";
const TIME: &str = "'2026-03-01 10:20:30'";

/// How many rows there are, besides those of the damages.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub users: i64,
    pub orders: i64,
    pub trades: i64,
}

impl Size {
    /// That of `LARAVEL_SIZE`, such as `10000,1000000,200000`, or a small one.
    pub fn from_environment() -> Self {
        let given = std::env::var("LARAVEL_SIZE").unwrap_or_default();
        let numbers: Vec<i64> = given.split(',').filter_map(|part| part.parse().ok()).collect();
        match numbers[..] {
            [users, orders, trades] => Self { users, orders, trades },
            _ => Self { users: 200, orders: 5_000, trades: 1_000 },
        }
    }
}

/// What the report must say: name, table and row of each finding.
pub type Expected = BTreeSet<(String, String, i64)>;

/// Ids of rows that the tests use.
pub struct Data {
    pub expected: Expected,
    /// An open order to sell 1 BTC at 61,000, of user 9.
    pub ask: i64,
    /// An open order to buy 2 ETH at 2,000 of which 0.5 are filled, of user 10.
    pub partly_filled: i64,
    pub users: i64,
}

/// 10⁻⁸ units as SQL.
fn decimal(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}.{:08}", units.abs() / ONE, units.abs() % ONE)
}

const ONE: i64 = 100_000_000;

pub fn secret(user: i64) -> String {
    format!("secretOfTheProgramOfUser{user:06}")
}

#[derive(Default)]
struct Rows {
    orders: Vec<String>,
    trades: Vec<String>,
    /// By user and whether it is BTC: what open sells need.
    locked: BTreeMap<(i64, bool), i64>,
    expected: Expected,
}

impl Rows {
    fn order(
        &mut self,
        user: i64,
        market: &str,
        side: &str,
        (price, amount, filled): (i64, i64, i64),
        status: i64,
    ) -> i64 {
        let id = self.orders.len() as i64 + 1;
        let cancelled = if status == 3 { TIME } else { "NULL" };
        self.orders.push(format!(
            "({id},{user},'{market}','{side}',{},{},{},{status},{TIME},{TIME},{cancelled})",
            decimal(price),
            decimal(amount),
            decimal(filled),
        ));
        if status == 1 && side == "sell" {
            *self.locked.entry((user, market == "BTC")).or_default() += amount - filled;
        }
        id
    }

    fn trade(
        &mut self,
        buy: (i64, i64),
        sell: (i64, i64),
        market: &str,
        price: i64,
        amount: i64,
    ) -> i64 {
        let id = self.trades.len() as i64 + 1;
        let minute = id / 20 % 60;
        let hour = id / 1200 % 24;
        self.trades.push(format!(
            "({id},{},{},{},{},'{market}',{},{},'2026-03-02 {hour:02}:{minute:02}:00')",
            buy.0,
            sell.0,
            buy.1,
            sell.1,
            decimal(price),
            decimal(amount),
        ));
        id
    }

    fn expect(&mut self, name: &str, table: &str, row: i64) {
        self.expected.insert((name.to_owned(), table.to_owned(), row));
    }
}

/// Writes everything. User 1 has a password of bcrypt, user 2 one of argon2.
pub fn write(source: &mut Source, size: Size, argon2: &str) -> Data {
    source.create_tables();
    let mut rows = Rows::default();
    let user = |number: i64| 20 + number % (size.users - 20);
    for number in 0..size.trades {
        let market = if number % 3 == 0 { "ETH" } else { "BTC" };
        let price = (50_000 + number % 1_000) * ONE;
        let amount = ONE / 1_000 * (1 + number % 9);
        let (buyer, seller) = (user(number), user(number + 1));
        let buy = rows.order(buyer, market, "buy", (price, amount, amount), 2);
        let sell = rows.order(seller, market, "sell", (price, amount, amount), 2);
        rows.trade((buy, buyer), (sell, seller), market, price, amount);
    }
    let others = (size.orders - 2 * size.trades).max(0);
    for number in 0..others {
        let side = if number % 2 == 0 { "buy" } else { "sell" };
        let away = number % 900 + 1;
        let market = if number % 3 == 0 { "ETH" } else { "BTC" };
        let price = if side == "buy" { 50_000 - away } else { 62_000 + away };
        let status = if number % 5 == 0 { 1 } else { 3 };
        rows.order(user(number * 7), market, side, (price * ONE, ONE / 10_000 * 5, 0), status);
    }
    let ask = rows.order(9, "BTC", "sell", (61_000 * ONE, ONE, 0), 1);
    // A partly filled order, and its counterpart.
    let partly_filled = rows.order(10, "ETH", "buy", (50_500 * ONE, 2 * ONE, ONE / 2), 1);
    let sell = rows.order(11, "ETH", "sell", (50_500 * ONE, ONE / 2, ONE / 2), 2);
    rows.trade((partly_filled, 10), (sell, 11), "ETH", 50_500 * ONE, ONE / 2);
    damage_orders(&mut rows, size);
    write_people(source, size, argon2, &mut rows);
    write_assets(source, size, &mut rows);
    let Rows { orders, trades, expected, .. } = rows;
    source.insert("orders", &orders);
    source.insert("trades", &trades);
    Data { expected, ask, partly_filled, users: size.users }
}

fn damage_orders(rows: &mut Rows, size: Size) {
    // Nobody's orders: an open one and a cancelled one.
    for status in [1, 3] {
        let id = rows.order(size.users + 100, "BTC", "buy", (49_000 * ONE, ONE, 0), status);
        rows.expect("order_without_owner", "orders", id);
    }
    // A bid above the best ask.
    let crossing = rows.order(12, "BTC", "buy", (61_500 * ONE, ONE / 100, 0), 1);
    rows.expect("crossed_book", "orders", crossing);
    // A trade with oneself, so that its orders have no trade.
    let buy = rows.order(13, "BTC", "buy", (50_000 * ONE, ONE, ONE), 2);
    let sell = rows.order(13, "BTC", "sell", (50_000 * ONE, ONE, ONE), 2);
    let trade = rows.trade((buy, 13), (sell, 13), "BTC", 50_000 * ONE, ONE);
    rows.expect("self_trade", "trades", trade);
    for id in [buy, sell] {
        rows.expect("filled_differs", "orders", id);
        rows.expect("status_differs", "orders", id);
    }
    let trade = rows.trade((999_999_999, 13), (sell, 13), "BTC", 50_000 * ONE, ONE);
    rows.expect("trade_without_order", "trades", trade);
    // Two trades of an order for one of them, and one beyond its price.
    let buy = rows.order(14, "BTC", "buy", (50_000 * ONE, ONE, ONE), 2);
    let first = rows.order(15, "BTC", "sell", (50_000 * ONE, ONE, ONE), 2);
    let second = rows.order(15, "BTC", "sell", (50_000 * ONE, ONE, ONE), 2);
    rows.trade((buy, 14), (first, 15), "BTC", 50_100 * ONE, ONE);
    rows.expect("trade_beyond_limit", "orders", buy);
    let trade = rows.trade((buy, 14), (second, 15), "BTC", 50_000 * ONE, ONE);
    rows.expect("trade_exceeds_order", "trades", trade);
    rows.expect("filled_differs", "orders", second);
    rows.expect("status_differs", "orders", second);
    let nothing = rows.order(14, "BTC", "buy", (50_000 * ONE, 0, 0), 3);
    rows.expect("order_without_amount", "orders", nothing);
    // 0.00012367 at 33,333.33 has reserved 4.18416791 there and needs a unit more here.
    rows.order(8, "BTC", "buy", (3_333_333_000_000, 12_367, 0), 1);
    rows.expect("reservation_differs", "users", 8);
    // An order that nothing covers.
    let bare = rows.order(16, "ETH", "sell", (70_000 * ONE, 5 * ONE, 0), 1);
    rows.locked.remove(&(16, false));
    rows.expect("order_not_covered", "orders", bare);
}

/// Users with a token and two rows of history each.
fn write_people(source: &mut Source, size: Size, argon2: &str, rows: &mut Rows) {
    let (mut users, mut tokens, mut histories) = (Vec::new(), Vec::new(), Vec::new());
    let model = format!("App{0}Models{0}User", backslash(source));
    for id in 1..=size.users {
        let password = match id {
            2 => argon2,
            3 => "5f4dcc3b5aa765d61d8327deb882cf99",
            _ => BCRYPT,
        };
        let spent = if id == 7 { 1_000_012 * ONE + ONE / 2 } else { 12_345_678_901 };
        let balance = 1_000_000 * ONE - spent;
        users.push(format!(
            "({id},'User {id}','User{id}@Example.com',{},NULL,'{password}',NULL,{TIME},{TIME})",
            decimal(balance)
        ));
        let hash = hex::encode(Sha256::digest(secret(id)));
        let abilities = match id {
            4 => r#"["orders:create","read"]"#,
            5 => r#"["read"]"#,
            _ => r#"["*"]"#,
        };
        tokens.push(format!("({id},'{model}',{id},'api','{hash}','{abilities}',NULL,NULL,{TIME})"));
        let first = id * 10;
        let gap = if id == 17 { ONE } else { 0 };
        histories.push(format!(
            "({first},{id},{0},'deposit',{0},0,NULL,NULL,NULL,{TIME})",
            decimal(1_000_000 * ONE - gap)
        ));
        histories.push(format!(
            "({},{id},{},'order_created',0,{},NULL,'Order',1,{TIME})",
            first + 1,
            decimal(if id == 18 { balance - ONE } else { balance }),
            decimal(if id == 18 { spent + ONE } else { spent })
        ));
    }
    let token = size.users + 1;
    let hash = "0".repeat(64);
    tokens.push(format!("({token},'{model}',{token},'api','{hash}','[\"*\"]',NULL,NULL,{TIME})"));
    rows.expect("token_without_user", "personal_access_tokens", token);
    rows.expect("unknown_ability", "personal_access_tokens", 4);
    rows.expect("unknown_password", "users", 3);
    rows.expect("negative_balance", "users", 7);
    rows.expect("history_gap", "user_balance_histories", 171);
    rows.expect("history_end_differs", "users", 18);
    source.insert("users", &users);
    source.insert("personal_access_tokens", &tokens);
    source.insert("user_balance_histories", &histories);
}

fn write_assets(source: &mut Source, size: Size, rows: &mut Rows) {
    let mut assets = Vec::new();
    for id in 1..=size.users {
        for (is_btc, symbol) in [(true, "BTC"), (false, "ETH")] {
            let row = assets.len() as i64 + 1;
            let mut locked = rows.locked.get(&(id, is_btc)).copied().unwrap_or_default();
            let mut amount = 10 * ONE;
            match (id, is_btc) {
                (5, true) => {
                    locked += 3;
                    rows.expect("locked_dust", "assets", row);
                }
                (6, true) => {
                    locked += ONE / 2;
                    rows.expect("locked_differs", "assets", row);
                }
                (16, false) => {
                    amount = 0;
                    rows.expect("locked_differs", "assets", row);
                }
                _ => {}
            }
            assets.push(format!("({row},{id},'{symbol}',{},{})", decimal(amount), decimal(locked)));
        }
    }
    let row = assets.len() as i64 + 1;
    assets.push(format!("({row},{},'BTC',1,0)", size.users + 1));
    rows.expect("balance_without_owner", "assets", row);
    source.insert("assets", &assets);
}

/// MySQL escapes it in texts.
fn backslash(source: &Source) -> &'static str {
    if matches!(source, Source::Mysql(_)) { r"\\" } else { r"\" }
}
