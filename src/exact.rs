//! How exact numbers are written in JSON: as numbers, digit for digit, never through a float.

use serde::{Serialize, Serializer};
use serde_json::Number;

use crate::market::Fixed;

/// Writes a [`Fixed`] as a JSON number: `50000`, `0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact(pub Fixed);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.units() % Fixed::ONE.units() == 0 {
            return serializer.serialize_i64(self.0.units() / Fixed::ONE.units());
        }
        Number::from_string_unchecked(self.0.to_string()).serialize(serializer)
    }
}
