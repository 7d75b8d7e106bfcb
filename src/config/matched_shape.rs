//! Validates the shape of `order.matched` and the channels of users.

use super::error::ConfigError;
use super::raw::RawOrderMatched;
use crate::events::{
    ChannelPattern, Decimals, EventKind, EventName, MatchedShape, Model, OwnColumn, ProfileColumn,
};

const SECTION: &str = "MATCHCAST__EVENTS__ORDER_MATCHED";

/// The channels of users, on which all their events are published.
pub fn channel(raw: &RawOrderMatched) -> Result<ChannelPattern, ConfigError> {
    ChannelPattern::parse(&raw.channel).map_err(|error| invalid("channel", error))
}

pub fn matched_shape(raw: &RawOrderMatched) -> Result<MatchedShape, ConfigError> {
    let kind = EventKind::OrderMatched;
    let name = EventName::parse(&raw.name, kind).map_err(|error| invalid("name", error))?;
    let models = Model::ALL.map(|model| (model.name(), model));
    let columns = OwnColumn::ALL.map(|column| (column.name(), column));
    Ok(MatchedShape {
        name: Some(name).filter(|name| name.as_str() != kind.name()),
        include: words(&raw.include, "include", &models)?,
        own_columns: words(&raw.own_columns, "own_columns", &columns)?,
        counterparty_columns: counterparty_columns(&raw.counterparty_columns)?,
        decimals: word(&raw.decimals, &Decimals::ALL.map(|how| (how.name(), how)))
            .map_err(|names| invalid("decimals", format!("must be one of {names}")))?,
    })
}

fn counterparty_columns(written: &[String]) -> Result<Vec<ProfileColumn>, ConfigError> {
    const KEY: &str = "counterparty_columns";
    let is_balance = |column: &&OwnColumn| !matches!(column, OwnColumn::Profile(_));
    let mut balances = OwnColumn::ALL.iter().filter(is_balance).map(|column| column.name());
    if let Some(name) = balances.find(|name| written.iter().any(|word| word == name)) {
        return Err(invalid(KEY, format!("must not contain {name}, which is the user's own")));
    }
    words(written, KEY, &ProfileColumn::ALL.map(|column| (column.name(), column)))
}

/// The values of the words of a list, each once.
fn words<T: Copy + PartialEq>(
    written: &[String],
    key: &str,
    known: &[(&str, T)],
) -> Result<Vec<T>, ConfigError> {
    let mut values = Vec::new();
    for text in written {
        let value = word(text, known).map_err(|names| {
            invalid(key, format!("may contain {names}, and does not know {text:?}"))
        })?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

/// The value of a word; otherwise the list of those that there are.
fn word<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    })
}

fn invalid(key: &str, sentence: impl std::fmt::Display) -> ConfigError {
    let variable = format!("{SECTION}__{}", key.to_uppercase());
    ConfigError(format!("{variable} (events.order_matched.{key}) {sentence}"))
}
