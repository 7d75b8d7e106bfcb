//! The channels on which events are published.

use std::fmt::Display;

use crate::market::UserId;

/// The prefix that Pusher reserves for end-to-end encrypted channels.
const ENCRYPTED_PREFIX: &str = "private-encrypted-";

/// The channel that only this user may subscribe to.
pub fn user_channel(user: UserId) -> String {
    private_channel(user)
}

/// The same, end-to-end encrypted: the provider cannot read its events.
pub fn encrypted_user_channel(user: UserId) -> String {
    encrypted_channel(user)
}

fn private_channel(id: impl Display) -> String {
    format!("private-user.{id}")
}

fn encrypted_channel(id: impl Display) -> String {
    format!("{ENCRYPTED_PREFIX}user.{id}")
}

/// The public channel of a market. No channel's name has a slash: that of `ETH/BTC` is
/// `market.ETH-BTC`.
pub fn market_channel(symbol: &str) -> String {
    format!("market.{}", symbol.replace('/', "-"))
}

/// The channels on which a user receives private events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChannels {
    Private,
    Encrypted,
    Both,
}

impl UserChannels {
    pub fn has_private(self) -> bool {
        self != Self::Encrypted
    }

    pub fn has_encrypted(self) -> bool {
        self != Self::Private
    }

    /// How many channels each user has.
    pub fn count(self) -> usize {
        usize::from(self.has_private()).saturating_add(usize::from(self.has_encrypted()))
    }

    /// The channels of one user.
    pub fn of(self, user: UserId) -> impl Iterator<Item = String> {
        self.names(user)
    }

    /// The names for pages, with `{id}` in place of the user's id.
    pub fn patterns(self) -> impl Iterator<Item = String> {
        self.names("{id}")
    }

    fn names(self, id: impl Display) -> impl Iterator<Item = String> {
        let private = self.has_private().then(|| private_channel(&id));
        let encrypted = self.has_encrypted().then(|| encrypted_channel(&id));
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
