//! The audit finds each kind of damage: for each check, one row is changed from outside.

use matchcast::market::Side;

use super::views::Traded;
use crate::on_both;
use crate::support::database::Database;

/// A trade, a resting order on each side, a partly filled order and a cancelled one.
async fn trade(database: &Database) -> Traded {
    let traded = Traded::start(database).await;
    traded.place(Side::Sell, "100", "1").await;
    traded.place(Side::Buy, "100", "0.4").await;
    traded.place(Side::Sell, "110", "2").await;
    let cancelled = traded.place(Side::Sell, "120", "3").await;
    traded.cancel(cancelled).await;
    traded.place(Side::Buy, "90", "1").await;
    database.audit();
    traded
}

/// Does the damage, runs the audit, and repairs the damage.
///
/// Damage often violates several checks; the expected one must be among them.
pub fn check(database: &Database, damage: &str, repair: &str, expected: &str) {
    database.execute(damage);
    let findings = database.findings();
    assert!(
        findings.iter().any(|finding| finding.starts_with(expected)),
        "{damage} should give {expected:?}, but gives {findings:#?}"
    );
    database.execute(repair);
    database.audit();
}

/// The id of a row, the oldest being number 1, as SQL: ids may have gaps.
pub fn nth(table: &str, number: usize) -> String {
    format!("(SELECT id FROM {table} ORDER BY id LIMIT 1 OFFSET {})", number - 1)
}

const USD_OF_BUYER: &str = "user_id = (SELECT min(id) FROM users WHERE id > 0) AND asset_id = 1";

on_both! {
    async fn damage_to_money_is_found(database: Database) {
        trade(&database).await;
        let account = |change: &str| format!("UPDATE accounts SET {change} WHERE {USD_OF_BUYER}");
        for (damage, repair, expected) in [
            ("available = available + 1", "available = available - 1",
                "the accounts of an asset sum to"),
            ("available = available - 1", "available = available + 1",
                "an account is the sum of its ledger entries"),
            ("locked = locked + 1", "locked = locked - 1",
                "the locked amount of an account is the sum of its reservations"),
            ("available = available + 1, locked = locked - 1",
                "available = available - 1, locked = locked + 1",
                "an account is the sum of its ledger entries"),
        ] {
            check(&database, &account(damage), &account(repair), expected);
        }
        let entry = |change: &str| {
            format!("UPDATE ledger_entries SET {change} WHERE id = (SELECT min(id) \
                     FROM ledger_entries)")
        };
        check(&database, &entry("available_after = available_after + 1"),
            &entry("available_after = available_after - 1"), "running balances chain");
        check(&database, &entry("available_change = available_change + 1"),
            &entry("available_change = available_change - 1"),
            "the accounts of an asset sum to");
        // From one user to another: no sum of an asset differs.
        let moved = |sign: &str, other: &str| {
            format!("UPDATE accounts SET available = CASE WHEN user_id > 0 THEN available {sign} 1 \
                     ELSE available {other} 1 END WHERE asset_id = 1 AND available > 0 \
                     AND user_id IN (-1, (SELECT min(id) FROM users WHERE id > 0))")
        };
        check(&database, &moved("-", "+"), &moved("+", "-"), "commission is with the house");
    }

    async fn damage_to_orders_is_found(database: Database) {
        trade(&database).await;
        let order = |change: &str, id: &str| format!("UPDATE orders SET {change} WHERE id = {id}");
        let [first, second, best_ask, cancelled] = [1, 2, 3, 4].map(|n| nth("orders", n));
        let [first, second, best_ask, cancelled] = [&first, &second, &best_ask, &cancelled];
        for (id, damage, repair, expected) in [
            (first, "reserved = reserved + 1", "reserved = reserved - 1",
                "the locked amount of an account is the sum of its reservations"),
            (first, "filled_amount = filled_amount + 1", "filled_amount = filled_amount - 1",
                "an order is filled by its trades"),
            (first, "filled_value = filled_value + 1", "filled_value = filled_value - 1",
                "an order is filled by its trades"),
            (second, "commission = commission + 1", "commission = commission - 1",
                "an order is filled by its trades"),
            (first, "maker_rate = 0, taker_value = taker_value + 1",
                "maker_rate = NULL, taker_value = taker_value - 1",
                "an order is filled by its trades"),
            (second, "status = 1", "status = 2", "an order is filled when nothing remains"),
            (first, "status = 3, reserved = 0", "status = 1, reserved = 60000000",
                "an order is filled when nothing remains"),
            (cancelled, "cancelled_at = NULL", "cancelled_at = created_at",
                "an order is filled when nothing remains"),
            (best_ask, "prevented_amount = amount", "prevented_amount = 0",
                "an order is filled when nothing remains"),
            (first, "prevented_amount = amount", "prevented_amount = 0",
                "an order is filled when nothing remains"),
            (best_ask, "price = 8900000000", "price = 11000000000", "no book is crossed"),
            (best_ask, "price = 9000000000", "price = 11000000000", "no book is crossed"),
            (first, "user_id = 1", "user_id = (SELECT max(id) FROM users)",
                "a trade has its two orders"),
        ] {
            check(&database, &order(damage, id), &order(repair, id), expected);
        }
        let unchecked = if database.is_postgres() { "" } else { "PRAGMA foreign_keys = OFF; " };
        for column in ["user_id", "market_id"] {
            let unknown = order(&format!("{column} = {column} + 1000"), best_ask);
            let known = order(&format!("{column} = {column} - 1000"), best_ask);
            let damage = format!("{unchecked}{unknown}");
            check(&database, &damage, &known, "an order belongs to a user and a market");
        }
    }

    async fn damage_to_trades_and_events_is_found(database: Database) {
        trade(&database).await;
        let trades = |change: &str| format!("UPDATE trades SET {change}");
        let expected = "a trade has its two orders";
        for (damage, repair) in [
            ("buy_order_id = buy_order_id + 1000", "buy_order_id = buy_order_id - 1000"),
            ("sell_order_id = buy_order_id, buy_order_id = sell_order_id",
                "sell_order_id = buy_order_id, buy_order_id = sell_order_id"),
            ("market_id = 2", "market_id = 1"),
            ("price = price + 1", "price = price - 1"),
            ("seller_id = buyer_id", "seller_id = (SELECT max(id) FROM users)"),
        ] {
            check(&database, &trades(damage), &trades(repair), expected);
        }
        check(&database, &trades("buyer_commission = buyer_commission + 1"),
            &trades("buyer_commission = buyer_commission - 1"), "commission is with the house");
        check(&database, &trades("value = value - 1"), &trades("value = value + 1"),
            "an order is filled by its trades");
        let again = "INSERT INTO outbox (channel, name, data, created_at) VALUES \
            ('private-user.1', 'order.matched', '{}', '2026-01-01 00:00:00')";
        let last = "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox)";
        check(&database, last, again, "each trade has the events");
        check(&database, again, last, "each trade has the events");
        let market = |change: &str| format!("UPDATE markets SET {change} WHERE id = 1");
        check(&database, &market("trade_sequence = trade_sequence - 1"),
            &market("trade_sequence = trade_sequence + 1"), "a market counts its trades");
    }

    async fn damage_to_statuses_of_users_is_found(database: Database) {
        trade(&database).await;
        let user = "(SELECT min(id) FROM users WHERE id > 0)";
        let accounts = |status: i16| {
            format!("UPDATE accounts SET user_status = {status} WHERE user_id = {user}")
        };
        check(&database, &accounts(2), &accounts(1), "an account has the status of its user");
        let both = |status: i16| {
            let of_user = format!("UPDATE users SET status = {status} WHERE id = {user}");
            format!("{of_user}; {}", accounts(status))
        };
        check(&database, &both(3), &both(1), "a closed user has neither money nor open orders");
    }
}
