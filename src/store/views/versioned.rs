//! A page and the version that it is of, by one statement: on PostgreSQL each statement is a round
//! trip, and two of them read different states.
//!
//! The query builder cannot join a query to another one. [`Versioned`] does, around queries that it
//! has built.

use std::marker::PhantomData;

use chrono::NaiveDateTime;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamp};

use super::holdings::AccountVersions;
use super::versions::NewestRow;
use crate::market::{MarketId, UserId};

/// The SQL type of the columns of a row.
pub(super) type Columns<T> = SqlTypeOf<AsSelect<T, Pg>>;
/// A query for rows of a page.
pub(super) type Part<'a> = Box<dyn QueryFragment<Pg> + 'a>;

/// A query that finds exactly one row: the version.
pub(super) trait VersionQuery: QueryFragment<Pg> {
    /// Of its columns.
    type SqlType;
}

/// The version with each row of the parts and the number of its part, or once with NULL if there
/// is no row. `R` is the SQL type of a row, which may be NULL.
///
/// With edges, the rows of part `n` may be limited by the row of `edge{n}`; the edges are the rows
/// of the parts that follow, `parts.len() + n`.
pub(super) struct Versioned<'a, V, R> {
    version: V,
    parts: Vec<Part<'a>>,
    edges: Vec<Part<'a>>,
    row: PhantomData<R>,
}

impl<'a, V, R> Versioned<'a, V, R> {
    pub fn new(version: V, parts: Vec<Part<'a>>, edges: Vec<Part<'a>>) -> Self {
        Self { version, parts, edges, row: PhantomData }
    }
}

impl<V, R> QueryId for Versioned<'_, V, R> {
    type QueryId = ();
    // The text depends on the parts. It is the key of the prepared statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V: VersionQuery, R> Query for Versioned<'_, V, R> {
    type SqlType = (V::SqlType, Nullable<Integer>, R);
}

impl<V, R> RunQueryDsl<PgConnection> for Versioned<'_, V, R> {}

impl<V: VersionQuery, R> QueryFragment<Pg> for Versioned<'_, V, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (number, edge) in self.edges.iter().enumerate() {
            let separator = if number == 0 { "WITH " } else { ", " };
            out.push_sql(&format!("{separator}edge{number} AS MATERIALIZED ("));
            edge.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(" SELECT version.*, part.* FROM (");
        self.version.walk_ast(out.reborrow())?;
        out.push_sql(") version LEFT JOIN (");
        for (number, part) in self.parts.iter().enumerate() {
            let separator = if number == 0 { "" } else { " UNION ALL " };
            out.push_sql(&format!("{separator}SELECT {number}, page.* FROM ("));
            part.walk_ast(out.reborrow())?;
            out.push_sql(") page");
        }
        for number in 0..self.edges.len() {
            let place = self.parts.len() + number;
            out.push_sql(&format!(" UNION ALL SELECT {place}, edge{number}.* FROM edge{number}"));
        }
        out.push_sql(") part ON TRUE");
        Ok(())
    }

    /// Each combination of filters has one text.
    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

/// The version, and the rows of each part.
pub(super) fn parts_of<V, T, const N: usize>(
    rows: impl Iterator<Item = (V, Option<(i32, T)>)>,
) -> (Option<V>, [Vec<T>; N]) {
    let (mut version, mut parts) = (None, [const { Vec::new() }; N]);
    for (its_version, row) in rows {
        version.get_or_insert(its_version);
        let Some((number, row)) = row else { continue };
        if let Some(part) = usize::try_from(number).ok().and_then(|number| parts.get_mut(number)) {
            part.push(row);
        }
    }
    (version, parts)
}

/// The versions of a user's accounts by asset.
pub(super) struct OfAccounts(pub UserId);

/// The columns of [`OfAccounts`].
pub(super) type OfAccountsColumns = (Vec<i32>, Vec<i64>);

impl OfAccounts {
    pub fn read((assets, versions): OfAccountsColumns) -> AccountVersions {
        assets.into_iter().zip(versions).collect()
    }
}

impl VersionQuery for OfAccounts {
    type SqlType = (Array<Integer>, Array<BigInt>);
}

impl QueryFragment<Pg> for OfAccounts {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT COALESCE(array_agg(asset_id ORDER BY asset_id), '{}'), \
             COALESCE(array_agg(version ORDER BY asset_id), '{}') \
             FROM accounts WHERE user_id = ",
        );
        out.push_bind_param::<BigInt, _>(&self.0.0)
    }
}

/// The newest trade of a market.
pub(super) struct OfTrades(pub MarketId);

/// The columns of [`OfTrades`].
pub(super) type OfTradesColumns = (Option<i64>, Option<NaiveDateTime>);

impl OfTrades {
    pub fn read((id, at): OfTradesColumns) -> Option<NewestRow> {
        id.zip(at)
    }
}

impl VersionQuery for OfTrades {
    type SqlType = (Nullable<BigInt>, Nullable<Timestamp>);
}

impl QueryFragment<Pg> for OfTrades {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // One row, also if there is no trade.
        out.push_sql(
            "SELECT newest.id, newest.created_at FROM (SELECT 1) one LEFT JOIN \
             (SELECT id, created_at FROM trades WHERE market_id = ",
        );
        out.push_bind_param::<Integer, _>(&self.0.0)?;
        out.push_sql(" ORDER BY id DESC LIMIT 1) newest ON TRUE");
        Ok(())
    }
}
