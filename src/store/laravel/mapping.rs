//! Which table and column of the source holds what: found by the usual names, or named by the
//! operator.

use std::collections::BTreeMap;

use super::error::ImportError;
use super::source::Tables;

/// What the operator names: per kind of rows, `table` and columns. An empty text: there is none.
pub type Overrides = BTreeMap<String, BTreeMap<String, String>>;

/// A column that is looked for.
struct Column {
    name: &'static str,
    /// The usual names, the most usual first.
    usual: &'static [&'static str],
    is_required: bool,
}

/// A table that is looked for.
struct Spec {
    name: &'static str,
    usual: &'static [&'static str],
    is_required: bool,
    columns: &'static [Column],
}

const fn required(name: &'static str, usual: &'static [&'static str]) -> Column {
    Column { name, usual, is_required: true }
}

const fn optional(name: &'static str, usual: &'static [&'static str]) -> Column {
    Column { name, usual, is_required: false }
}

const ID: Column = required("id", &["id"]);
const USER: Column = required("user", &["user_id", "owner_id", "account_id"]);
const CREATED: Column = optional("created_at", &["created_at"]);
const UPDATED: Column = optional("updated_at", &["updated_at"]);
const SYMBOLS: &[&str] =
    &["symbol", "currency", "asset", "coin", "symbol_id", "asset_id", "currency_id", "market_id"];
const LOCKED: &[&str] = &["locked_amount", "locked_balance", "locked", "frozen", "reserved"];

const SPECS: [Spec; 8] = [
    Spec {
        name: "users",
        usual: &["users"],
        is_required: true,
        columns: &[
            ID,
            required("name", &["name", "username", "email"]),
            required("email", &["email"]),
            required("password", &["password", "password_hash"]),
            optional("verified_at", &["email_verified_at"]),
            CREATED,
            UPDATED,
            optional("balance", &["balance", "usd_balance", "balance_usd", "available_balance"]),
            optional("locked", &["locked_balance", "locked_usd", "locked_amount"]),
        ],
    },
    Spec {
        name: "tokens",
        usual: &["personal_access_tokens"],
        is_required: false,
        columns: &[
            ID,
            required("user", &["tokenable_id"]),
            optional("type", &["tokenable_type"]),
            required("name", &["name"]),
            required("hash", &["token"]),
            optional("abilities", &["abilities"]),
            optional("last_used_at", &["last_used_at"]),
            optional("expires_at", &["expires_at"]),
            CREATED,
        ],
    },
    Spec {
        name: "symbols",
        usual: &["symbols", "currencies", "coins", "trading_pairs", "markets"],
        is_required: false,
        columns: &[ID, required("symbol", &["symbol", "code", "ticker", "name"])],
    },
    Spec {
        name: "balances",
        usual: &["balances", "wallets", "user_balances"],
        is_required: false,
        columns: &[
            ID,
            USER,
            optional("symbol", SYMBOLS),
            required("available", &["available", "balance", "amount"]),
            optional("locked", LOCKED),
        ],
    },
    Spec {
        name: "assets",
        usual: &["assets", "user_assets", "holdings"],
        is_required: false,
        columns: &[
            ID,
            USER,
            required("symbol", SYMBOLS),
            required("available", &["amount", "available", "available_amount", "balance"]),
            optional("locked", LOCKED),
        ],
    },
    Spec {
        name: "orders",
        usual: &["orders"],
        is_required: false,
        columns: &[
            ID,
            USER,
            required("symbol", SYMBOLS),
            required("side", &["side", "type"]),
            required("price", &["price"]),
            required("amount", &["amount", "quantity", "qty"]),
            optional("filled", &["filled_amount", "filled", "filled_quantity", "executed_amount"]),
            required("status", &["status", "state"]),
            CREATED,
            UPDATED,
            optional("cancelled_at", &["cancelled_at", "canceled_at"]),
        ],
    },
    Spec {
        name: "trades",
        usual: &["trades", "order_matches"],
        is_required: false,
        columns: &[
            ID,
            required("buy_order", &["buy_order_id"]),
            required("sell_order", &["sell_order_id"]),
            required("price", &["price"]),
            required("amount", &["amount", "quantity", "qty"]),
            optional("commission", &["commission", "commission_amount", "fee", "buyer_fee"]),
            CREATED,
        ],
    },
    Spec {
        name: "histories",
        usual: &["user_balance_histories", "balance_histories", "balance_history"],
        is_required: false,
        columns: &[
            ID,
            USER,
            required("balance", &["balance", "balance_after"]),
            required("credit", &["credit"]),
            required("debit", &["debit"]),
            optional("reference_type", &["reference_type"]),
            optional("reference_id", &["reference_id"]),
            CREATED,
        ],
    },
];

/// A table of the source that holds rows of one kind.
#[derive(Clone, Debug)]
pub struct MappedTable {
    /// The kind of rows, such as `orders`.
    pub kind: &'static str,
    /// Its name in the source.
    pub table: String,
    /// What a column holds, and its name in the source.
    pub columns: Vec<(&'static str, Option<String>)>,
}

impl MappedTable {
    /// The name of a column in the source.
    pub fn column(&self, name: &str) -> Option<&str> {
        let found = self.columns.iter().find(|(column, _)| *column == name);
        found.and_then(|(_, column)| column.as_deref())
    }
}

/// The tables of the source that were found.
#[derive(Clone, Debug)]
pub struct Mapping(Vec<MappedTable>);

impl Mapping {
    pub fn table(&self, kind: &str) -> Option<&MappedTable> {
        self.0.iter().find(|mapped| mapped.kind == kind)
    }

    pub fn tables(&self) -> &[MappedTable] {
        &self.0
    }

    /// # Errors
    /// If a required table or column is not found, or the operator names one that does not exist.
    pub fn find(tables: &Tables, overrides: &Overrides) -> Result<Self, ImportError> {
        for (kind, columns) in overrides {
            let Some(spec) = SPECS.iter().find(|spec| spec.name == kind) else {
                let known: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
                let known = known.join(", ");
                return Err(ImportError::Schema(format!(
                    "the mapping has the unknown section [{kind}]; there are {known}"
                )));
            };
            let known = |name: &String| {
                name == "table" || spec.columns.iter().any(|column| column.name == name)
            };
            if let Some(unknown) = columns.keys().find(|name| !known(name)) {
                let known: Vec<&str> = spec.columns.iter().map(|column| column.name).collect();
                return Err(ImportError::Schema(format!(
                    "the mapping has the unknown key {unknown} in [{kind}]; there are table, {}",
                    known.join(", ")
                )));
            }
        }
        let mut mapped = Vec::new();
        for spec in &SPECS {
            mapped.extend(spec.find(tables, overrides.get(spec.name))?);
        }
        Ok(Self(mapped))
    }
}

impl Spec {
    fn find(
        &self,
        tables: &Tables,
        overrides: Option<&BTreeMap<String, String>>,
    ) -> Result<Option<MappedTable>, ImportError> {
        let name = self.name;
        let table = match overrides.and_then(|overrides| overrides.get("table")) {
            Some(table) if table.is_empty() && !self.is_required => return Ok(None),
            Some(table) if tables.contains_key(table) => table.clone(),
            Some(table) => {
                return Err(ImportError::Schema(format!(
                    "the mapping names the table {table} for {name}, which does not exist"
                )));
            }
            None => match self.usual.iter().find(|usual| tables.contains_key(**usual)) {
                Some(usual) => (*usual).to_owned(),
                None if self.is_required => {
                    return Err(ImportError::Schema(format!("there is no table {name}")));
                }
                None => return Ok(None),
            },
        };
        let existing = &tables[&table];
        let mut columns = Vec::new();
        for column in self.columns {
            let found = match overrides.and_then(|overrides| overrides.get(column.name)) {
                Some(named) if named.is_empty() && !column.is_required => None,
                Some(named) if existing.contains(named) => Some(named.clone()),
                Some(named) => {
                    return Err(ImportError::Schema(format!(
                        "the mapping names the column {named} for {name}.{}, which table {table} \
                         does not have",
                        column.name
                    )));
                }
                None => {
                    let mut usual = column.usual.iter();
                    let usual = usual.find(|usual| existing.iter().any(|name| name == **usual));
                    usual.map(|usual| (*usual).to_owned())
                }
            };
            if found.is_none() && column.is_required {
                // A table that only has the name of one that is looked for.
                if name == "symbols" && overrides.is_none() {
                    return Ok(None);
                }
                return Err(ImportError::Schema(format!(
                    "table {table} has no column for {name}.{}: looked for {}; name it in a file \
                     for --map",
                    column.name,
                    column.usual.join(", ")
                )));
            }
            columns.push((column.name, found));
        }
        Ok(Some(MappedTable { kind: self.name, table, columns }))
    }
}
