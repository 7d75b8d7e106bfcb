//! Numbers with a range. The range is checked when a number is read, so that no number outside it
//! exists. Each error continues a sentence that begins with the name of the setting.

use std::num::NonZeroU64;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A whole number from 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTo<const MAX: i16>(i16);

impl<const MAX: i16> OneTo<MAX> {
    /// `None` if the number is not from 1 to `MAX`.
    pub fn new(number: i16) -> Option<Self> {
        (1..=MAX).contains(&number).then_some(Self(number))
    }

    pub fn get(self) -> i16 {
        self.0
    }
}

impl<'de, const MAX: i16> Deserialize<'de> for OneTo<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let number = i16::try_from(number).ok().and_then(Self::new);
        number.ok_or_else(|| Error::custom(format!("must be from 1 to {MAX}")))
    }
}

/// Reads a whole number greater than 0 as a `NonZero` type.
pub fn positive<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<NonZeroU64>,
    D: Deserializer<'de>,
{
    let number = u64::try_from(i64::deserialize(deserializer)?).ok();
    let number = number.and_then(NonZeroU64::new);
    let number = number.ok_or_else(|| Error::custom("must be a number greater than 0"))?;
    T::try_from(number).map_err(|_| Error::custom("must be a smaller number"))
}

/// Reads a number greater than 0 that may have decimals.
pub fn positive_float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number > 0.0 && number.is_finite() {
        Ok(number)
    } else {
        Err(Error::custom("must be a number greater than 0"))
    }
}

/// Reads a number from 0 to 1.
pub fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err(Error::custom("must be from 0 to 1"))
    }
}
