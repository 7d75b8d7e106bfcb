//! Deposits that have a reference: money that a payment service reports, once or several times.

use std::sync::Arc;

use super::{AccountKey, DepositId, Fixed};

/// The payment service's own name for a payment, which no other deposit ever has: 1 to
/// [`Self::MAX_CHARS`] characters without control characters, and no white space around them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepositReference(Arc<str>);

impl DepositReference {
    pub const MAX_CHARS: usize = 255;

    /// `None` if the text is empty or too long, or has another character.
    pub fn parse(text: &str) -> Option<Self> {
        is_label(text, Self::MAX_CHARS).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether these are 1 to `max` characters without control characters, and no white space around
/// them.
pub(super) fn is_label(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// What a reference stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    pub id: DepositId,
    pub account: AccountKey,
    pub amount: Fixed,
}

#[cfg(test)]
mod tests {
    use super::DepositReference;

    #[test]
    fn one_to_255_characters_are_accepted() {
        for text in ["a", "SEPA 2026-01-31/7", "überweisung", &"ü".repeat(255)] {
            assert_eq!(DepositReference::parse(text).unwrap().as_str(), text);
        }
        for text in ["", " ", " a", "a ", "a\n", "a\0b", &"x".repeat(256)] {
            assert_eq!(DepositReference::parse(text), None, "{text:?}");
        }
    }
}
