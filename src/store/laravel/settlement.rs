//! Money: what each account had, what its open orders need, and the corrections between.
//!
//! An account begins with exactly what the source says. Every difference to what it ends with is
//! an adjustment with a name. Only a negative balance, and less than a hundredth of a thousandth
//! that is missing for a reservation, are given; nothing else makes or loses money.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::account;
use super::checks::{decimal, source_table};
use super::error::ImportError;
use super::kind::Kind;
use super::mapping::Mapping;
use super::staging::Staging;
use crate::market::{Fixed, Side};
use crate::store::markets::Listings;

#[derive(QueryableByName)]
struct OpenOrder {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    symbol: String,
    #[diesel(sql_type = BigInt)]
    side: i64,
    #[diesel(sql_type = BigInt)]
    price: i64,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = BigInt)]
    filled: i64,
    #[diesel(sql_type = BigInt)]
    trade_amount: i64,
    #[diesel(sql_type = BigInt)]
    trade_value: i64,
    #[diesel(sql_type = BigInt)]
    commission: i64,
    #[diesel(sql_type = BigInt)]
    status: i64,
}

#[derive(QueryableByName)]
struct Crossing {
    #[diesel(sql_type = BigInt)]
    bid: i64,
    #[diesel(sql_type = BigInt)]
    ask: i64,
}

/// Settles all accounts.
pub fn run(
    staging: &mut Staging,
    mapping: &Mapping,
    listings: &Listings,
) -> Result<(), ImportError> {
    let orders = source_table(mapping, "orders");
    reserve(staging, listings, &orders)?;
    uncross(staging, &orders)?;
    // Every user has an account in the assets of its orders.
    staging.execute(
        "INSERT OR IGNORE INTO holdings SELECT o.user_id, CASE o.side WHEN 1 THEN m.quote \
         ELSE m.base END, 0, NULL, '', 0 FROM orders o JOIN markets m ON m.id = o.market \
         WHERE o.was_open = 1",
    )?;
    let table = mapping.table("orders").map_or("orders", |mapped| mapped.table.as_str());
    account::settle_all(staging, table)?;
    // Why an order was cancelled is why its reservation is released.
    staging.execute(
        "CREATE INDEX findings_by_row ON findings (source_row, kind); \
         UPDATE adjustments SET kind = coalesce((SELECT kind FROM findings WHERE source_row = \
         order_id AND kind IN ('crossed_book', 'worthless_order', 'status_differs', \
         'order_not_covered')), kind) WHERE order_id IS NOT NULL",
    )?;
    histories(staging, mapping)
}

/// Computes what the orders that the source calls open have reserved there, and need here.
fn reserve(staging: &mut Staging, listings: &Listings, table: &str) -> Result<(), ImportError> {
    let mut after = i64::MIN;
    loop {
        let page: Vec<OpenOrder> = diesel::sql_query(
            "SELECT o.id, m.symbol, o.side, o.price, o.amount, o.filled, o.trade_amount, \
             o.trade_value, o.commission, o.status FROM orders o JOIN markets m ON m.id = o.market \
             WHERE o.was_open = 1 AND o.id > ? ORDER BY o.id LIMIT 5000",
        )
        .bind::<BigInt, _>(after)
        .load(&mut staging.connection)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let mut rows = Vec::new();
        for order in &page {
            let Needs { source, needed } = order.needs(listings).ok_or_else(|| {
                ImportError::Refused(format!("order {}: its reservation is out of range", order.id))
            })?;
            if order.status == 1 && order.side == 1 && order.commission > 0 {
                fit_commission(staging, order, listings, table)?;
            }
            rows.push(format!("({}, {}, {})", order.id, source.units(), needed.units()));
        }
        staging.execute(&format!(
            "WITH v (id, source, needed) AS (VALUES {}) UPDATE orders SET \
             source_reserved = v.source, reserved = v.needed FROM v WHERE v.id = orders.id",
            rows.join(",")
        ))?;
    }
    // An order that is worth nothing moves nothing.
    let worthless = "status = 1 AND side = 1 AND reserved = 0";
    staging.note(
        Kind::WorthlessOrder,
        &format!("SELECT {table}, id, 'worth less than a unit' FROM orders WHERE {worthless}"),
    )?;
    staging.execute(&format!("UPDATE orders SET status = 3 WHERE {worthless}"))
}

/// What an order has locked by the rules of the source, and what it needs by ours.
struct Needs {
    source: Fixed,
    needed: Fixed,
}

impl OpenOrder {
    fn needs(&self, listings: &Listings) -> Option<Needs> {
        let amount = Fixed::from_units(self.amount);
        let price = Fixed::from_units(self.price);
        let rest = |filled| Some(amount.checked_sub(Fixed::from_units(filled))?.max(Fixed::ZERO));
        let there = rest(self.filled)?;
        let remaining = rest(self.filled.max(self.trade_amount))?;
        if self.side == 2 {
            let needed = if self.status == 1 { remaining } else { Fixed::ZERO };
            return Some(Needs { source: there, needed });
        }
        let rates = listings.commission(&self.symbol).of(Side::Buy);
        let rate = rates.highest();
        let value = price.mul_floor(remaining)?;
        // Laravel rounds the product to 8 decimals.
        let source = round_product(price, there, rate)?;
        let past = Fixed::from_units(self.trade_value);
        let needed = if self.status != 1 {
            Fixed::ZERO
        } else if self.commission > 0 {
            let total = rate.mul_ceil(past.checked_add(value)?)?;
            value.checked_add(total.checked_sub(rate.mul_ceil(past)?)?)?
        } else {
            // The trades before the import are not charged again.
            value.checked_add(rate.mul_ceil(value)?)?
        };
        Some(Needs { source, needed })
    }
}

/// price × amount × (1 + rate), to the nearest unit.
fn round_product(price: Fixed, amount: Fixed, rate: Fixed) -> Option<Fixed> {
    let scale = i128::from(Fixed::ONE.units());
    let value = i128::from(price.units()).checked_mul(i128::from(amount.units()))?;
    let factor = scale.checked_add(i128::from(rate.units()))?;
    // In two steps, so that the product of three stays in range.
    let (whole, fraction) = (value / scale, value % scale);
    let units = whole
        .checked_mul(factor)?
        .checked_add(fraction.checked_mul(factor)? / scale)?
        .checked_add(scale / 2)?
        / scale;
    Some(Fixed::from_units(i64::try_from(units).ok()?))
}

/// Commission is cumulative: what was charged must be what matchcast would have charged so far.
fn fit_commission(
    staging: &mut Staging,
    order: &OpenOrder,
    listings: &Listings,
    table: &str,
) -> Result<(), ImportError> {
    let rate = listings.commission(&order.symbol).of(Side::Buy).highest();
    let charged = rate.mul_ceil(Fixed::from_units(order.trade_value)).unwrap_or_default().units();
    let (id, found) = (order.id, order.commission);
    if charged == found {
        return Ok(());
    }
    staging.note(
        Kind::CommissionDiffers,
        &format!(
            "SELECT {table}, {id}, 'commission ' || {} || ' becomes ' || {}",
            decimal(&format!("({found})")),
            decimal(&format!("({charged})"))
        ),
    )?;
    staging.execute(&format!(
        "UPDATE trades SET commission = commission + {} WHERE id = (SELECT max(id) FROM trades \
         WHERE buy_order = {id}); UPDATE orders SET commission = {charged} WHERE id = {id}",
        charged - found
    ))
}

/// Cancels the newer one of the best orders until no book is crossed.
fn uncross(staging: &mut Staging, table: &str) -> Result<(), ImportError> {
    let best = |side: i64, direction: &str| {
        format!(
            "(SELECT id FROM orders WHERE market = m.id AND side = {side} AND status = 1 \
             ORDER BY price {direction}, id LIMIT 1)"
        )
    };
    let crossing = format!(
        "SELECT b.id AS bid, a.id AS ask FROM markets m JOIN orders b ON b.id = {} \
         JOIN orders a ON a.id = {} WHERE b.price >= a.price LIMIT 1",
        best(1, "DESC"),
        best(2, "ASC")
    );
    loop {
        let query = diesel::sql_query(&crossing);
        let found: Option<Crossing> = query.get_result(&mut staging.connection).optional()?;
        let Some(Crossing { bid, ask }) = found else { return Ok(()) };
        let (newer, older) = (bid.max(ask), bid.min(ask));
        staging.note(
            Kind::CrossedBook,
            &format!("SELECT {table}, {newer}, 'would match order {older}'"),
        )?;
        staging.execute(&format!("UPDATE orders SET status = 3 WHERE id = {newer}"))?;
    }
}

/// Where the balance history of a user has gaps, and where it does not end at the balance.
fn histories(staging: &mut Staging, mapping: &Mapping) -> Result<(), ImportError> {
    let (table, users) = (source_table(mapping, "histories"), source_table(mapping, "users"));
    staging.execute("CREATE INDEX histories_by_user ON histories (user_id, id)")?;
    staging.note(
        Kind::HistoryGap,
        &format!(
            "SELECT {table}, id, 'begins at ' || {} || ' after ' || {} FROM (SELECT id, \
             balance - change AS before, lag(balance) OVER (PARTITION BY user_id ORDER BY id) \
             AS previous FROM histories) WHERE previous <> before",
            decimal("before"),
            decimal("previous")
        ),
    )?;
    staging.note(
        Kind::HistoryEndDiffers,
        &format!(
            "SELECT {users}, h.user_id, 'ends at ' || {} || ', the balance is ' || {} \
             FROM histories h JOIN holdings b ON b.user_id = h.user_id AND b.asset = 'USD' \
             WHERE h.id = (SELECT max(id) FROM histories l WHERE l.user_id = h.user_id) \
             AND h.balance <> b.available",
            decimal("h.balance"),
            decimal("b.available")
        ),
    )
}
