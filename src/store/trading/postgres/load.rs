//! Everything that a batch can touch, in one statement: one round trip, whatever a batch names.
//!
//! Its snapshot is newer than the locks of the markets, which an earlier statement took: a snapshot
//! is older than the locks that its own statement waits for. Of the accounts, which it locks
//! itself, it returns the newest rows, because it waits for each of them.
//!
//! The accounts are locked only if those of all participants are known. They are not if the head of
//! a book does not fit into a page, or if something arrives that the statement itself finds: then
//! the caller reads on and locks them afterwards, in the same order.

use chrono::NaiveDateTime;
use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Timestamp};

use super::columns::{Columns, OrderColumns};
use crate::market::Side;
use crate::store::rows::{AccountRow, MarketStateRow, OrderRow};
use crate::store::schema::{BUY_STOPS, OPEN_ASKS, OPEN_BIDS, OPEN_ORDERS, SELL_STOPS};
use crate::store::{StoreError, codes};

const MARKET_COLUMNS: &str = "id, status, trade_sequence, arrival_sequence, last_price, \
    waiting_stops, triggering_low, triggering_high";
const ACCOUNT_COLUMNS: &str = "id, user_id, asset_id, available, locked, open_orders, user_status";
const BUY: i16 = codes::side_code(Side::Buy);
const SELL: i16 = codes::side_code(Side::Sell);
const REMAINING: &str = "o.amount - o.filled_amount - o.prevented_amount";

/// What to load, as arrays: one element for each thing.
#[derive(Debug, Default)]
pub struct Load {
    /// They are locked.
    pub markets: Vec<i32>,
    /// Ids of orders.
    pub named: Vec<i64>,
    pub open_orders_of: OpenOrdersOf,
    pub heads: Heads,
    /// The orders of these users cover nothing.
    pub uncounted_users: Vec<i64>,
    /// New orders, of which each gets an id.
    pub order_ids: i64,
    /// Orders that may match when they arrive.
    pub arrivals: i64,
    /// The most trades that there can be.
    pub max_trades: i64,
    /// Accounts to be locked, apart from those of the owners of orders.
    pub account_users: Vec<i64>,
    pub account_assets: Vec<i32>,
    /// Whether everything that arrives is known.
    pub may_lock_accounts: bool,
    /// Of each side, the waiting stop orders that are triggered first.
    pub stops: i64,
}

/// Users whose open orders of a market are loaded; of both sides if there is none.
#[derive(Clone, Debug, Default)]
pub struct OpenOrdersOf {
    pub users: Vec<i64>,
    pub markets: Vec<i32>,
    pub sides: Vec<Option<i16>>,
}

/// Sides of books, of which the best orders are loaded.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    pub markets: Vec<i32>,
    pub sides: Vec<i16>,
    pub limits: Vec<i64>,
    /// The amounts that the orders have to cover.
    pub wanted: Vec<i64>,
    /// The most orders that are read.
    pub lens: Vec<i64>,
}

/// What a row of the result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Market,
    /// Ids for new orders.
    OrderIds,
    /// Ids for trades.
    TradeIds,
    Named,
    /// `number` is 1 if this order and those before it cover what is wanted.
    Resting,
    Stop,
    Account,
    /// There is one if the accounts are locked.
    AccountsAreLocked,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Market,
        Self::OrderIds,
        Self::TradeIds,
        Self::Named,
        Self::Resting,
        Self::Stop,
        Self::Account,
        Self::AccountsAreLocked,
    ];
}

/// A row of the result: of `market`, `account` and `order` one that suits its kind.
#[derive(Clone, Debug, Queryable)]
pub struct LoadedRow {
    kind: i32,
    pub number: Option<i64>,
    pub market: Option<MarketStateRow>,
    pub account: Option<AccountRow>,
    pub order: Option<OrderRow>,
    pub placed_at: Option<NaiveDateTime>,
    /// In one row: each row has all columns.
    pub ids: Option<Vec<i64>>,
}

impl LoadedRow {
    pub fn kind(&self) -> Result<Kind, StoreError> {
        let kind = usize::try_from(self.kind).ok().and_then(|kind| Kind::ALL.get(kind).copied());
        kind.ok_or_else(|| StoreError::Other(format!("a loaded row is of kind {}", self.kind)))
    }
}

type Columned<T> = SqlTypeOf<<T as Selectable<Pg>>::SelectExpression>;

impl QueryId for Load {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Load {
    type SqlType = (
        Integer,
        Nullable<BigInt>,
        Nullable<Columned<MarketStateRow>>,
        Nullable<Columned<AccountRow>>,
        Nullable<Columned<OrderRow>>,
        Nullable<Timestamp>,
        Nullable<Array<BigInt>>,
    );
}

impl RunQueryDsl<PgConnection> for Load {}

impl QueryFragment<Pg> for Load {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        self.push_named(out)?;
        self.push_stops(out)?;
        self.push_heads(out)?;
        self.push_accounts(out)?;
        self.push_result(out)
    }
}

impl Load {
    /// The markets, and the orders that commands name.
    fn push_named<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH m AS MATERIALIZED (SELECT * FROM markets WHERE id = ANY(");
        out.push_bind_param::<Array<Integer>, _>(&self.markets)?;
        out.push_sql(")), named AS MATERIALIZED (SELECT o.* FROM orders o WHERE o.id = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.named)?;
        out.push_sql(") UNION ALL SELECT o.* FROM unnest(");
        let OpenOrdersOf { users, markets, sides } = &self.open_orders_of;
        out.push_bind_param::<Array<BigInt>, _>(users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(markets)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<SmallInt>>, _>(sides)?;
        push(out, &[") AS c (user_id, market_id, side) JOIN orders o ON ", OPEN_ORDERS]);
        out.push_sql(" AND o.user_id = c.user_id AND o.market_id = c.market_id ");
        out.push_sql("AND (c.side IS NULL OR o.side = c.side))");
        Ok(())
    }

    /// The first waiting stop orders of the markets that have any.
    fn push_stops<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", stops AS MATERIALIZED (");
        for (union, waiting, order) in
            [("", BUY_STOPS, "stop_price"), (" UNION ALL ", SELL_STOPS, "stop_price DESC")]
        {
            push(out, &[union, "SELECT o.* FROM m CROSS JOIN LATERAL (SELECT * FROM orders o "]);
            push(out, &["WHERE o.market_id = m.id AND ", waiting, " ORDER BY ", order]);
            out.push_sql(", arrival LIMIT ");
            out.push_bind_param::<BigInt, _>(&self.stops)?;
            out.push_sql(") o WHERE m.waiting_stops > 0");
        }
        out.push_sql(")");
        Ok(())
    }

    /// Pages of resting orders with what they cover, and the heads of the pages that are needed.
    fn push_heads<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Heads { markets, sides, limits, wanted, lens } = &self.heads;
        out.push_sql(", sides AS MATERIALIZED (SELECT * FROM unnest(");
        out.push_bind_param::<Array<Integer>, _>(markets)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SmallInt>, _>(sides)?;
        for array in [limits, wanted, lens] {
            out.push_sql(", ");
            out.push_bind_param::<Array<BigInt>, _>(array)?;
        }
        out.push_sql(") AS s (market_id, side, worst, wanted, len)), page AS MATERIALIZED (");
        self.push_page(Side::Sell, out)?;
        out.push_sql(" UNION ALL ");
        self.push_page(Side::Buy, out)?;
        push(out, &["), head AS MATERIALIZED (SELECT * FROM page o WHERE covered - (", REMAINING]);
        out.push_sql(") < wanted), ready AS MATERIALIZED (SELECT ");
        out.push_bind_param::<Bool, _>(&self.may_lock_accounts)?;
        out.push_sql(" AND NOT EXISTS (SELECT FROM m WHERE triggering_low IS NOT NULL) ");
        out.push_sql("AND NOT EXISTS (SELECT FROM page WHERE place = len AND covered < wanted) ");
        out.push_sql("AS is_ready)");
        Ok(())
    }

    /// Follows the index of one side's resting orders. Ends where the page does: the windows add
    /// up what was read before, and need no row beyond it.
    fn push_page<'b>(&'b self, side: Side, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (resting, within, order) = match side {
            Side::Sell => (OPEN_ASKS, "<=", "o.price, o.arrival"),
            Side::Buy => (OPEN_BIDS, ">=", "o.price DESC, o.arrival"),
        };
        out.push_sql("SELECT s.wanted, s.len, o.* FROM sides s CROSS JOIN LATERAL (");
        out.push_sql("SELECT o.*, count(*) OVER w AS place, sum(CASE WHEN o.id = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.named)?;
        out.push_sql(") OR o.user_id = ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.uncounted_users)?;
        push(out, &[") THEN 0 ELSE ", REMAINING, " END) OVER w AS covered FROM orders o "]);
        push(out, &["WHERE o.market_id = s.market_id AND ", resting, " AND o.price ", within]);
        push(out, &[" s.worst WINDOW w AS (ORDER BY ", order, " ROWS UNBOUNDED PRECEDING) "]);
        push(out, &["ORDER BY ", order, " LIMIT s.len) o WHERE s.side = "]);
        out.push_bind_param::<SmallInt, _>(match side {
            Side::Buy => &BUY,
            Side::Sell => &SELL,
        })
    }

    /// Locks the accounts of everyone who may take part, by user and asset.
    fn push_accounts<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(", locked AS MATERIALIZED (SELECT a.* FROM (SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.account_users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.account_assets)?;
        out.push_sql(") AS k (user_id, asset_id) UNION SELECT o.user_id, a.asset_id FROM (");
        out.push_sql("SELECT user_id, market_id FROM named UNION ALL ");
        out.push_sql("SELECT user_id, market_id FROM stops UNION ALL ");
        out.push_sql("SELECT user_id, market_id FROM head) o JOIN m ON m.id = o.market_id ");
        out.push_sql("CROSS JOIN LATERAL (VALUES (m.base_asset_id), (m.quote_asset_id)) ");
        out.push_sql("a (asset_id)) k JOIN accounts a ON a.user_id = k.user_id ");
        out.push_sql("AND a.asset_id = k.asset_id WHERE (SELECT is_ready FROM ready) ");
        out.push_sql("ORDER BY a.user_id, a.asset_id FOR UPDATE OF a)");
        Ok(())
    }

    /// The rows of everything.
    fn push_result<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Without a row: the types of the columns.
        out.push_sql(" SELECT 0, CAST(0 AS bigint)");
        push_columns(out, Some("m"), MARKET_COLUMNS);
        push_columns(out, Some("a"), ACCOUNT_COLUMNS);
        push_columns(out, Some("o"), OrderColumns::NAMES);
        out.push_sql(", o.created_at, CAST(NULL AS bigint[]) ");
        out.push_sql("FROM markets m, accounts a, orders o WHERE false");
        push_branch(out, Kind::Market, "NULL");
        out.push_sql(" FROM m");
        push_branch(out, Kind::Named, "NULL");
        out.push_sql(" FROM named o");
        let covers = "CASE WHEN covered >= wanted THEN 1 ELSE 0 END";
        push_branch(out, Kind::Resting, covers);
        out.push_sql(" FROM head o");
        push_branch(out, Kind::Stop, "NULL");
        out.push_sql(" FROM stops o");
        push_branch(out, Kind::Account, "NULL");
        out.push_sql(" FROM locked a");
        push_branch(out, Kind::AccountsAreLocked, "NULL");
        out.push_sql(" FROM ready WHERE is_ready");
        push_columns_of_kind(out, Kind::OrderIds, "NULL");
        out.push_sql(", ARRAY(SELECT nextval('orders_id_seq') FROM generate_series(1, ");
        out.push_bind_param::<BigInt, _>(&self.order_ids)?;
        out.push_sql("))");
        // Each trade fills an order, and the last two orders fill each other. The ids are taken
        // while the accounts are locked: so those of a user's trades in all markets grow with time.
        push_columns_of_kind(out, Kind::TradeIds, "NULL");
        out.push_sql(", ARRAY(SELECT nextval('trades_id_seq') FROM generate_series(1, least(");
        out.push_bind_param::<BigInt, _>(&self.max_trades)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.arrivals)?;
        out.push_sql(" + (SELECT count(*) FROM head) - 1)) WHERE (SELECT count(*) FROM locked) ");
        out.push_sql(">= 0) FROM ready WHERE is_ready");
        Ok(())
    }
}

/// Rows of this kind, with the columns that suit it; the others are NULL.
fn push_branch(out: &mut AstPass<'_, '_, Pg>, kind: Kind, number: &str) {
    push_columns_of_kind(out, kind, number);
    out.push_sql(", NULL");
}

/// [`push_branch`] without the last column.
fn push_columns_of_kind(out: &mut AstPass<'_, '_, Pg>, kind: Kind, number: &str) {
    let code = match kind {
        Kind::Market => "0",
        Kind::OrderIds => "1",
        Kind::TradeIds => "2",
        Kind::Named => "3",
        Kind::Resting => "4",
        Kind::Stop => "5",
        Kind::Account => "6",
        Kind::AccountsAreLocked => "7",
    };
    push(out, &[" UNION ALL SELECT ", code, ", ", number]);
    let is_order = matches!(kind, Kind::Named | Kind::Resting | Kind::Stop);
    push_columns(out, (kind == Kind::Market).then_some("m"), MARKET_COLUMNS);
    push_columns(out, (kind == Kind::Account).then_some("a"), ACCOUNT_COLUMNS);
    push_columns(out, is_order.then_some("o"), OrderColumns::NAMES);
    out.push_sql(if kind == Kind::Named { ", o.created_at" } else { ", NULL" });
}

/// The columns of a table, or as many NULLs.
fn push_columns(out: &mut AstPass<'_, '_, Pg>, table: Option<&str>, columns: &str) {
    for column in columns.split(", ") {
        match table {
            Some(table) => push(out, &[", ", table, ".", column]),
            None => out.push_sql(", NULL"),
        }
    }
}

fn push(out: &mut AstPass<'_, '_, Pg>, pieces: &[&str]) {
    for piece in pieces {
        out.push_sql(piece);
    }
}

pub fn load(connection: &mut PgConnection, load: Load) -> Result<Vec<LoadedRow>, StoreError> {
    Ok(RunQueryDsl::load(load, connection)?)
}
