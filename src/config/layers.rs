//! Merges the sources of settings into one table with the keys and types of the default file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;

use toml::{Table, Value};

use super::dotenv;
use super::error::ConfigError;
use super::value;

/// The default file, which contains every key.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

const PREFIX: &str = "MATCHCAST__";
/// Lists of tables: what differs per market, and terms of withdrawals. Only a file has them.
const LISTS: [&str; 2] = ["markets", "withdrawals"];
const DOTENV: &str = ".env";

/// Well-known variables and the keys that they set. An empty value counts as unset.
const WELL_KNOWN: [(&str, &str, &str); 19] = [
    ("APP_ENV", "app", "env"),
    ("APP_KEY", "app", "key"),
    ("HOST", "http", "host"),
    ("PORT", "http", "port"),
    ("DATABASE_URL", "database", "url"),
    ("SESSION_DOMAIN", "auth", "session_domain"),
    ("SESSION_SAME_SITE", "auth", "session_same_site"),
    ("BROADCAST_CONNECTION", "broadcasting", "connection"),
    ("PUSHER_APP_ID", "pusher", "app_id"),
    ("PUSHER_APP_KEY", "pusher", "key"),
    ("PUSHER_APP_SECRET", "pusher", "secret"),
    ("PUSHER_APP_CLUSTER", "pusher", "cluster"),
    ("PUSHER_HOST", "pusher", "host"),
    ("PUSHER_PORT", "pusher", "port"),
    ("PUSHER_SCHEME", "pusher", "scheme"),
    ("PUSHER_PUBLIC_HOST", "pusher", "public_host"),
    ("PUSHER_PUBLIC_PORT", "pusher", "public_port"),
    ("PUSHER_PUBLIC_SCHEME", "pusher", "public_scheme"),
    ("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", "pusher", "encryption_master_key_base64"),
];

/// The sources of settings, beside the default file.
#[derive(Clone, Default)]
pub struct Sources {
    /// Variables of the environment and of `.env`; the environment takes precedence.
    pub variables: BTreeMap<String, String>,
    /// The name (for messages) and the text of config/{APP_ENV}.toml.
    pub file: Option<(String, String)>,
}

/// Shows names only, because any of the values may be secret.
impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let variables: Vec<&String> = self.variables.keys().collect();
        let file = self.file.as_ref().map(|(name, _)| name);
        f.debug_struct("Sources").field("variables", &variables).field("file", &file).finish()
    }
}

impl Sources {
    /// These variables, and no file.
    pub fn of_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { variables: variables.into_iter().map(owned).collect(), file: None }
    }

    pub(super) fn of_process() -> Result<Self, ConfigError> {
        let named = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment: BTreeMap<String, String> = std::env::vars_os().filter_map(named).collect();
        let mut variables = BTreeMap::new();
        match std::fs::read_to_string(DOTENV) {
            Ok(text) => {
                let read = dotenv::parse(&text, &environment);
                variables.extend(read.map_err(|error| unreadable(&error))?);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&error)),
        }
        variables.extend(environment);
        let name = variables.get("APP_ENV").map_or("", String::as_str);
        let name = value::unquote(name, "APP_ENV")?;
        let name = if name.is_empty() { "local" } else { name };
        let path = format!("config/{name}.toml");
        // Only a plain word may become part of a path; validation rejects all others.
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let file = if plain && Path::new(&path).exists() {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| ConfigError(format!("{path} cannot be read: {error}")))?;
            Some((path, text))
        } else {
            None
        };
        Ok(Self { variables, file })
    }
}

fn unreadable(error: &impl Display) -> ConfigError {
    ConfigError(format!("{DOTENV} cannot be read: {error}"))
}

pub(super) fn merge(sources: &Sources) -> Result<Table, ConfigError> {
    let mut merged = defaults();
    if let Some((name, text)) = &sources.file {
        let overlay: Table = text.parse().map_err(|error| not_toml(name, text, &error))?;
        merge_file(&mut merged, overlay, name)?;
    }
    for (variable, section, key) in WELL_KNOWN {
        let Some(value) = sources.variables.get(variable) else { continue };
        if !value::unquote(value, variable)?.is_empty() {
            let slot = find(&mut merged, section, key)
                .ok_or_else(|| ConfigError(format!("{variable} sets no key")))?;
            set(slot, value, variable)?;
        }
    }
    for (variable, value) in &sources.variables {
        let Some(path) = variable.strip_prefix(PREFIX) else { continue };
        let path = path.to_lowercase();
        let slot = path
            .split_once("__")
            .and_then(|(section, key)| find(&mut merged, section, key))
            .ok_or_else(|| ConfigError(format!("{variable} is not a setting of matchcast")))?;
        set(slot, value, variable)?;
    }
    Ok(merged)
}

/// Names the line, but does not quote it, because it may contain a secret.
fn not_toml(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    ConfigError(format!("{name} is not valid TOML: line {line} cannot be read"))
}

/// Every setting of a merged table.
pub(super) fn settings(table: &Table) -> impl Iterator<Item = (&str, &str, &Value)> {
    let sections = table.iter().filter_map(|(section, keys)| Some((section, keys.as_table()?)));
    sections.flat_map(|(section, keys)| {
        keys.iter().map(move |(key, value)| (section.as_str(), key.as_str(), value))
    })
}

/// The defaults with one setting changed.
pub(super) fn with_default(section: &str, key: &str, value: &Value) -> Table {
    let mut table = defaults();
    if let Some(slot) = find(&mut table, section, key) {
        slot.clone_from(value);
    }
    table
}

/// The variable and the key of a setting: `PORT (http.port)`, `MATCHCAST__LOG__FORMAT
/// (log.format)`.
pub(super) fn name_of(section: &str, key: &str) -> String {
    let well_known = WELL_KNOWN.iter().find(|(_, s, k)| (*s, *k) == (section, key));
    match well_known {
        Some((variable, ..)) => format!("{variable} ({section}.{key})"),
        None => {
            let variable = format!("{PREFIX}{section}__{key}").to_uppercase();
            format!("{variable} ({section}.{key})")
        }
    }
}

fn defaults() -> Table {
    DEFAULT.parse().expect("the default file is part of the binary")
}

fn find<'a>(table: &'a mut Table, section: &str, key: &str) -> Option<&'a mut Value> {
    table.get_mut(section)?.as_table_mut()?.get_mut(key)
}

fn merge_file(merged: &mut Table, overlay: Table, name: &str) -> Result<(), ConfigError> {
    for (section, keys) in overlay {
        if LISTS.contains(&section.as_str()) && keys.is_array() {
            merged.insert(section, keys);
            continue;
        }
        let Value::Table(keys) = keys else {
            return Err(ConfigError(format!("{name}: {section} is not a section of matchcast")));
        };
        for (key, value) in keys {
            let slot = find(merged, &section, &key).ok_or_else(|| {
                ConfigError(format!("{name}: {section}.{key} is not a setting of matchcast"))
            })?;
            *slot = match (&*slot, value) {
                (Value::String(_), Value::Boolean(flag)) => Value::String(flag.to_string()),
                (Value::Float(_), Value::Integer(number)) => {
                    let text = number.to_string();
                    text.parse().map(Value::Float).unwrap_or(Value::Integer(number))
                }
                (default, value) if default.same_type(&value) => value,
                (default, _) => {
                    let kind = kind_of(default);
                    return Err(ConfigError(format!("{name}: {section}.{key} must be {kind}")));
                }
            };
        }
    }
    Ok(())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list",
        _ => "text in quotes",
    }
}

/// Parses the text of a variable as the type of the default.
fn set(slot: &mut Value, text: &str, variable: &str) -> Result<(), ConfigError> {
    let kind = kind_of(slot);
    let wrong = || ConfigError(format!("{variable} must be {kind}"));
    let one = || value::unquote(text, variable);
    *slot = match slot {
        Value::Integer(_) => Value::Integer(one()?.parse().map_err(|_| wrong())?),
        Value::Float(_) => Value::Float(one()?.parse().map_err(|_| wrong())?),
        Value::Boolean(_) => Value::Boolean(one()?.parse().map_err(|_| wrong())?),
        Value::Array(_) => {
            let items = value::items(text, variable)?;
            Value::Array(items.into_iter().map(|item| Value::String(item.to_owned())).collect())
        }
        _ => Value::String(one()?.to_owned()),
    };
    Ok(())
}
