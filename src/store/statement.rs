//! Statements that Diesel's query builder cannot say, prepared once per connection.
//!
//! `sql_query` is parsed and planned anew each time, and so is a batch insert of varying length. A
//! type with a static `QueryId` is not. This macro makes one from the pieces of its text:
//!
//! ```text
//! statement! {
//!     /// What it is for.
//!     LockMarkets<Pg> { ids: Vec<i32> => Array<Integer> } -> (Integer,):
//!     "SELECT id FROM markets WHERE id = ANY(" [ids] ") ORDER BY id FOR UPDATE"
//! }
//! ```

macro_rules! statement {
    (
        $(#[$doc:meta])*
        $name:ident<$backend:ty> { $($field:ident: $rust:ty => $sql:ty),* $(,)? } -> $row:ty:
        $($piece:tt)+
    ) => {
        $(#[$doc])*
        pub(super) struct $name { $(pub $field: $rust),* }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = $name;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name {
            type SqlType = $row;
        }

        impl diesel::query_dsl::RunQueryDsl<
            <$backend as crate::store::statement::ConnectionOf>::Connection,
        > for $name {}

        impl diesel::query_builder::QueryFragment<$backend> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, $backend>,
            ) -> diesel::QueryResult<()> {
                $(let $field = |out: &mut diesel::query_builder::AstPass<'_, 'b, $backend>| {
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
    ($out:ident, ($text:expr)) => {
        $out.push_sql($text)
    };
    ($out:ident, $text:literal) => {
        $out.push_sql($text)
    };
}

pub(super) use {piece, statement};

/// The connection that speaks a backend's SQL.
pub(super) trait ConnectionOf {
    type Connection;
}

impl ConnectionOf for diesel::pg::Pg {
    type Connection = diesel::PgConnection;
}

impl ConnectionOf for diesel::sqlite::Sqlite {
    type Connection = diesel::SqliteConnection;
}
