//! Writes orders and trades into the target.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Timestamp};

use super::destination::{Target, insert};
use super::error::ImportError;
use super::reading::Progress;
use super::staging::Staging;
use crate::market::{Market, MarketId, Side};
use crate::store::AnyConnection;
use crate::store::rows::{OrderRow, TradeRow};
use crate::store::schema::{self, orders, trades};

/// Rows of one INSERT: PostgreSQL has at most 65,535 parameters.
const ROWS: i64 = 1000;

#[derive(QueryableByName)]
struct StagedOrder {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = BigInt)]
    market: i64,
    #[diesel(sql_type = SmallInt)]
    side: i16,
    #[diesel(sql_type = BigInt)]
    price: i64,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = BigInt)]
    trade_amount: i64,
    #[diesel(sql_type = BigInt)]
    trade_value: i64,
    /// Of the trades in which it is the taker's.
    #[diesel(sql_type = BigInt)]
    taker_value: i64,
    #[diesel(sql_type = BigInt)]
    commission: i64,
    #[diesel(sql_type = BigInt)]
    prevented: i64,
    #[diesel(sql_type = SmallInt)]
    is_amended: i16,
    #[diesel(sql_type = BigInt)]
    reserved: i64,
    #[diesel(sql_type = SmallInt)]
    status: i16,
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
    #[diesel(sql_type = Timestamp)]
    updated_at: NaiveDateTime,
    #[diesel(sql_type = Nullable<Timestamp>)]
    cancelled_at: Option<NaiveDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = orders)]
#[diesel(treat_none_as_default_value = false)]
struct FullOrderRow {
    #[diesel(embed)]
    order: OrderRow,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    cancelled_at: Option<NaiveDateTime>,
}

#[derive(QueryableByName)]
struct StagedTrade {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    buy_order: i64,
    #[diesel(sql_type = BigInt)]
    sell_order: i64,
    #[diesel(sql_type = BigInt)]
    buyer: i64,
    #[diesel(sql_type = BigInt)]
    seller: i64,
    #[diesel(sql_type = BigInt)]
    market: i64,
    #[diesel(sql_type = BigInt)]
    price: i64,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = BigInt)]
    value: i64,
    #[diesel(sql_type = BigInt)]
    commission: i64,
    #[diesel(sql_type = SmallInt)]
    buy_status: i16,
    #[diesel(sql_type = SmallInt)]
    sell_status: i16,
    #[diesel(sql_type = Timestamp)]
    created_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = trades)]
#[diesel(treat_none_as_default_value = false)]
struct FullTradeRow {
    #[diesel(embed)]
    trade: TradeRow,
    created_at: NaiveDateTime,
}

/// Writes all orders. Open ones keep the order of their ids.
pub fn write_orders(
    target: &mut Target<'_>,
    staging: &mut Staging,
    progress: Progress<'_>,
) -> Result<(), ImportError> {
    let total = staging.number("SELECT count(*) FROM orders")?.unsigned_abs();
    let (mut after, mut done) = (0, 0);
    loop {
        let page: Vec<StagedOrder> = diesel::sql_query(
            "SELECT id, user_id, market, side, price, amount, trade_amount, trade_value, CASE \
             WHEN status = 1 AND side = 2 AND trade_value > 0 THEN (SELECT \
             coalesce(sum(t.value), 0) FROM trades t JOIN orders b ON b.id = t.buy_order \
             WHERE t.sell_order = orders.id AND b.status <> 1) ELSE trade_value END AS \
             taker_value, commission, prevented, is_amended, CASE status WHEN 1 THEN reserved \
             ELSE 0 END AS reserved, status, created_at, updated_at, CASE status WHEN 3 THEN \
             coalesce(cancelled_at, updated_at) END AS cancelled_at FROM orders \
             WHERE id > ? ORDER BY id LIMIT ?",
        )
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(ROWS)
        .load(&mut staging.connection)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        done += page.len() as u64;
        let rows: Result<Vec<FullOrderRow>, ImportError> =
            page.iter().map(|order| order.row(&target.markets)).collect();
        insert!(&mut *target.connection, orders::table, &rows?);
        progress("orders", done, total);
    }
    let last = staging.number("SELECT coalesce(max(id), 0) FROM orders")?;
    diesel::update(schema::markets::table)
        .set(schema::markets::arrival_sequence.eq(last))
        .execute(target.connection)?;
    Ok(())
}

fn unknown_market(id: i64) -> ImportError {
    ImportError::Refused(format!("there is no market for number {id} of the source"))
}

impl StagedOrder {
    fn row(&self, markets: &BTreeMap<i64, Market>) -> Result<FullOrderRow, ImportError> {
        let market = markets.get(&self.market).ok_or_else(|| unknown_market(self.market))?;
        let side = if self.side == 1 { Side::Buy } else { Side::Sell };
        let rates = market.commission.of(side);
        let highest = rates.highest().units();
        let (mut taker_rate, mut maker_rate, mut taker_value) = (0, None, 0);
        if self.status == 1 && self.trade_value == 0 {
            taker_rate = rates.taker.units();
            maker_rate = Some(rates.maker.units()).filter(|rate| *rate != taker_rate);
        } else if self.status == 1 && side == Side::Buy && self.commission > 0 {
            taker_rate = highest;
        } else if self.status == 1 && highest > 0 && self.taker_value == self.trade_value {
            // What was filled before is not charged again: it was at another rate, which is none.
            maker_rate = Some(highest);
            taker_value = self.trade_value;
        }
        let order = OrderRow {
            id: self.id,
            user_id: self.user_id,
            market_id: market.id.0,
            side: self.side,
            price: self.price,
            amount: self.amount,
            filled_amount: self.trade_amount,
            filled_value: self.trade_value,
            commission: self.commission,
            taker_rate,
            reserved: self.reserved,
            status: self.status,
            cancel_reason: None,
            client_order_id: None,
            order_type: 1,
            time_in_force: 1,
            post_only: false,
            self_trade_prevention: 1,
            prevented_amount: self.prevented,
            arrival: if self.status == 1 { self.id } else { 0 },
            expires_at: None,
            stop_price: None,
            is_waiting: false,
            quote_amount: None,
            is_amended: self.is_amended == 1,
            maker_rate,
            taker_value,
        };
        let Self { created_at, updated_at, cancelled_at, .. } = *self;
        Ok(FullOrderRow { order, created_at, updated_at, cancelled_at })
    }
}

/// Numbers the trades of each market by their ids.
pub fn write_trades(
    target: &mut Target<'_>,
    staging: &mut Staging,
    progress: Progress<'_>,
) -> Result<(), ImportError> {
    let total = staging.number("SELECT count(*) FROM trades")?.unsigned_abs();
    let (mut after, mut done) = (0, 0);
    // The number and the price of the last trade of each market.
    let mut last_trades: BTreeMap<MarketId, (i64, i64)> = BTreeMap::new();
    loop {
        let page: Vec<StagedTrade> = diesel::sql_query(
            "SELECT t.id, t.buy_order, t.sell_order, t.buyer, t.seller, t.market, t.price, \
             t.amount, t.value, t.commission, b.status AS buy_status, s.status AS sell_status, \
             t.created_at FROM trades t JOIN orders b ON b.id = t.buy_order \
             JOIN orders s ON s.id = t.sell_order WHERE t.id > ? ORDER BY t.id LIMIT ?",
        )
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(ROWS)
        .load(&mut staging.connection)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        done += page.len() as u64;
        let mut rows = Vec::with_capacity(page.len());
        for trade in &page {
            let market = target.markets.get(&trade.market);
            let market = market.ok_or_else(|| unknown_market(trade.market))?.id;
            let numbered = last_trades.entry(market).or_default();
            *numbered = (numbered.0 + 1, trade.price);
            rows.push(trade.row(market, numbered.0));
        }
        insert!(&mut *target.connection, trades::table, &rows);
        progress("trades", done, total);
    }
    for (market, (sequence, price)) in last_trades {
        diesel::update(schema::markets::table.find(market.0))
            .set((
                schema::markets::trade_sequence.eq(sequence),
                schema::markets::last_price.eq(Some(price)),
            ))
            .execute(target.connection)?;
    }
    Ok(())
}

impl StagedTrade {
    fn row(&self, market: MarketId, sequence: i64) -> FullTradeRow {
        // Of an open order all fills are in one role. Of others the newer one was the taker's.
        let is_buy = match (self.buy_status, self.sell_status) {
            (1, _) => true,
            (_, 1) => false,
            _ => self.buy_order > self.sell_order,
        };
        let trade = TradeRow {
            id: self.id,
            market_id: market.0,
            buy_order_id: self.buy_order,
            sell_order_id: self.sell_order,
            buyer_id: self.buyer,
            seller_id: self.seller,
            price: self.price,
            amount: self.amount,
            value: self.value,
            buyer_commission: self.commission,
            seller_commission: 0,
            matched_events: 0,
            sequence,
            taker_side: Some(if is_buy { 1 } else { 2 }),
        };
        FullTradeRow { trade, created_at: self.created_at }
    }
}
