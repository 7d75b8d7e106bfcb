//! What the rows of all tables need: numbers, symbols and balances.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::error::ImportError;
use super::kind::Kind;
use super::mapping::MappedTable;
use super::staging::{Inserter, Staging};
use super::values::Values;
use crate::market::Fixed;
use crate::store::markets::QUOTE;
use crate::store::now;

/// Reads what is needed to understand a row.
pub struct Reader<'a> {
    pub staging: &'a mut Staging,
    pub symbols: BTreeMap<String, String>,
    markets: BTreeMap<String, i64>,
    pub findings: Inserter,
    pub now: NaiveDateTime,
}

pub fn reader(staging: &mut Staging) -> Reader<'_> {
    Reader {
        staging,
        symbols: BTreeMap::new(),
        markets: BTreeMap::new(),
        findings: Inserter::of_findings(),
        now: now(),
    }
}

impl Reader<'_> {
    pub fn holding(&mut self, table: &MappedTable, values: &Values<'_>) -> Result<(), ImportError> {
        let symbol = match table.column("symbol") {
            Some(_) => self.symbol(values, values.required("symbol")?)?,
            None => QUOTE.to_owned(),
        };
        let asset = asset(&symbol).ok_or_else(|| values.error("symbol", "is no asset"))?;
        let available = self.fixed(table, values, "available")?;
        let locked = self.locked(table, values)?;
        self.hold(table, values.id, values.integer("user")?, &asset, available, locked)
    }

    pub fn hold(
        &mut self,
        table: &MappedTable,
        row: i64,
        user: i64,
        asset: &str,
        available: Fixed,
        locked: Option<Fixed>,
    ) -> Result<(), ImportError> {
        let locked = locked.map_or("NULL".to_owned(), |locked| locked.units().to_string());
        let table_name = table.table.replace('\'', "''");
        let known = self.staging.number(&format!(
            "SELECT count(*) FROM holdings WHERE user_id = {user} AND asset = '{asset}'"
        ))?;
        if known > 0 {
            let detail = format!("user {user} has {asset} in another row as well");
            self.note(Kind::DuplicateBalance, table, row, &detail)?;
        }
        self.staging.execute(&format!(
            "INSERT INTO holdings VALUES ({user}, '{asset}', {}, {locked}, '{table_name}', {row}) \
             ON CONFLICT DO UPDATE SET available = available + excluded.available, \
             locked = coalesce(locked + excluded.locked, locked, excluded.locked)",
            available.units(),
        ))
    }

    pub fn locked(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
    ) -> Result<Option<Fixed>, ImportError> {
        table.column("locked").map(|_| self.fixed(table, values, "locked")).transpose()
    }

    pub fn fixed(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        name: &str,
    ) -> Result<Fixed, ImportError> {
        let (number, is_rounded) = values.fixed(name)?;
        if is_rounded {
            let text = values.text(name).unwrap_or_default();
            let column = table.column(name).unwrap_or(name);
            let detail = format!("{column} {text} becomes {number}");
            self.note(Kind::ExcessDecimals, table, values.id, &detail)?;
        }
        Ok(number)
    }

    /// The symbol that a text or the key of a table of symbols stands for.
    pub fn symbol(&self, values: &Values<'_>, text: &str) -> Result<String, ImportError> {
        if let Some(symbol) = self.symbols.get(text) {
            return Ok(symbol.trim().to_uppercase());
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(values.error("symbol", &format!("there is no symbol with the id {text}")));
        }
        Ok(text.trim().to_uppercase())
    }

    pub fn market(&mut self, values: &Values<'_>, symbol: &str) -> Result<i64, ImportError> {
        let (base, quote) = symbol.split_once(['/', '-', '_']).unwrap_or((symbol, QUOTE));
        let named = asset(base).zip(asset(quote)).filter(|(base, quote)| base != quote);
        let Some((base, quote)) = named else {
            return Err(values.error("symbol", &format!("{symbol:?} is no market")));
        };
        let symbol = if quote == QUOTE { base.clone() } else { format!("{base}/{quote}") };
        if let Some(id) = self.markets.get(&symbol) {
            return Ok(*id);
        }
        let id = i64::try_from(self.markets.len()).unwrap_or_default() + 1;
        self.staging.execute(&format!(
            "INSERT INTO markets VALUES ({id}, '{symbol}', '{base}', '{quote}')"
        ))?;
        self.markets.insert(symbol, id);
        Ok(id)
    }

    pub fn note(
        &mut self,
        kind: Kind,
        table: &MappedTable,
        row: i64,
        detail: &str,
    ) -> Result<(), ImportError> {
        self.findings.push_finding(self.staging, kind, &table.table, row, detail)
    }
}

/// An asset: 1 to 16 capital letters and digits.
fn asset(symbol: &str) -> Option<String> {
    let is_valid = (1..=16).contains(&symbol.len())
        && symbol.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    is_valid.then(|| symbol.to_owned())
}
