//! What is owed to whom at any past moment, recomputed from the ledger.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, SmallInt, Timestamp};

use super::whole_sum;
use crate::market::{AssetId, Movement};
use crate::store::schema::ledger_entries;
use crate::store::views::ids_between;
use crate::store::{AnyConnection, StoreError, codes};

/// The accounts of one asset, and where their money has come from. Counts of 10⁻⁸ units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetSheet {
    pub users_available: i128,
    pub users_locked: i128,
    /// What markets have collected, and the fees of withdrawals.
    pub houses: i128,
    pub deposits: i128,
    /// What has left, without fees; not negative.
    pub withdrawals: i128,
    /// Signed.
    pub adjustments: i128,
}

impl AssetSheet {
    /// What is in all accounts.
    pub fn total(&self) -> i128 {
        self.users_available + self.users_locked + self.houses
    }

    /// Whether no money was made or lost between accounts.
    pub fn is_balanced(&self) -> bool {
        self.total() == self.deposits - self.withdrawals + self.adjustments
    }

    fn add(&mut self, row: &Row) -> Result<(), StoreError> {
        let available = whole_sum(row.available_whole, row.available_fraction);
        let locked = whole_sum(row.locked_whole, row.locked_fraction);
        let change = available + locked;
        if row.is_house == 1 {
            self.houses += change;
        } else {
            self.users_available += available;
            self.users_locked += locked;
        }
        match codes::action_from_code(row.action)?.movement() {
            Movement::Deposit => self.deposits += change,
            Movement::Withdrawal => self.withdrawals -= change,
            Movement::Adjustment => self.adjustments += change,
            Movement::Internal => {}
        }
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    asset_id: i32,
    /// 0 or 1.
    #[diesel(sql_type = Integer)]
    is_house: i32,
    #[diesel(sql_type = SmallInt)]
    action: i16,
    #[diesel(sql_type = BigInt)]
    available_whole: i64,
    #[diesel(sql_type = BigInt)]
    available_fraction: i64,
    #[diesel(sql_type = BigInt)]
    locked_whole: i64,
    #[diesel(sql_type = BigInt)]
    locked_fraction: i64,
}

/// Sums of parts of numbers by an expression, which the query builder cannot express.
const QUERY: &str = "SELECT a.asset_id, CASE WHEN a.user_id <= 0 THEN 1 ELSE 0 END AS is_house, \
    e.action, \
    CAST(sum(e.available_change / 100000000) AS BIGINT) AS available_whole, \
    CAST(sum(e.available_change % 100000000) AS BIGINT) AS available_fraction, \
    CAST(sum(e.locked_change / 100000000) AS BIGINT) AS locked_whole, \
    CAST(sum(e.locked_change % 100000000) AS BIGINT) AS locked_fraction \
    FROM ledger_entries e JOIN accounts a ON a.id = e.account_id \
    WHERE e.id < $1 AND e.created_at <= $2 GROUP BY 1, 2, 3";

/// The sheet of each asset that had entries up to this moment. A report.
///
/// The entries of a transaction have one time, so that none is counted in part.
pub fn balance_sheet(
    connection: &mut AnyConnection,
    at: NaiveDateTime,
) -> Result<BTreeMap<AssetId, AssetSheet>, StoreError> {
    let end = match connection {
        // There is no index by id: a search would read the ledger again and again.
        AnyConnection::Postgres(_) => i64::MAX,
        AnyConnection::Sqlite(_) => {
            ids_between(connection, None, Some(at), |c, id| {
                let next = ledger_entries::table.filter(ledger_entries::id.ge(id));
                let next = next.order(ledger_entries::id.asc());
                let columns = (ledger_entries::id, ledger_entries::created_at);
                Ok(next.select(columns).first(c).optional()?)
            })?
            .end
        }
    };
    let query = diesel::sql_query(QUERY).bind::<BigInt, _>(end).bind::<Timestamp, _>(at);
    let rows: Vec<Row> = query.load(connection)?;
    let mut sheets: BTreeMap<AssetId, AssetSheet> = BTreeMap::new();
    for row in &rows {
        sheets.entry(AssetId(row.asset_id)).or_default().add(row)?;
    }
    Ok(sheets)
}
