//! Ids that a transaction takes before it writes the rows, because its ledger entries refer to
//! them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::schema::{adjustments, deposits, withdrawals};
use super::statement::statement;
use super::{AnyConnection, StoreError};

/// A table whose ids are taken before its rows are written.
#[derive(Clone, Copy, Debug)]
pub enum Numbered {
    Deposits,
    Withdrawals,
    Adjustments,
}

// The query builder has no sequences.
statement! {
    NextIds { sequence: &'static str => Text, count: i64 => BigInt } -> (BigInt,):
    "SELECT nextval(CAST(" [sequence] " AS regclass)) FROM generate_series(1, " [count] ")"
}

impl Numbered {
    const fn sequence(self) -> &'static str {
        match self {
            Self::Deposits => "deposits_id_seq",
            Self::Withdrawals => "withdrawals_id_seq",
            Self::Adjustments => "adjustments_id_seq",
        }
    }

    /// Takes ids for new rows. Runs in the write transaction that inserts them.
    pub fn next_ids(
        self,
        connection: &mut AnyConnection,
        count: usize,
    ) -> Result<Vec<i64>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        match connection {
            AnyConnection::Postgres(c) => {
                let (sequence, count) = (self.sequence(), i64::try_from(count).unwrap_or(i64::MAX));
                let rows = NextIds { sequence, count }.load::<(i64,)>(c)?;
                Ok(rows.into_iter().map(|(id,)| id).collect())
            }
            // There is no other write transaction.
            AnyConnection::Sqlite(c) => {
                let last: Option<i64> = match self {
                    Self::Deposits => {
                        deposits::table.select(diesel::dsl::max(deposits::id)).get_result(c)?
                    }
                    Self::Withdrawals => withdrawals::table
                        .select(diesel::dsl::max(withdrawals::id))
                        .get_result(c)?,
                    Self::Adjustments => adjustments::table
                        .select(diesel::dsl::max(adjustments::id))
                        .get_result(c)?,
                };
                Ok((last.unwrap_or(0) + 1..).take(count).collect())
            }
        }
    }
}
