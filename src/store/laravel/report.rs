//! What was found, what does not add up, and what the import does about it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use super::error::ImportError;
use super::kind::Kind;
use super::staging::Staging;
use crate::market::Fixed;

/// The corrections of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Correction {
    pub name: &'static str,
    /// What the import does about each row.
    pub correction: &'static str,
    pub rows: i64,
}

/// What the entries `migration_adjustment` of one kind add up to.
#[derive(Clone, Debug, Serialize)]
pub struct Adjusted {
    pub name: String,
    pub asset: String,
    pub entries: i64,
    pub available: String,
    pub locked: String,
}

/// A row that does not add up.
#[derive(Clone, Debug, QueryableByName, Serialize)]
pub struct Finding {
    #[diesel(sql_type = BigInt)]
    #[serde(skip)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    #[serde(rename = "table")]
    pub source_table: String,
    #[diesel(sql_type = BigInt)]
    #[serde(rename = "row")]
    pub source_row: i64,
    #[diesel(sql_type = Text)]
    pub detail: String,
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    asset: String,
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = BigInt)]
    available: i64,
    #[diesel(sql_type = BigInt)]
    locked: i64,
}

/// The kinds of which there are rows.
pub fn corrections(staging: &mut Staging) -> Result<Vec<Correction>, ImportError> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let (name, correction) = (kind.name(), kind.correction());
        let rows =
            staging.number(&format!("SELECT count(*) FROM findings WHERE kind = '{name}'"))?;
        if rows > 0 {
            all.push(Correction { name, correction, rows });
        }
    }
    Ok(all)
}

/// The sums of the adjustments by name and asset.
pub fn adjusted(staging: &mut Staging) -> Result<Vec<Adjusted>, ImportError> {
    let sums: Vec<Sum> = diesel::sql_query(
        "SELECT kind AS name, asset, count(*) AS entries, sum(available) AS available, \
         sum(locked) AS locked FROM adjustments GROUP BY kind, asset ORDER BY kind, asset",
    )
    .load(&mut staging.connection)?;
    let text = |units| Fixed::from_units(units).to_string();
    let adjusted = |Sum { name, asset, entries, available, locked }| Adjusted {
        name,
        asset,
        entries,
        available: text(available),
        locked: text(locked),
    };
    Ok(sums.into_iter().map(adjusted).collect())
}

/// The next findings after the one with this id, at most `limit`; of one name, if there is one.
pub fn findings(
    staging: &mut Staging,
    name: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<Finding>, ImportError> {
    let condition = name.map(|name| format!("AND kind = '{name}'")).unwrap_or_default();
    let query = diesel::sql_query(format!(
        "SELECT id, kind AS name, source_table, source_row, detail \
         FROM findings WHERE id > ? {condition} ORDER BY id LIMIT ?"
    ));
    let query = query.bind::<BigInt, _>(after).bind::<BigInt, _>(limit);
    Ok(query.load(&mut staging.connection)?)
}
