//! A whole plan in one statement: one round trip, whatever a batch changes.
//!
//! Written by hand, because the query builder has neither common table expressions nor `unnest`.

use chrono::NaiveDateTime;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, SmallInt, Timestamp};

use super::columns::{
    AccountColumns, CandleColumns, Columns, EntryColumns, EventColumns, KeyColumns, MarketColumns,
    MessageColumns, OrderChangeColumns, OrderColumns, TradeColumns,
};
use crate::store::StoreError;
use crate::store::idempotency::KeyRow;
use crate::store::trading::plan_rows::{Additions, PlanRows};
use crate::store::webhook_messages::MessageRow;

/// The columns of a candle that are sums over its trades.
const CANDLE_SUMS: [&str; 5] = [
    "volume_whole",
    "volume_fraction",
    "quote_volume_whole",
    "quote_volume_fraction",
    "trade_count",
];

/// The statement for a plan. `WITH_ADDITIONS`: another one, which also writes [`Additions`]; most
/// batches have none.
pub struct WritePlan<'a, const WITH_ADDITIONS: bool> {
    now: NaiveDateTime,
    matched_events: i16,
    version: i64,
    markets: MarketColumns,
    new_orders: OrderColumns,
    changed_orders: OrderChangeColumns,
    accounts: AccountColumns,
    trades: TradeColumns,
    candles: CandleColumns,
    entries: EntryColumns,
    events: EventColumns<'a>,
    keys: KeyColumns<'a>,
    webhook_messages: MessageColumns<'a>,
}

impl<'a, const WITH_ADDITIONS: bool> WritePlan<'a, WITH_ADDITIONS> {
    /// # Errors
    /// [`StoreError::Other`] if a response has a status that is none.
    pub fn new(rows: &PlanRows<'a>, additions: &Additions<'a>) -> Result<Self, StoreError> {
        let keys = additions.responses.iter().map(KeyRow::new).collect::<Result<Vec<_>, _>>()?;
        let messages: Vec<MessageRow<'_>> =
            additions.webhook_messages.iter().map(MessageRow::new).collect();
        Ok(Self {
            now: rows.now,
            matched_events: rows.matched_events,
            version: rows.version,
            markets: MarketColumns::of(rows.markets.iter()),
            new_orders: OrderColumns::of(rows.new_orders.iter()),
            changed_orders: OrderChangeColumns::of(rows.changed_orders.iter()),
            accounts: AccountColumns::of(rows.accounts.iter()),
            trades: TradeColumns::of(rows.trades.iter()),
            candles: CandleColumns::of(rows.candles.iter()),
            entries: EntryColumns::of(rows.entries.iter()),
            events: EventColumns::of(rows.events.iter()),
            keys: KeyColumns::of(keys.iter()),
            webhook_messages: MessageColumns::of(messages.iter()),
        })
    }
}

impl<const WITH_ADDITIONS: bool> QueryId for WritePlan<'_, WITH_ADDITIONS> {
    type QueryId = WritePlan<'static, WITH_ADDITIONS>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const WITH_ADDITIONS: bool> RunQueryDsl<PgConnection> for WritePlan<'_, WITH_ADDITIONS> {}

impl<const WITH_ADDITIONS: bool> QueryFragment<Pg> for WritePlan<'_, WITH_ADDITIONS> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH batch AS (SELECT ");
        out.push_bind_param::<Timestamp, _>(&self.now)?;
        out.push_sql(" AS now, ");
        out.push_bind_param::<SmallInt, _>(&self.matched_events)?;
        out.push_sql(" AS matched_events, ");
        out.push_bind_param::<BigInt, _>(&self.version)?;
        out.push_sql(" AS version), changed_markets AS (UPDATE markets SET ");
        out.push_sql("trade_sequence = r.trade_sequence, arrival_sequence = r.arrival_sequence, ");
        out.push_sql("last_price = r.last_price, waiting_stops = r.waiting_stops, ");
        out.push_sql("triggering_low = r.triggering_low, triggering_high = r.triggering_high, ");
        out.push_sql("book_version = GREATEST(book_version + 1, batch.version) FROM batch, ");
        push_rows(&self.markets, &mut out)?;
        out.push_sql(" WHERE markets.id = r.id), new_orders AS (");
        let times =
            ("created_at, updated_at, cancelled_at", "now, now, CASE WHEN status = 3 THEN now END");
        push_insert("orders", &self.new_orders, times, &mut out)?;
        out.push_sql("), changed_orders AS (UPDATE orders SET filled_amount = r.filled_amount, ");
        out.push_sql("filled_value = r.filled_value, commission = r.commission, ");
        out.push_sql("reserved = r.reserved, status = r.status, cancel_reason = r.cancel_reason, ");
        out.push_sql("prevented_amount = r.prevented_amount, price = r.price, ");
        out.push_sql("amount = r.amount, arrival = r.arrival, is_waiting = r.is_waiting, ");
        out.push_sql("is_amended = r.is_amended, taker_value = r.taker_value, updated_at = now, ");
        out.push_sql("cancelled_at = CASE WHEN r.status = 3 THEN now END FROM batch, ");
        push_rows(&self.changed_orders, &mut out)?;
        out.push_sql(" WHERE orders.id = r.id), changed_accounts AS (UPDATE accounts SET ");
        out.push_sql("available = r.available, locked = r.locked, open_orders = r.open_orders, ");
        out.push_sql("version = GREATEST(accounts.version + 1, batch.version) FROM batch, ");
        push_rows(&self.accounts, &mut out)?;
        out.push_sql(" WHERE accounts.id = r.id), new_trades AS (");
        let constants = ("created_at, matched_events", "now, matched_events");
        push_insert("trades", &self.trades, constants, &mut out)?;
        out.push_sql("), changed_candles AS (");
        push_candles(&self.candles, &mut out)?;
        out.push_sql("), new_entries AS (");
        push_insert("ledger_entries", &self.entries, ("created_at", "now"), &mut out)?;
        if WITH_ADDITIONS {
            out.push_sql("), new_keys AS (");
            push_insert("idempotency_keys", &self.keys, ("created_at", "now"), &mut out)?;
            out.push_sql("), new_messages AS (");
            let times = ("created_at, next_attempt_at", "now, now");
            push_insert("webhook_messages", &self.webhook_messages, times, &mut out)?;
        }
        out.push_sql(") ");
        push_insert("outbox", &self.events, ("created_at", "now"), &mut out)
    }
}

/// `INSERT INTO table (…) SELECT …`, in the order of the rows: the table numbers them so.
///
/// `constants` are the columns that have the same value in each row, and their values.
fn push_insert<'b, C: Columns>(
    table: &str,
    columns: &'b C,
    constants: (&str, &str),
    out: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    for text in ["INSERT INTO ", table, " (", C::NAMES, ", ", constants.0, ") SELECT "] {
        out.push_sql(text);
    }
    for text in [C::NAMES, ", ", constants.1, " FROM batch, "] {
        out.push_sql(text);
    }
    columns.push_unnest(out)?;
    for text in [" WITH ORDINALITY AS r (", C::NAMES, ", ordinality) ORDER BY ordinality"] {
        out.push_sql(text);
    }
    Ok(())
}

/// Adds to the candles that exist, and inserts the others. No other transaction changes these: the
/// market is locked.
fn push_candles<'b>(candles: &'b CandleColumns, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    let names = CandleColumns::NAMES;
    for text in ["INSERT INTO candles AS c (", names, ") SELECT ", names, " FROM "] {
        out.push_sql(text);
    }
    push_rows(candles, out)?;
    out.push_sql(" ON CONFLICT (market_id, interval_s, opened_at) DO UPDATE SET ");
    out.push_sql("high = greatest(c.high, excluded.high), low = least(c.low, excluded.low), ");
    out.push_sql("close = excluded.close, last_sequence = excluded.last_sequence");
    for sum in CANDLE_SUMS {
        for text in [", ", sum, " = c.", sum, " + excluded.", sum] {
            out.push_sql(text);
        }
    }
    Ok(())
}

/// The rows as a table `r`.
fn push_rows<'b, C: Columns>(columns: &'b C, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    columns.push_unnest(out)?;
    for text in [" AS r (", C::NAMES, ")"] {
        out.push_sql(text);
    }
    Ok(())
}
