//! What the API reads. Every query follows an index, and every list has a cap.

use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::schema::{accounts, assets, ledger_entries, orders, trades};
use super::trading::{side_from_code, status_from_code};
use super::{AnyConnection, StoreError};
use crate::market::{
    Action, AssetId, Fixed, MarketId, OrderId, Side, Status, Trade, TradeId, UserId,
};

/// An order of the book.
#[derive(Clone, Debug)]
pub struct BookRow {
    pub user: UserId,
    pub price: Fixed,
    /// What is not filled yet.
    pub remaining: Fixed,
}

/// One side of the book, best first, equal prices in order of arrival; `cap` rows at most.
pub fn book(
    connection: &mut AnyConnection,
    market: MarketId,
    side: Side,
    cap: i64,
) -> Result<Vec<BookRow>, StoreError> {
    let columns = (orders::user_id, orders::price, orders::amount - orders::filled_amount);
    let of_market = orders::table.filter(orders::market_id.eq(market.0)).select(columns);
    // Literals, not parameters: only then can the planner see that the partial index serves.
    let rows: Vec<(i64, i64, i64)> = match side {
        Side::Sell => of_market
            .filter(sql::<Bool>("status = 1 AND side = 2"))
            .order((orders::price.asc(), orders::id.asc()))
            .limit(cap)
            .load(connection)?,
        Side::Buy => of_market
            .filter(sql::<Bool>("status = 1 AND side = 1"))
            .order((orders::price.desc(), orders::id.asc()))
            .limit(cap)
            .load(connection)?,
    };
    let row = |(user, price, remaining)| BookRow {
        user: UserId(user),
        price: Fixed::from_units(price),
        remaining: Fixed::from_units(remaining),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// An order as its owner sees it.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub id: OrderId,
    pub market: MarketId,
    pub side: Side,
    pub price: Fixed,
    pub amount: Fixed,
    pub filled: Fixed,
    pub status: Status,
    pub created_at: NaiveDateTime,
    pub cancelled_at: Option<NaiveDateTime>,
}

/// A user's orders, newest first.
pub fn orders_of(
    connection: &mut AnyConnection,
    user: UserId,
    cap: i64,
) -> Result<Vec<OrderView>, StoreError> {
    type Row = (i64, i32, i16, i64, i64, i64, i16, NaiveDateTime, Option<NaiveDateTime>);
    let columns = (
        orders::id,
        orders::market_id,
        orders::side,
        orders::price,
        orders::amount,
        orders::filled_amount,
        orders::status,
        orders::created_at,
        orders::cancelled_at,
    );
    let mine = orders::table.filter(orders::user_id.eq(user.0)).select(columns);
    let rows: Vec<Row> = mine.order(orders::id.desc()).limit(cap).load(connection)?;
    rows.into_iter()
        .map(|(id, market, side, price, amount, filled, status, created_at, cancelled_at)| {
            Ok(OrderView {
                id: OrderId(id),
                market: MarketId(market),
                side: side_from_code(side)?,
                price: Fixed::from_units(price),
                amount: Fixed::from_units(amount),
                filled: Fixed::from_units(filled),
                status: status_from_code(status)?,
                created_at,
                cancelled_at,
            })
        })
        .collect()
}

/// A market's trades with their times, newest first.
pub fn trades(
    connection: &mut AnyConnection,
    market: MarketId,
    cap: i64,
) -> Result<Vec<(Trade, NaiveDateTime)>, StoreError> {
    type Row = (i64, i32, i64, i64, i64, i64, i64, i64, i64, i64, i64, NaiveDateTime, i16, i64);
    let of_market = trades::table.filter(trades::market_id.eq(market.0));
    let rows: Vec<Row> = of_market.order(trades::id.desc()).limit(cap).load(connection)?;
    let trade = |row: Row| {
        let (id, market, buy_order, sell_order, buyer, seller, price, amount, value, ..) = row;
        let (.., buyer_commission, seller_commission, created_at, _, sequence) = row;
        let trade = Trade {
            id: TradeId(id),
            market: MarketId(market),
            sequence,
            buy_order: OrderId(buy_order),
            sell_order: OrderId(sell_order),
            buyer: UserId(buyer),
            seller: UserId(seller),
            price: Fixed::from_units(price),
            amount: Fixed::from_units(amount),
            value: Fixed::from_units(value),
            buyer_commission: Fixed::from_units(buyer_commission),
            seller_commission: Fixed::from_units(seller_commission),
        };
        (trade, created_at)
    };
    Ok(rows.into_iter().map(trade).collect())
}

/// A user's holding of one asset.
#[derive(Clone, Debug)]
pub struct Balance {
    pub asset: AssetId,
    pub available: Fixed,
    pub locked: Fixed,
}

/// A user's accounts, in the order in which the assets came up.
pub fn balances(connection: &mut AnyConnection, user: UserId) -> Result<Vec<Balance>, StoreError> {
    let columns = (accounts::asset_id, accounts::available, accounts::locked);
    let mine = accounts::table.filter(accounts::user_id.eq(user.0)).select(columns);
    let rows: Vec<(i32, i64, i64)> = mine.order(accounts::asset_id.asc()).load(connection)?;
    let balance = |(asset, available, locked)| Balance {
        asset: AssetId(asset),
        available: Fixed::from_units(available),
        locked: Fixed::from_units(locked),
    };
    Ok(rows.into_iter().map(balance).collect())
}

/// One change of one of a user's accounts.
#[derive(Clone, Debug)]
pub struct EntryView {
    pub id: i64,
    pub symbol: String,
    pub action: Action,
    /// Signed.
    pub available_change: Fixed,
    pub locked_change: Fixed,
    pub available_after: Fixed,
    pub reference: Option<(ReferenceKind, i64)>,
    pub created_at: NaiveDateTime,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    Order,
    Trade,
    Market,
}

type EntryRow = (i64, i16, i64, i64, i64, Option<i16>, Option<i64>, NaiveDateTime);

/// A user's ledger entries, newest first: of one asset, or of all.
pub fn history(
    connection: &mut AnyConnection,
    user: UserId,
    asset: Option<AssetId>,
    cap: i64,
) -> Result<Vec<EntryView>, StoreError> {
    let mine = accounts::table
        .inner_join(assets::table)
        .filter(accounts::user_id.eq(user.0))
        .select((accounts::id, assets::id, assets::symbol));
    let mine: Vec<(i64, i32, String)> = mine.load(connection)?;
    let wanted = mine.into_iter().filter(|(_, id, _)| asset.is_none_or(|asset| asset.0 == *id));
    let columns = (
        ledger_entries::id,
        ledger_entries::action,
        ledger_entries::available_change,
        ledger_entries::locked_change,
        ledger_entries::available_after,
        ledger_entries::reference_type,
        ledger_entries::reference_id,
        ledger_entries::created_at,
    );
    // One account at a time: each is a walk along the index that ends at the cap.
    let mut entries = Vec::new();
    for (account, _, symbol) in wanted {
        let rows: Vec<EntryRow> = ledger_entries::table
            .filter(ledger_entries::account_id.eq(account))
            .order(ledger_entries::id.desc())
            .limit(cap)
            .select(columns)
            .load(connection)?;
        for row in rows {
            entries.push(entry_view(row, &symbol)?);
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    entries.truncate(usize::try_from(cap).unwrap_or(usize::MAX));
    Ok(entries)
}

fn entry_view(row: EntryRow, symbol: &str) -> Result<EntryView, StoreError> {
    let (id, action, available, locked, after, kind, reference, created_at) = row;
    let unknown = |what: &str| StoreError::Other(format!("ledger entry {id} has no known {what}"));
    let action = Action::ALL
        .into_iter()
        .find(|known| known.code() == action)
        .ok_or_else(|| unknown("action"))?;
    let kind = match kind {
        None => None,
        Some(1) => Some(ReferenceKind::Order),
        Some(2) => Some(ReferenceKind::Trade),
        Some(3) => Some(ReferenceKind::Market),
        Some(_) => return Err(unknown("reference")),
    };
    Ok(EntryView {
        id,
        symbol: symbol.to_owned(),
        action,
        available_change: Fixed::from_units(available),
        locked_change: Fixed::from_units(locked),
        available_after: Fixed::from_units(after),
        reference: kind.zip(reference),
        created_at,
    })
}

/// How many deposits an account has had since then.
pub fn deposits_since(
    connection: &mut AnyConnection,
    account: i64,
    since: NaiveDateTime,
) -> Result<u32, StoreError> {
    let count: i64 = ledger_entries::table
        .filter(ledger_entries::account_id.eq(account))
        .filter(ledger_entries::action.eq(Action::Deposit.code()))
        .filter(ledger_entries::created_at.ge(since))
        .count()
        .get_result(connection)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
