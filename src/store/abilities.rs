//! What a token may be used for.

use super::StoreError;

/// One of the things that a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// To read the user's data, and to authorize channels.
    Read,
    /// To place, amend and cancel orders.
    Trade,
    /// Everything else: passwords, tokens, deposits.
    Account,
}

impl Ability {
    pub const ALL: [Self; 3] = [Self::Read, Self::Trade, Self::Account];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::Account => "account",
        }
    }

    /// Stored, so it never changes.
    const fn bit(self) -> i16 {
        match self {
            Self::Read => 1,
            Self::Trade => 2,
            Self::Account => 4,
        }
    }
}

/// The abilities of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities(i16);

impl Abilities {
    /// Those of a log-in.
    pub const ALL: Self = Self(7);

    pub const fn contains(self, ability: Ability) -> bool {
        self.0 & ability.bit() != 0
    }

    /// In the order of [`Ability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Ability> {
        Ability::ALL.into_iter().filter(move |ability| self.contains(*ability))
    }

    pub(super) const fn code(self) -> i16 {
        self.0
    }

    pub(super) fn from_code(code: i16) -> Result<Self, StoreError> {
        let is_known = code & !Self::ALL.0 == 0;
        is_known
            .then_some(Self(code))
            .ok_or_else(|| StoreError::Other(format!("unknown abilities {code}")))
    }
}

impl FromIterator<Ability> for Abilities {
    fn from_iter<I: IntoIterator<Item = Ability>>(abilities: I) -> Self {
        Self(abilities.into_iter().fold(0, |all, ability| all | ability.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Abilities, Ability};

    #[test]
    fn abilities_are_stored_as_the_sum_of_their_codes() {
        assert_eq!(Ability::ALL.into_iter().collect::<Abilities>(), Abilities::ALL);
        for code in 0..8 {
            let abilities = Abilities::from_code(code).expect("known abilities");
            assert_eq!(abilities.iter().collect::<Abilities>(), abilities);
            assert_eq!(abilities.code(), code);
        }
        assert!(Abilities::from_code(8).is_err());
        let trade: Abilities = [Ability::Trade, Ability::Trade].into_iter().collect();
        assert!(trade.contains(Ability::Trade) && !trade.contains(Ability::Read));
    }
}
