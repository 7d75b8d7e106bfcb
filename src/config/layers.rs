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
/// In a section within a section: a value in place of the section sets this key, so that
/// `events.order_matched = false` is `events.order_matched.enabled = false`.
const SWITCH: &str = "enabled";

/// Well-known variables and the keys that they set. An empty value counts as unset.
const WELL_KNOWN: [(&str, &str, &str); 20] = [
    ("APP_ENV", "app", "env"),
    ("APP_KEY", "app", "key"),
    ("HOST", "http", "host"),
    ("PORT", "http", "port"),
    ("DATABASE_URL", "database", "url"),
    ("DATABASE_READ_URL", "database", "read_url"),
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
            let slot = find(&mut merged, &[section, key])
                .ok_or_else(|| ConfigError(format!("{variable} sets no key")))?;
            set(slot, value, variable)?;
        }
    }
    for (variable, value) in &sources.variables {
        let Some(path) = variable.strip_prefix(PREFIX) else { continue };
        let path = path.to_lowercase();
        let path: Vec<&str> = path.split("__").collect();
        let slot = find(&mut merged, &path)
            .ok_or_else(|| ConfigError(format!("{variable} is not a setting of matchcast")))?;
        set(slot, value, variable)?;
    }
    Ok(merged)
}

/// Names the line, but does not quote it, because it may contain a secret.
fn not_toml(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count();
    // "App\Events\OrderMatched", as PHP writes it, is not a text of TOML.
    let has_backslash = text.lines().nth(line).is_some_and(|line| line.contains('\\'));
    let hint = if has_backslash { " (a text with backslashes needs single quotes)" } else { "" };
    let line = line.saturating_add(1);
    ConfigError(format!("{name} is not valid TOML: line {line} cannot be read{hint}"))
}

/// Every setting of a merged table, by its path.
pub(super) fn settings(table: &Table) -> Vec<(Vec<&str>, &Value)> {
    let mut found = Vec::new();
    for (section, keys) in table {
        if let Value::Table(keys) = keys {
            collect(keys, &[section.as_str()], &mut found);
        }
    }
    found
}

fn collect<'a>(keys: &'a Table, section: &[&'a str], found: &mut Vec<(Vec<&'a str>, &'a Value)>) {
    for (key, value) in keys {
        let path = [section, &[key.as_str()]].concat();
        match value {
            Value::Table(keys) => collect(keys, &path, found),
            value => found.push((path, value)),
        }
    }
}

/// The defaults with one setting changed.
pub(super) fn with_default(path: &[&str], value: &Value) -> Table {
    let mut table = defaults();
    if let Some(slot) = find(&mut table, path) {
        slot.clone_from(value);
    }
    table
}

/// The variable and the key of a setting: `PORT (http.port)`, `MATCHCAST__LOG__FORMAT
/// (log.format)`.
pub(super) fn name_of(path: &[&str]) -> String {
    let well_known = WELL_KNOWN.iter().find(|(_, section, key)| path == [*section, *key]);
    let key = path.join(".");
    match well_known {
        Some((variable, ..)) => format!("{variable} ({key})"),
        None => format!("{PREFIX}{} ({key})", path.join("__").to_uppercase()),
    }
}

fn defaults() -> Table {
    DEFAULT.parse().expect("the default file is part of the binary")
}

/// The value of a setting. `None`: there is no such setting, or it is a section.
fn find<'a>(table: &'a mut Table, path: &[&str]) -> Option<&'a mut Value> {
    let (section, keys) = path.split_first()?;
    let mut found = table.get_mut(*section)?.as_table_mut()?.get_mut(*keys.first()?)?;
    for key in &keys[1..] {
        found = found.as_table_mut()?.get_mut(*key)?;
    }
    match found {
        Value::Table(keys) => keys.get_mut(SWITCH),
        value => Some(value),
    }
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
        merge_section(merged, keys, &[section.as_str()], name)?;
    }
    Ok(())
}

fn merge_section(
    merged: &mut Table,
    keys: Table,
    section: &[&str],
    name: &str,
) -> Result<(), ConfigError> {
    for (key, value) in keys {
        let path = [section, &[key.as_str()]].concat();
        let value = match value {
            Value::Table(keys) if is_section(merged, &path) => {
                merge_section(merged, keys, &path, name)?;
                continue;
            }
            value => value,
        };
        let setting = path.join(".");
        let slot = find(merged, &path).ok_or_else(|| {
            ConfigError(format!("{name}: {setting} is not a setting of matchcast"))
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
                return Err(ConfigError(format!("{name}: {setting} must be {kind}")));
            }
        };
    }
    Ok(())
}

fn is_section(table: &Table, path: &[&str]) -> bool {
    let Some((section, keys)) = path.split_first() else { return false };
    let mut found = table.get(*section);
    for key in keys {
        found = found.and_then(|value| value.get(*key));
    }
    found.is_some_and(Value::is_table)
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
