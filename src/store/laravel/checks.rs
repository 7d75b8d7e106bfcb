//! Finds what does not add up in tokens, orders and trades, and corrects it in the staging
//! database. Money is left to `settlement`.

use super::error::ImportError;
use super::kind::Kind;
use super::mapping::Mapping;
use super::staging::Staging;

/// Corrects everything but money.
///
/// # Errors
/// If two users have one e-mail address: which of them keeps it is for a person to decide.
pub fn run(staging: &mut Staging, mapping: &Mapping) -> Result<(), ImportError> {
    unique_emails(staging, mapping)?;
    without_owners(staging, mapping)?;
    trades(staging, mapping)?;
    fills(staging, mapping)
}

/// The name of a source table as a text of SQL.
pub fn source_table(mapping: &Mapping, kind: &str) -> String {
    let name = mapping.table(kind).map_or(kind, |mapped| mapped.table.as_str());
    format!("'{}'", name.replace('\'', "''"))
}

fn unique_emails(staging: &mut Staging, mapping: &Mapping) -> Result<(), ImportError> {
    let twice = staging.number(
        "SELECT coalesce(max(id), 0) FROM users u WHERE EXISTS (SELECT 1 FROM users v \
         WHERE v.email = u.email AND v.id < u.id)",
    );
    staging.execute("CREATE INDEX users_by_email ON users (email)")?;
    match twice? {
        0 => Ok(()),
        row => Err(ImportError::Value {
            table: mapping.table("users").map_or("users", |users| &users.table).to_owned(),
            column: "email".to_owned(),
            row,
            problem: "another user has the same address, apart from capital letters".to_owned(),
        }),
    }
}

fn without_owners(staging: &mut Staging, mapping: &Mapping) -> Result<(), ImportError> {
    let nobody = "user_id NOT IN (SELECT id FROM users)";
    let (tokens, histories) = (source_table(mapping, "tokens"), source_table(mapping, "histories"));
    let orders = source_table(mapping, "orders");
    let detail = "'there is no user ' || user_id";
    staging.note(
        Kind::TokenWithoutUser,
        &format!("SELECT {tokens}, id, {detail} FROM tokens WHERE {nobody}"),
    )?;
    staging.note(
        Kind::BalanceWithoutOwner,
        &format!(
            "SELECT source, source_row, 'there is no user ' || user_id || ' to have ' || asset \
             FROM holdings WHERE {nobody} ORDER BY source, source_row"
        ),
    )?;
    staging.note(
        Kind::HistoryWithoutOwner,
        &format!("SELECT {histories}, id, {detail} FROM histories WHERE {nobody}"),
    )?;
    staging.note(
        Kind::OrderWithoutOwner,
        &format!("SELECT {orders}, id, {detail} FROM orders WHERE {nobody}"),
    )?;
    staging.execute(&format!(
        "DELETE FROM tokens WHERE {nobody}; DELETE FROM holdings WHERE {nobody}; \
         DELETE FROM histories WHERE {nobody}; \
         UPDATE orders SET status = 3, was_open = 0 WHERE {nobody} AND status = 1; \
         INSERT INTO users (id, name, email, created_at, updated_at, is_former) \
         SELECT user_id, 'Former user ' || user_id, 'former.' || user_id || '@matchcast.invalid', \
         min(created_at), max(updated_at), 1 FROM orders WHERE {nobody} AND user_id > 0 \
         GROUP BY user_id; DELETE FROM orders WHERE {nobody}"
    ))
}

/// Leaves only trades between two orders that they fit.
fn trades(staging: &mut Staging, mapping: &Mapping) -> Result<(), ImportError> {
    let table = source_table(mapping, "trades");
    let orders = source_table(mapping, "orders");
    let fits = "EXISTS (SELECT 1 FROM orders b JOIN orders s ON s.market = b.market \
         WHERE b.id = t.buy_order AND s.id = t.sell_order AND b.side = 1 AND s.side = 2) \
         AND t.price > 0 AND t.amount > 0";
    staging.note(
        Kind::TradeWithoutOrder,
        &format!(
            "SELECT {table}, t.id, 'buy order ' || t.buy_order || ' and sell order ' || \
             t.sell_order || ' are not a pair of orders of one market' FROM trades t \
             WHERE NOT ({fits})"
        ),
    )?;
    staging.execute(&format!(
        "DELETE FROM trades AS t WHERE NOT ({fits}); \
         UPDATE trades SET buyer = b.user_id, market = b.market FROM orders b \
         WHERE b.id = trades.buy_order; \
         UPDATE trades SET seller = s.user_id FROM orders s WHERE s.id = trades.sell_order"
    ))?;
    staging.note(
        Kind::SelfTrade,
        &format!(
            "SELECT {table}, id, 'user ' || buyer || ' on both sides' FROM trades \
                  WHERE buyer = seller"
        ),
    )?;
    staging.execute(
        "DELETE FROM trades WHERE buyer = seller; \
         CREATE INDEX trades_by_buy_order ON trades (buy_order, id); \
         CREATE INDEX trades_by_sell_order ON trades (sell_order, id)",
    )?;
    for side in ["buy_order", "sell_order"] {
        staging.execute(&format!(
            "CREATE TEMP TABLE excess AS SELECT id, order_id, order_amount FROM (SELECT t.id, \
             o.id AS order_id, o.amount AS order_amount, sum(t.amount) OVER (PARTITION BY o.id \
             ORDER BY t.id) AS total FROM trades t JOIN orders o ON o.id = t.{side}) \
             WHERE total > order_amount"
        ))?;
        staging.note(
            Kind::TradeExceedsOrder,
            &format!(
                "SELECT {table}, id, 'more than the amount of order ' || order_id FROM excess"
            ),
        )?;
        staging
            .execute("DELETE FROM trades WHERE id IN (SELECT id FROM excess); DROP TABLE excess")?;
    }
    let beyond = "SELECT b.id, t.id AS trade FROM trades t JOIN orders b ON b.id = t.buy_order \
         WHERE b.price < t.price UNION ALL SELECT s.id, t.id FROM trades t \
         JOIN orders s ON s.id = t.sell_order WHERE s.price > t.price";
    staging.execute(&format!(
        "CREATE TEMP TABLE beyond AS {beyond}; \
         UPDATE orders SET is_amended = 1 WHERE id IN (SELECT id FROM beyond)"
    ))?;
    staging.note(
        Kind::TradeBeyondLimit,
        &format!(
            "SELECT {orders}, id, 'trade ' || min(trade) || ' is beyond its price' FROM beyond \
             GROUP BY id"
        ),
    )
}

/// Fits what is filled, and the status, to the trades.
fn fills(staging: &mut Staging, mapping: &Mapping) -> Result<(), ImportError> {
    let orders = source_table(mapping, "orders");
    for side in ["buy_order", "sell_order"] {
        let commission = if side == "buy_order" { "sum(commission)" } else { "0" };
        staging.execute(&format!(
            "UPDATE orders SET trade_amount = t.amount, trade_value = t.value, \
             commission = t.commission FROM (SELECT {side} AS id, sum(amount) AS amount, \
             sum(value) AS value, {commission} AS commission FROM trades GROUP BY {side}) t \
             WHERE t.id = orders.id"
        ))?;
    }
    staging.note(
        Kind::FilledDiffers,
        &format!(
            "SELECT {orders}, id, 'filled ' || {}  || ', its trades ' || {} FROM orders \
             WHERE filled <> trade_amount",
            decimal("filled"),
            decimal("trade_amount"),
        ),
    )?;
    let fitting = "CASE WHEN trade_amount = amount THEN 2 WHEN status = 1 AND \
         max(filled, trade_amount) < amount THEN 1 ELSE 3 END";
    staging.note(
        Kind::StatusDiffers,
        &format!(
            "SELECT {orders}, id, 'status ' || status || ' becomes ' || ({fitting}) FROM orders \
             WHERE status <> ({fitting})"
        ),
    )?;
    staging.execute(&format!(
        "UPDATE orders SET status = {fitting} WHERE status <> ({fitting}); \
         UPDATE orders SET prevented = max(filled - trade_amount, 0) WHERE status = 1; \
         CREATE INDEX orders_open ON orders (market, side, price, id) WHERE status = 1; \
         CREATE INDEX orders_were_open ON orders (user_id, id) WHERE was_open = 1"
    ))
}

/// An integer of 10⁻⁸ units as a decimal, in SQL.
pub fn decimal(column: &str) -> String {
    format!(
        "(CASE WHEN {column} < 0 THEN '-' ELSE '' END || abs({column}) / 100000000 || \
         rtrim(rtrim('.' || substr('0000000' || abs({column}) % 100000000, -8), '0'), '.'))"
    )
}
