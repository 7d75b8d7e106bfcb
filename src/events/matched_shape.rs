//! The shape in which `order.matched` is published: pages that were written for another backend
//! expect another name, or objects in the payload.

use super::EventName;

/// The shape of `order.matched`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchedShape {
    /// `None`: `order.matched`.
    pub name: Option<EventName>,
    /// Empty: the payload is that of the catalogue.
    pub include: Vec<Model>,
    /// Of the recipient, in order, each once.
    pub own_columns: Vec<OwnColumn>,
    /// Of the other counterparty, in order, each once.
    pub counterparty_columns: Vec<ProfileColumn>,
    pub decimals: Decimals,
}

/// An object that is added to the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    Trade,
    Buyer,
    Seller,
}

/// How the objects' decimals are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimals {
    /// `"0.10000000"`, as by the cast `decimal:8`, or by MySQL without one.
    #[default]
    Text,
    /// `0.1`, as by the cast `float`.
    Number,
}

/// A column of a user that a counterparty may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileColumn {
    Id,
    Name,
    Email,
    EmailVerifiedAt,
    CreatedAt,
    UpdatedAt,
}

/// A column of a user that the user may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnColumn {
    Profile(ProfileColumn),
    /// Available USD.
    Balance,
    LockedBalance,
    /// All assets but USD: symbol, amount (available) and locked amount.
    Assets,
}

impl Model {
    pub const ALL: [Self; 3] = [Self::Trade, Self::Buyer, Self::Seller];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Buyer => "buyer",
            Self::Seller => "seller",
        }
    }
}

impl Decimals {
    pub const ALL: [Self; 2] = [Self::Text, Self::Number];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
        }
    }
}

impl ProfileColumn {
    pub const ALL: [Self; 6] = [
        Self::Id,
        Self::Name,
        Self::Email,
        Self::EmailVerifiedAt,
        Self::CreatedAt,
        Self::UpdatedAt,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Email => "email",
            Self::EmailVerifiedAt => "email_verified_at",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }
}

impl OwnColumn {
    pub const ALL: [Self; 9] = [
        Self::Profile(ProfileColumn::Id),
        Self::Profile(ProfileColumn::Name),
        Self::Profile(ProfileColumn::Email),
        Self::Profile(ProfileColumn::EmailVerifiedAt),
        Self::Profile(ProfileColumn::CreatedAt),
        Self::Profile(ProfileColumn::UpdatedAt),
        Self::Balance,
        Self::LockedBalance,
        Self::Assets,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile(column) => column.name(),
            Self::Balance => "balance",
            Self::LockedBalance => "locked_balance",
            Self::Assets => "assets",
        }
    }
}

impl MatchedShape {
    pub fn includes(&self, model: Model) -> bool {
        self.include.contains(&model)
    }

    /// Whether the payload has the buyer or the seller.
    pub fn includes_users(&self) -> bool {
        self.includes(Model::Buyer) || self.includes(Model::Seller)
    }
}
