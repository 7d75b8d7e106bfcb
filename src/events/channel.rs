//! The channels on which events are published.

use std::fmt::{self, Display};
use std::sync::Arc;

use crate::market::UserId;

/// The prefix of channels whose subscriptions are signed.
const PRIVATE_PREFIX: &str = "private-";
/// The prefix that Pusher reserves for end-to-end encrypted channels.
const ENCRYPTED_PREFIX: &str = "private-encrypted-";
/// What a pattern has in place of the user's id.
const PLACEHOLDER: &str = "{id}";
/// With the longest id, and encrypted, a name has fewer bytes than the 164 that Pusher documents.
const MAX_PATTERN_BYTES: usize = 128;

/// The name of the channel that only one user may subscribe to, with `{id}` for the user's id:
/// `private-user.{id}`.
///
/// The names of two users are different, and none of them is the name of a public channel or of an
/// encrypted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPattern {
    /// Between `private-` and the id.
    before: Arc<str>,
    /// After the id.
    after: Arc<str>,
}

/// Why a text is not a [`ChannelPattern`]. Each text continues a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannelPattern {
    #[error("must begin with private-: the channel of Echo.private('users.1') is private-users.1")]
    NotPrivate,
    #[error(
        "must not begin with private-encrypted-, because \
         MATCHCAST__BROADCASTING__USER_CHANNELS enables encrypted channels"
    )]
    Encrypted,
    #[error("must contain {{id}} once, for the id of the user")]
    Placeholder,
    #[error("must consist of letters, digits and _-=@,.; beside {{id}}")]
    Character,
    #[error("must have at most {MAX_PATTERN_BYTES} characters")]
    Length,
}

impl ChannelPattern {
    /// # Errors
    /// If the names would not be those of private channels, or not differ from user to user.
    pub fn parse(text: &str) -> Result<Self, InvalidChannelPattern> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(InvalidChannelPattern::Length);
        }
        if text.starts_with(ENCRYPTED_PREFIX) {
            return Err(InvalidChannelPattern::Encrypted);
        }
        let rest = text.strip_prefix(PRIVATE_PREFIX).ok_or(InvalidChannelPattern::NotPrivate)?;
        let (before, after) =
            rest.split_once(PLACEHOLDER).ok_or(InvalidChannelPattern::Placeholder)?;
        if after.contains(PLACEHOLDER) {
            return Err(InvalidChannelPattern::Placeholder);
        }
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-=@,.;".contains(&b);
        if !before.bytes().chain(after.bytes()).all(is_allowed) {
            return Err(InvalidChannelPattern::Character);
        }
        Ok(Self { before: before.into(), after: after.into() })
    }

    /// The private channel of a user.
    pub fn of(&self, user: UserId) -> String {
        self.private(user)
    }

    /// The same, end-to-end encrypted: the provider cannot read its events.
    pub fn encrypted_of(&self, user: UserId) -> String {
        self.encrypted(user)
    }

    fn private(&self, id: impl Display) -> String {
        format!("{PRIVATE_PREFIX}{}{id}{}", self.before, self.after)
    }

    fn encrypted(&self, id: impl Display) -> String {
        format!("{ENCRYPTED_PREFIX}{}{id}{}", self.before, self.after)
    }
}

impl Default for ChannelPattern {
    fn default() -> Self {
        Self { before: "user.".into(), after: "".into() }
    }
}

impl Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PRIVATE_PREFIX}{}{PLACEHOLDER}{}", self.before, self.after)
    }
}

/// The public channel of a market. No channel's name has a slash: that of `ETH/BTC` is
/// `market.ETH-BTC`.
pub fn market_channel(symbol: &str) -> String {
    format!("market.{}", symbol.replace('/', "-"))
}

/// Whether a user has a private channel, an encrypted one, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserChannelKinds {
    #[default]
    Private,
    Encrypted,
    Both,
}

/// The channels on which a user receives private events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChannels {
    pub pattern: ChannelPattern,
    pub kinds: UserChannelKinds,
}

impl UserChannels {
    fn has_private(&self) -> bool {
        self.kinds != UserChannelKinds::Encrypted
    }

    fn has_encrypted(&self) -> bool {
        self.kinds != UserChannelKinds::Private
    }

    /// How many channels each user has.
    pub fn count(&self) -> usize {
        usize::from(self.has_private()).saturating_add(usize::from(self.has_encrypted()))
    }

    /// The channels of one user.
    pub fn of(&self, user: UserId) -> impl Iterator<Item = String> {
        self.names(user)
    }

    /// The names for pages, with `{id}` in place of the user's id.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.names(PLACEHOLDER)
    }

    fn names(&self, id: impl Display) -> impl Iterator<Item = String> {
        let private = self.has_private().then(|| self.pattern.private(&id));
        let encrypted = self.has_encrypted().then(|| self.pattern.encrypted(&id));
        private.into_iter().chain(encrypted)
    }
}

/// The largest payload that a provider accepts, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    pub plain: usize,
    /// Before encryption, which makes a payload larger.
    pub encrypted: usize,
}

impl SizeLimits {
    pub const UNLIMITED: Self = Self { plain: usize::MAX, encrypted: usize::MAX };

    /// The limit of one channel, in bytes.
    pub fn of(self, channel: &str) -> usize {
        if channel.starts_with(ENCRYPTED_PREFIX) { self.encrypted } else { self.plain }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChannelPattern, InvalidChannelPattern, UserChannelKinds, UserChannels};
    use crate::market::UserId;

    fn check_refused(text: &str, expected: InvalidChannelPattern) {
        assert_eq!(ChannelPattern::parse(text), Err(expected), "{text:?}");
    }

    #[test]
    fn a_pattern_that_is_not_of_private_channels_is_refused() {
        for text in [
            "",
            "user.{id}",
            "{id}",
            "market.{id}",
            "presence-user.{id}",
            "Private-user.{id}",
            " private-user.{id}",
            "#server-to-user-{id}",
            "private",
            "private_user.{id}",
        ] {
            check_refused(text, InvalidChannelPattern::NotPrivate);
        }
        check_refused("private-encrypted-user.{id}", InvalidChannelPattern::Encrypted);
        check_refused("private-encrypted-{id}", InvalidChannelPattern::Encrypted);
    }

    #[test]
    fn a_pattern_that_does_not_have_the_id_once_is_refused() {
        for text in [
            "private-",
            "private-user",
            "private-user.1",
            "private-user.{userId}",
            "private-user.{ID}",
            "private-user.{}",
            "private-user.id",
            "private-{id}.{id}",
            "private-{id}{id}",
            "private-user.{ id }",
        ] {
            check_refused(text, InvalidChannelPattern::Placeholder);
        }
    }

    #[test]
    fn a_pattern_with_other_characters_is_refused() {
        for text in [
            "private-user:{id}",
            "private-user/{id}",
            "private-user.{id}:x",
            "private-{id}\n",
            "private-us er.{id}",
            "private-üser.{id}",
            "private-{user}.{id}",
            "private-{{id}}",
            "private-#{id}",
            "private-user.{id}*",
            "private-App\\Models.{id}",
            "private-\0{id}",
        ] {
            check_refused(text, InvalidChannelPattern::Character);
        }
        let of_length = |len: usize| format!("private-{}{{id}}", "a".repeat(len - 12));
        check_refused(&of_length(129), InvalidChannelPattern::Length);
        assert!(ChannelPattern::parse(&of_length(128)).is_ok());
    }

    #[test]
    fn a_pattern_is_shown_as_it_was_written() {
        let text = "private-App.Models.User.{id}.x";
        let pattern = ChannelPattern::parse(text).unwrap();
        assert_eq!(pattern.to_string(), text);
        assert_eq!(pattern.of(UserId(7)), "private-App.Models.User.7.x");
        assert_eq!(pattern.encrypted_of(UserId(7)), "private-encrypted-App.Models.User.7.x");
        assert_eq!(ChannelPattern::default(), ChannelPattern::parse("private-user.{id}").unwrap());
        let both = UserChannels { pattern, kinds: UserChannelKinds::Both };
        let expected = [text, "private-encrypted-App.Models.User.{id}.x"];
        assert_eq!(both.patterns().collect::<Vec<_>>(), expected);
    }
}
