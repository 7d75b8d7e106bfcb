//! Sets of shards.

use super::event::SHARDS;

/// A set of shards, from 0 to [`SHARDS`] - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u64);

impl ShardSet {
    pub const EMPTY: Self = Self(0);
    pub const ALL: Self = Self(u64::MAX);

    pub const fn contains(self, shard: i16) -> bool {
        self.0 & bit(shard) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The shards of one set that the other one does not have.
    pub const fn symmetric_difference(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// In ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i16> {
        (0..SHARDS).filter(move |shard| self.contains(*shard))
    }

    /// As a number, each bit of which is a shard.
    pub const fn bits(self) -> u64 {
        self.0
    }

    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl FromIterator<i16> for ShardSet {
    /// Numbers that are no shard are left out.
    fn from_iter<T: IntoIterator<Item = i16>>(shards: T) -> Self {
        shards.into_iter().fold(Self::EMPTY, |set, shard| Self(set.0 | bit(shard)))
    }
}

/// 0 for a number that is no shard.
const fn bit(shard: i16) -> u64 {
    const { assert!(SHARDS as u32 == u64::BITS, "a bit for each shard") };
    if 0 <= shard && shard < SHARDS { 1 << shard } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_shards_that_it_was_made_of() {
        let set: ShardSet = [63, 0, 5, -1, 64].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 63]);
        assert!(set.contains(63) && !set.contains(-1) && !set.contains(64) && set.len() == 3);
        assert_eq!((0..SHARDS).collect::<ShardSet>(), ShardSet::ALL);
        assert!(ShardSet::EMPTY.is_empty() && ShardSet::default().is_empty() && !set.is_empty());
        assert_eq!(ShardSet::from_bits(set.bits()), set);
        let other: ShardSet = [5, 6].into_iter().collect();
        assert_eq!(set.union(other).len(), 4);
        assert_eq!(set.difference(other).iter().collect::<Vec<_>>(), [0, 63]);
        let changed: Vec<i16> = set.symmetric_difference(other).iter().collect();
        assert_eq!(changed, [0, 6, 63]);
    }
}
