//! The text of a variable, as people and tools write it.

use super::error::ConfigError;

/// Removes white space and one pair of quotes around a value. Both are written by mistake: Docker's
/// `--env-file` keeps quotes, and a file that becomes a variable ends with a line end.
///
/// # Errors
/// If a quote remains at only one end, or a line end inside the value.
pub fn unquote<'a>(text: &'a str, variable: &str) -> Result<&'a str, ConfigError> {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let value = inside('"').or_else(|| inside('\'')).map_or(text, str::trim);
    if value.starts_with(['"', '\'']) || value.ends_with(['"', '\'']) {
        return Err(ConfigError(format!("{variable} begins or ends with a quotation mark")));
    }
    if value.contains(['\n', '\r']) {
        return Err(ConfigError(format!("{variable} must be one line")));
    }
    Ok(value)
}

/// Splits a list at its commas. The list and each item may have quotes around it.
pub fn items<'a>(text: &'a str, variable: &str) -> Result<Vec<&'a str>, ConfigError> {
    let text = text.trim();
    let inside = |quote: char| {
        let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains(quote)).then_some(inside)
    };
    let list = inside('"').or_else(|| inside('\'')).unwrap_or(text);
    let items = list.split(',').map(|item| unquote(item, variable));
    items.filter(|item| !matches!(item, Ok(""))).collect()
}
