//! Reads the source into the staging database, page by page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::ImportError;
use super::kind::Kind;
use super::mapping::{MappedTable, Mapping};
use super::reader::{Reader, reader};
use super::source::{PAGE_ROWS, Source};
use super::staging::{Field, Inserter, Staging};
use super::values::Values;
use crate::market::Fixed;
use crate::store::abilities::{Abilities, Ability};
use crate::store::markets::QUOTE;

/// What is done, of how much: the kind of rows, the rows so far, and all.
pub type Progress<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// A table that was read.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The kind of rows, such as `orders`.
    pub kind: &'static str,
    pub table: String,
    pub rows: u64,
    /// What was found in which column.
    pub columns: BTreeMap<&'static str, Option<String>>,
}

/// Reads everything.
pub fn read(
    source: &mut Source,
    mapping: &Mapping,
    staging: &mut Staging,
    progress: Progress<'_>,
) -> Result<Vec<Found>, ImportError> {
    let mut reader = reader(staging);
    let mut found = Vec::new();
    for table in mapping.tables() {
        let total = source.count(&table.table)?;
        let named: Vec<_> = table
            .columns
            .iter()
            .filter_map(|(name, column)| Some((*name, column.as_deref()?)))
            .collect();
        let names: Vec<&'static str> = named.iter().map(|(name, _)| *name).collect();
        let columns: Vec<&str> = named.iter().map(|(_, column)| *column).collect();
        let mut inserter = Inserter::new(head(table.kind));
        let (mut after, mut rows) = (i64::MIN, 0);
        loop {
            let page = source.page(&table.table, &columns, after)?;
            for row in &page {
                let values = Values::new(table, &names, row)?;
                after = values.id;
                reader.read_row(table, &values, &mut inserter)?;
            }
            rows += page.len() as u64;
            progress(table.kind, rows, total);
            if page.len() < PAGE_ROWS {
                break;
            }
        }
        inserter.flush(reader.staging)?;
        let columns = table.columns.iter().cloned().collect();
        found.push(Found { kind: table.kind, table: table.table.clone(), rows, columns });
    }
    reader.findings.flush(reader.staging)?;
    Ok(found)
}

fn head(kind: &str) -> &'static str {
    match kind {
        "users" => "users (id, name, email, password, verified_at, created_at, updated_at)",
        "tokens" => {
            "tokens (id, user_id, name, hash, abilities, created_at, expires_at, last_used_at)"
        }
        "orders" => {
            "orders (id, user_id, market, side, price, amount, filled, status, created_at, \
             updated_at, cancelled_at, was_open)"
        }
        "trades" => {
            "trades (id, buy_order, sell_order, price, amount, value, commission, created_at)"
        }
        "histories" => {
            "histories (id, user_id, balance, change, reference_type, reference_id, created_at)"
        }
        _ => "holdings (user_id, asset, available, locked, source, source_row)",
    }
}

impl Reader<'_> {
    fn read_row(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        inserter: &mut Inserter,
    ) -> Result<(), ImportError> {
        match table.kind {
            "users" => self.user(table, values, inserter),
            "tokens" => self.token(table, values, inserter),
            "symbols" => {
                let symbol = values.required("symbol")?.to_owned();
                self.symbols.insert(values.id.to_string(), symbol);
                Ok(())
            }
            "orders" => self.order(table, values, inserter),
            "trades" => self.trade(table, values, inserter),
            "histories" => self.history(table, values, inserter),
            _ => self.holding(table, values),
        }
    }

    fn user(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        inserter: &mut Inserter,
    ) -> Result<(), ImportError> {
        if values.id <= 0 {
            return Err(values.error("id", "ids must be positive"));
        }
        let email = values.required("email")?.trim().to_lowercase();
        let mut password = values.text("password");
        let is_known = |hash: &&str| {
            ["$2y$", "$2a$", "$2b$", "$argon2i$", "$argon2id$"].iter().any(|p| hash.starts_with(p))
        };
        if password.is_some() && password.filter(is_known).is_none() {
            password = None;
            self.note(Kind::UnknownPassword, table, values.id, "neither bcrypt nor argon2")?;
        }
        let created_at = values.time("created_at")?.unwrap_or(self.now);
        let updated_at = values.time("updated_at")?.unwrap_or(created_at);
        inserter.push(
            self.staging,
            &[
                Field::Number(values.id),
                Field::Text(values.required("name")?),
                Field::Text(&email),
                Field::text(password),
                Field::time(values.time("verified_at")?),
                Field::Time(created_at),
                Field::Time(updated_at),
            ],
        )?;
        if table.column("balance").is_some() {
            let available = self.fixed(table, values, "balance")?;
            let locked = self.locked(table, values)?;
            self.hold(table, values.id, values.id, QUOTE, available, locked)?;
        }
        Ok(())
    }

    fn token(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        inserter: &mut Inserter,
    ) -> Result<(), ImportError> {
        let model = values.text("type").unwrap_or("User");
        if model.rsplit(['\\', '/']).next() != Some("User") && model != "user" {
            let detail = format!("it belongs to a {model}");
            return self.note(Kind::TokenWithoutUser, table, values.id, &detail);
        }
        let hash = values.required("hash")?;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(values.error("hash", "is not a SHA-256 in hexadecimal digits"));
        }
        let text = values.text("abilities").unwrap_or("[\"*\"]");
        let Ok(names) = serde_json::from_str::<Vec<String>>(text) else {
            return Err(values.error("abilities", "is not a JSON array of texts"));
        };
        let by_name = |name: &String| Ability::ALL.into_iter().find(|a| a.name() == name);
        let abilities: Abilities = if names.iter().any(|name| name == "*") {
            Abilities::ALL
        } else {
            if let Some(unknown) = names.iter().find(|name| by_name(name).is_none()) {
                self.note(Kind::UnknownAbility, table, values.id, unknown)?;
            }
            names.iter().filter_map(by_name).collect()
        };
        inserter.push(
            self.staging,
            &[
                Field::Number(values.id),
                Field::Number(values.integer("user")?),
                Field::Text(values.required("name")?),
                Field::Text(&hash.to_lowercase()),
                Field::Number(abilities.code().into()),
                Field::Time(values.time("created_at")?.unwrap_or(self.now)),
                Field::time(values.time("expires_at")?),
                Field::time(values.time("last_used_at")?),
            ],
        )
    }

    fn order(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        inserter: &mut Inserter,
    ) -> Result<(), ImportError> {
        let symbol = self.symbol(values, values.required("symbol")?)?;
        let market = self.market(values, &symbol)?;
        let side = match values.required("side")?.to_lowercase().as_str() {
            "buy" | "bid" | "1" => 1,
            "sell" | "ask" | "2" => 2,
            other => return Err(values.error("side", &format!("{other:?} is no side"))),
        };
        let status = match values.required("status")?.to_lowercase().as_str() {
            "1" | "open" | "pending" | "active" | "new" | "partial" | "partially_filled" => 1,
            "2" | "filled" | "completed" | "executed" | "matched" | "closed" => 2,
            "3" | "cancelled" | "canceled" | "expired" | "rejected" => 3,
            other => return Err(values.error("status", &format!("{other:?} is no status"))),
        };
        let price = self.fixed(table, values, "price")?;
        let amount = self.fixed(table, values, "amount")?;
        if !price.is_positive() || !amount.is_positive() {
            let detail = format!("amount {amount}, price {price}");
            return self.note(Kind::OrderWithoutAmount, table, values.id, &detail);
        }
        if price.mul_ceil(amount).and_then(|value| value.checked_add(value)).is_none() {
            return Err(values.error("amount", &format!("{amount} at {price} is out of range")));
        }
        let filled = match table.column("filled") {
            Some(_) => self.fixed(table, values, "filled")?,
            None if status == 2 => amount,
            None => Fixed::ZERO,
        };
        let created_at = values.time("created_at")?.unwrap_or(self.now);
        inserter.push(
            self.staging,
            &[
                Field::Number(values.id),
                Field::Number(values.integer("user")?),
                Field::Number(market),
                Field::Number(side),
                Field::Number(price.units()),
                Field::Number(amount.units()),
                Field::Number(filled.units()),
                Field::Number(status),
                Field::Time(created_at),
                Field::Time(values.time("updated_at")?.unwrap_or(created_at)),
                Field::time(values.time("cancelled_at")?),
                Field::Number(i64::from(status == 1)),
            ],
        )
    }

    fn trade(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        inserter: &mut Inserter,
    ) -> Result<(), ImportError> {
        let price = self.fixed(table, values, "price")?;
        let amount = self.fixed(table, values, "amount")?;
        let commission = self.fixed(table, values, "commission")?;
        let value = if price.is_positive() && amount.is_positive() {
            price.mul_floor(amount)
        } else {
            Some(Fixed::ZERO)
        };
        let value = value.ok_or_else(|| values.error("amount", "its value is out of range"))?;
        inserter.push(
            self.staging,
            &[
                Field::Number(values.id),
                Field::Number(values.integer("buy_order")?),
                Field::Number(values.integer("sell_order")?),
                Field::Number(price.units()),
                Field::Number(amount.units()),
                Field::Number(value.units()),
                Field::Number(commission.units()),
                Field::Time(values.time("created_at")?.unwrap_or(self.now)),
            ],
        )
    }

    fn history(
        &mut self,
        table: &MappedTable,
        values: &Values<'_>,
        inserter: &mut Inserter,
    ) -> Result<(), ImportError> {
        let (credit, debit) =
            (self.fixed(table, values, "credit")?, self.fixed(table, values, "debit")?);
        let change = credit.checked_sub(debit);
        let change = change.ok_or_else(|| values.error("credit", "is out of range"))?;
        let model = values.text("reference_type").and_then(|model| model.rsplit('\\').next());
        let kind = match model.map(str::to_lowercase).as_deref() {
            Some("order") => Some(1),
            Some("trade") => Some(2),
            _ => None,
        };
        let reference = values.text("reference_id").and_then(|id| id.parse().ok());
        let reference = kind.zip(reference);
        let balance = self.fixed(table, values, "balance")?;
        inserter.push(
            self.staging,
            &[
                Field::Number(values.id),
                Field::Number(values.integer("user")?),
                Field::Number(balance.units()),
                Field::Number(change.units()),
                Field::number(reference.map(|(kind, _)| kind)),
                Field::number(reference.map(|(_, id)| id)),
                Field::Time(values.time("created_at")?.unwrap_or(self.now)),
            ],
        )
    }
}
