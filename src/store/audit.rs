//! The audit: checks the invariants of the stored data, in one snapshot.
//!
//! Each check is one query that returns the rows that violate an invariant. The queries are written
//! in SQL that both databases know, so that they share nothing with the code that wrote the rows:
//! the query builder would bring in the same definitions.

mod admin_log;
mod deposits;
mod funds;
mod market_data;
mod users;

use std::time::Duration;

use diesel::dsl::sum;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{AnyConnection, StoreError, outbox, schema::trades};

/// The number of rows that are reported for each check.
const EXAMPLES: i64 = 5;

/// One violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: &'static str,
    /// The row, the expected value and the value found.
    pub difference: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.check, self.difference)
    }
}

/// An invariant, and a query for its violations.
struct Check {
    name: &'static str,
    /// Returns (subject, expected, found) for each violation.
    query: &'static str,
}

const CHECKS: [Check; 13] = [
    Check {
        name: "an account is the sum of its ledger entries",
        query: "SELECT 'account ' || a.id AS subject, \
            coalesce(e.available, 0) || ' available, ' || coalesce(e.locked, 0) || ' locked' \
                AS expected, \
            a.available || ' available, ' || a.locked || ' locked' AS found FROM accounts a \
            LEFT JOIN (SELECT account_id, sum(available_change) AS available, \
                sum(locked_change) AS locked FROM ledger_entries GROUP BY account_id) e \
                ON e.account_id = a.id \
            WHERE coalesce(e.available, 0) <> a.available OR coalesce(e.locked, 0) <> a.locked",
    },
    Check {
        name: "running balances chain",
        query: "SELECT 'entry ' || id AS subject, \
            CAST(previous + available_change AS TEXT) AS expected, \
            CAST(available_after AS TEXT) AS found FROM (SELECT id, available_change, \
                available_after, lag(available_after, 1, 0) OVER (PARTITION BY account_id \
                ORDER BY id) AS previous FROM ledger_entries) chain \
            WHERE previous + available_change <> available_after",
    },
    Check {
        name: "the locked amount of an account is the sum of its reservations",
        query: "SELECT 'account ' || a.id AS subject, \
            CAST(coalesce(r.reserved, 0) + coalesce(w.pending, 0) AS TEXT) AS expected, \
            CAST(a.locked AS TEXT) AS found FROM accounts a \
            LEFT JOIN (SELECT o.user_id, CASE WHEN o.side = 1 THEN m.quote_asset_id \
                ELSE m.base_asset_id END AS asset_id, sum(o.reserved) AS reserved FROM orders o \
                JOIN markets m ON m.id = o.market_id WHERE o.status = 1 GROUP BY 1, 2) r \
                ON r.user_id = a.user_id AND r.asset_id = a.asset_id \
            LEFT JOIN (SELECT user_id, asset_id, sum(amount) AS pending FROM withdrawals \
                WHERE status = 1 GROUP BY user_id, asset_id) w \
                ON w.user_id = a.user_id AND w.asset_id = a.asset_id \
            WHERE coalesce(r.reserved, 0) + coalesce(w.pending, 0) <> a.locked",
    },
    Check {
        name: "no book is crossed",
        query: "SELECT m.symbol AS subject, 'best bid below best ask' AS expected, \
            'bid ' || b.price || ', ask ' || a.price AS found FROM markets m \
            JOIN (SELECT market_id, max(price) AS price FROM orders \
                WHERE status = 1 AND side = 1 AND NOT is_waiting \
                GROUP BY market_id) b ON b.market_id = m.id \
            JOIN (SELECT market_id, min(price) AS price FROM orders \
                WHERE status = 1 AND side = 2 AND NOT is_waiting \
                GROUP BY market_id) a ON a.market_id = m.id \
            WHERE b.price >= a.price",
    },
    Check {
        name: "a trade has its two orders, with its market, sides and users",
        query: "SELECT 'trade ' || t.id AS subject, 'a buy and a sell order' AS expected, \
            'buy order ' || coalesce(CAST(b.id AS TEXT), 'missing') || ', sell order ' || \
            coalesce(CAST(s.id AS TEXT), 'missing') AS found FROM trades t \
            LEFT JOIN orders b ON b.id = t.buy_order_id AND b.side = 1 \
                AND b.user_id = t.buyer_id AND b.market_id = t.market_id \
                AND (b.price >= t.price OR b.is_amended) \
            LEFT JOIN orders s ON s.id = t.sell_order_id AND s.side = 2 \
                AND s.user_id = t.seller_id AND s.market_id = t.market_id \
                AND (s.price <= t.price OR s.is_amended) \
            WHERE b.id IS NULL OR s.id IS NULL OR t.buyer_id = t.seller_id",
    },
    Check {
        name: "an order belongs to a user and a market",
        query: "SELECT 'order ' || o.id AS subject, 'an account of its user in each asset of its \
                market' AS expected, 'user ' || o.user_id || ', market ' || o.market_id AS found \
            FROM orders o LEFT JOIN markets m ON m.id = o.market_id \
            LEFT JOIN accounts b ON b.user_id = o.user_id AND b.asset_id = m.base_asset_id \
            LEFT JOIN accounts q ON q.user_id = o.user_id AND q.asset_id = m.quote_asset_id \
            WHERE b.id IS NULL OR q.id IS NULL",
    },
    Check {
        name: "an order is filled by its trades",
        query: "SELECT 'order ' || o.id AS subject, coalesce(t.amount, 0) || ' for ' || \
                coalesce(t.value, 0) || ', commission ' || coalesce(t.commission, 0) AS expected, \
            o.filled_amount || ' for ' || o.filled_value || ', commission ' || o.commission \
                AS found FROM orders o LEFT JOIN ( \
                SELECT buy_order_id AS id, sum(amount) AS amount, sum(value) AS value, \
                    sum(CASE WHEN taker_side = 1 THEN value ELSE 0 END) AS taker_value, \
                    sum(buyer_commission) AS commission FROM trades GROUP BY buy_order_id \
                UNION ALL SELECT sell_order_id, sum(amount), sum(value), \
                    sum(CASE WHEN taker_side = 2 THEN value ELSE 0 END), sum(seller_commission) \
                    FROM trades GROUP BY sell_order_id) t ON t.id = o.id \
            WHERE (o.maker_rate IS NOT NULL AND coalesce(t.taker_value, 0) <> o.taker_value) \
                OR coalesce(t.amount, 0) <> o.filled_amount \
                OR coalesce(t.value, 0) <> o.filled_value \
                OR coalesce(t.commission, 0) <> o.commission",
    },
    Check {
        name: "an order is filled when nothing remains, and only a cancelled one has a time and a \
            reason for it",
        query: "SELECT 'order ' || id AS subject, 'a status that fits its amounts' AS expected, \
            'status ' || status || ', ' || filled_amount || ' of ' || amount AS found FROM orders \
            WHERE (status = 2) <> (filled_amount = amount) \
                OR (status = 3) <> (cancelled_at IS NOT NULL) \
                OR (status <> 3 AND cancel_reason IS NOT NULL) \
                OR (is_waiting AND (status <> 1 OR stop_price IS NULL)) \
                OR (time_in_force = 4) <> (expires_at IS NOT NULL) \
                OR filled_amount + prevented_amount > amount \
                OR (status = 1 AND filled_amount + prevented_amount = amount)",
    },
    Check {
        name: "a user's open orders in a market are counted",
        query: "SELECT 'account ' || a.id AS subject, CAST(coalesce(o.total, 0) AS TEXT) \
                AS expected, CAST(a.open_orders AS TEXT) AS found FROM accounts a \
            LEFT JOIN (SELECT r.user_id, m.base_asset_id AS asset_id, count(*) AS total \
                FROM orders r JOIN markets m ON m.id = r.market_id WHERE r.status = 1 \
                GROUP BY r.user_id, m.base_asset_id) o \
                ON o.user_id = a.user_id AND o.asset_id = a.asset_id \
            WHERE coalesce(o.total, 0) <> a.open_orders",
    },
    Check {
        name: "commission is with the house of its market",
        query: "SELECT m.symbol AS subject, CAST(coalesce(t.total, 0) AS TEXT) AS expected, \
            CAST(coalesce(a.available, 0) AS TEXT) AS found FROM markets m \
            LEFT JOIN (SELECT market_id, sum(buyer_commission) + sum(seller_commission) AS total \
                FROM trades GROUP BY market_id) t ON t.market_id = m.id \
            LEFT JOIN accounts a ON a.user_id = -m.id AND a.asset_id = m.quote_asset_id \
            WHERE coalesce(t.total, 0) <> coalesce(a.available, 0)",
    },
    Check {
        name: "a market counts its trades",
        query: "SELECT m.symbol AS subject, CAST(coalesce(t.total, 0) AS TEXT) AS expected, \
            CAST(m.trade_sequence AS TEXT) AS found FROM markets m \
            LEFT JOIN (SELECT market_id, count(*) AS total FROM trades GROUP BY market_id) t \
                ON t.market_id = m.id \
            WHERE coalesce(t.total, 0) <> m.trade_sequence",
    },
    Check {
        name: "a market counts the orders that wait for their stop prices",
        query: "SELECT m.symbol AS subject, CAST(coalesce(o.total, 0) AS TEXT) AS expected, \
            CAST(m.waiting_stops AS TEXT) AS found FROM markets m \
            LEFT JOIN (SELECT market_id, count(*) AS total FROM orders WHERE is_waiting \
                GROUP BY market_id) o ON o.market_id = m.id \
            WHERE coalesce(o.total, 0) <> m.waiting_stops",
    },
    Check {
        name: "an order waits for a stop price that no trade has reached, unless the market is \
            about to execute it",
        query: "SELECT 'order ' || o.id AS subject, 'executed after a trade at ' || m.last_price \
                AS expected, 'waiting for ' || o.stop_price AS found FROM orders o \
            JOIN markets m ON m.id = o.market_id WHERE o.is_waiting \
                AND m.triggering_low IS NULL \
                AND ((o.side = 1 AND o.stop_price <= m.last_price) \
                    OR (o.side = 2 AND o.stop_price >= m.last_price))",
    },
];

const EVENTS_CHECK: &str = "each trade has the events order.matched that were written for it, \
    delivered, pending, dead letters, or counted as skipped or dropped";

#[derive(QueryableByName)]
struct Violation {
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    expected: String,
    #[diesel(sql_type = Text)]
    found: String,
}

/// Runs every check and returns the violations.
///
/// Reads one snapshot, so it may run while matchcast is serving.
pub fn run(connection: &mut AnyConnection) -> Result<Vec<Finding>, StoreError> {
    connection.begin_report(Duration::ZERO)?;
    let findings = run_checks(connection);
    connection.rollback()?;
    findings
}

/// Runs every check within the transaction of the caller, on what it has written so far.
pub fn run_within(connection: &mut AnyConnection) -> Result<Vec<Finding>, StoreError> {
    connection.plan_report(Duration::ZERO)?;
    run_checks(connection)
}

fn run_checks(connection: &mut AnyConnection) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let others = market_data::CHECKS.iter().chain(&deposits::CHECKS).chain(&funds::CHECKS);
    for check in CHECKS.iter().chain(others).chain(&users::CHECKS) {
        let query = format!("{} LIMIT {EXAMPLES}", check.query);
        for violation in diesel::sql_query(query).load::<Violation>(connection)? {
            let Violation { subject, expected, found } = violation;
            let difference = format!("{subject}: expected {expected}, found {found}");
            findings.push(Finding { check: check.name, difference });
        }
    }
    let written: Option<i64> =
        trades::table.select(sum(trades::matched_events)).first(connection)?;
    let written = written.unwrap_or(0);
    let events = outbox::total_matched(connection)?;
    if events != written {
        let difference = format!("expected {written} events, found {events}");
        findings.push(Finding { check: EVENTS_CHECK, difference });
    }
    if let Some(difference) = admin_log::difference(connection)? {
        findings.push(Finding { check: admin_log::CHECK, difference });
    }
    Ok(findings)
}
