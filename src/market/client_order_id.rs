//! A user's own name for an order.

use arrayvec::ArrayString;

/// A user's own name for an order, which no other order of this user ever has: 1 to
/// [`Self::MAX_LEN`] visible ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId(ArrayString<{ Self::MAX_LEN }>);

impl ClientOrderId {
    pub const MAX_LEN: usize = 64;

    /// `None` if the text is empty or too long, or has another character.
    pub fn parse(text: &str) -> Option<Self> {
        let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_visible.then(|| ArrayString::from(text).ok().map(Self)).flatten()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::ClientOrderId;

    #[test]
    fn one_to_sixty_four_visible_characters_are_accepted() {
        for text in ["a", "!~", "7f0c-order:1", &"x".repeat(64)] {
            assert_eq!(ClientOrderId::parse(text).unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a\n", "\u{7f}", "é", "\0", &"x".repeat(65)] {
            assert_eq!(ClientOrderId::parse(text), None, "{text:?}");
        }
    }
}
