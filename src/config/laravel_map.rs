//! The file of `matchcast import-laravel --map`: names of tables and columns.

use std::collections::BTreeMap;

use super::error::ConfigError;

/// Reads the file: a section for each kind of rows, with `table` and names of columns.
///
/// # Errors
/// If it is not TOML, or a value is not a text.
pub fn parse_laravel_map(
    text: &str,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError(error.message().to_owned()))
}
