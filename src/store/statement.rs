//! Statements that are prepared once per connection.
//!
//! Diesel keeps a prepared statement only if the type of its query determines its text. It assumes
//! the opposite of every UPDATE (a changeset may leave out columns), of `sql` fragments (they may
//! be assembled at run time) and of IN lists. [`prepared!`] and [`update!`] are for queries whose
//! text is fixed nevertheless. [`statement!`] defines a statement by its text, where the query
//! builder cannot express it. tests/store/statements.rs checks the result.
//!
//! SQLite makes a new plan for a prepared statement whenever the parameter of its LIMIT is bound,
//! which takes longer than the statement itself. It finds a row when the row is read, so frequent
//! statements have no LIMIT there, and reading stops.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::query_builder::{AsChangeset, AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;
use diesel::{AppearsOnTable, Expression, QuerySource};

/// A query whose text is the same each time, identified by the type `Id`. Made by [`prepared!`].
pub(super) struct Prepared<Id, Q> {
    query: Q,
    id: PhantomData<Id>,
}

impl<Id, Q> Prepared<Id, Q> {
    pub const fn new(query: Q) -> Self {
        Self { query, id: PhantomData }
    }
}

impl<Id: 'static, Q> QueryId for Prepared<Id, Q> {
    type QueryId = Id;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Id, Q: Query> Query for Prepared<Id, Q> {
    type SqlType = Q::SqlType;
}

impl<Id, Q, C> RunQueryDsl<C> for Prepared<Id, Q> {}

impl<Id, Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Id, Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// `UPDATE source SET changes WHERE condition`, identified by the type `Id`. Made by [`update!`].
pub(super) struct Update<Id, S: QuerySource, P, C> {
    source: S::FromClause,
    condition: P,
    changes: C,
    id: PhantomData<Id>,
}

impl<Id, S: QuerySource, P, C> Update<Id, S, P, C>
where
    P: Expression<SqlType = Bool> + AppearsOnTable<S>,
{
    pub fn new(
        source: S,
        condition: P,
        changes: impl AsChangeset<Target = S, Changeset = C>,
    ) -> Self {
        let (source, changes) = (source.from_clause(), changes.as_changeset());
        Self { source, condition, changes, id: PhantomData }
    }
}

impl<Id: 'static, S: QuerySource, P, C> QueryId for Update<Id, S, P, C> {
    type QueryId = Id;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Id, S: QuerySource, P, C, Conn> RunQueryDsl<Conn> for Update<Id, S, P, C> {}

impl<Id, S: QuerySource, P, C, DB: Backend> QueryFragment<DB> for Update<Id, S, P, C>
where
    S::FromClause: QueryFragment<DB>,
    P: QueryFragment<DB>,
    C: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.source.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.condition.walk_ast(out)
    }
}

/// A query of the builder that is prepared once per connection, wherever this is expanded.
///
/// The text must be the same each time. So no boxed queries, and `eq_any` on PostgreSQL only, where
/// it is one array. For an UPDATE, see [`update!`].
macro_rules! prepared {
    ($query:expr) => {{
        struct Id;
        crate::store::statement::Prepared::<Id, _>::new($query)
    }};
}

/// An UPDATE that is prepared once per connection, wherever this is expanded.
///
/// `diesel::update` cannot be: it marks its text as variable, in a way that no wrapper can undo.
/// `$changes` must always set the same columns: `None` has to be written as NULL.
macro_rules! update {
    ($source:expr, $condition:expr, $changes:expr) => {{
        struct Id;
        crate::store::statement::Update::<Id, _, _, _>::new($source, $condition, $changes)
    }};
}

/// Runs the same expression on the connection of either database.
///
/// A query on [`AnyConnection`](super::AnyConnection) is written out as text each time it runs,
/// even if it is prepared. A query on the connection inside it is not.
macro_rules! on_connection {
    ($connection:expr, |$c:ident| $work:expr) => {
        match $connection {
            crate::store::AnyConnection::Postgres($c) => $work,
            crate::store::AnyConnection::Sqlite($c) => $work,
        }
    };
}

/// Inserts rows into a table of SQLite in their order, up to 32 with each statement.
///
/// The length of an array is part of its type, so the statement for each length is prepared once.
/// Two or three rows are inserted one by one: SQLite must be able to undo the first rows of a
/// statement that fails, which costs more than these statements.
macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr, |$row:ident| $values:expr) => {{
        let rest = &$rows[..];
        insert_all!($connection, $table, rest, |$row| $values, 32, 8, 4, 1);
    }};
    ($connection:expr, $table:expr, $rest:ident, |$row:ident| $values:expr, $($len:literal),+) => {
        $(
            let (chunks, $rest) = $rest.as_chunks::<$len>();
            for chunk in chunks {
                let values = chunk.map(|$row| $values);
                diesel::insert_into($table).values(values).execute($connection)?;
            }
        )+
        debug_assert!($rest.is_empty());
    };
}

/// A statement of PostgreSQL from the pieces of its text:
///
/// ```text
/// statement! {
///     /// Takes `count` ids.
///     NextIds { count: i64 => BigInt } -> (BigInt,):
///     "SELECT nextval('orders_id_seq') FROM generate_series(1, " [count] ")"
/// }
/// ```
macro_rules! statement {
    (
        $(#[$doc:meta])*
        $name:ident { $($field:ident: $rust:ty => $sql:ty),* $(,)? } -> $row:ty:
        $($piece:tt)+
    ) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(super) struct $name { $(pub $field: $rust),* }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = $name;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name {
            type SqlType = $row;
        }

        impl diesel::query_dsl::RunQueryDsl<diesel::PgConnection> for $name {}

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $(let $field = |out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>| {
                    out.push_bind_param::<$sql, _>(&self.$field)
                };)*
                $(crate::store::statement::piece!(out, $piece);)+
                Ok(())
            }
        }
    };
}

macro_rules! piece {
    ($out:ident, [$field:ident]) => {
        $field(&mut $out)?
    };
    ($out:ident, $text:literal) => {
        $out.push_sql($text)
    };
}

pub(super) use {insert_all, on_connection, piece, prepared, statement, update};
