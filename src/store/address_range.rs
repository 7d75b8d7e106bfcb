//! Ranges of IP addresses in CIDR notation, such as `192.0.2.0/24`.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::str::FromStr;

/// The bits of an IPv6 address. An IPv4 address is compared as the IPv6 address that it maps to.
const BITS: u8 = 128;
/// The bits before an IPv4 address that is mapped to IPv6.
const MAPPED_BITS: u8 = 96;

/// Addresses whose first bits are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix: u8,
}

/// The text is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    #[error("expected an address or a range such as 192.0.2.0/24 or 2001:db8::/32")]
    Malformed,
    #[error("the address has bits behind its prefix")]
    HasBitsBehindPrefix,
}

impl AddressRange {
    pub fn contains(&self, address: IpAddr) -> bool {
        let mask = mask(self.total_prefix());
        bits(self.first) & mask == bits(address) & mask
    }

    /// The prefix as one of an IPv6 address.
    fn total_prefix(&self) -> u8 {
        if self.first.is_ipv4() { self.prefix.saturating_add(MAPPED_BITS) } else { self.prefix }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(u32::from(BITS.saturating_sub(prefix))).unwrap_or(0)
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    /// An address alone is the range of this address.
    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| InvalidRange::Malformed)?;
        let longest = if first.is_ipv4() { BITS - MAPPED_BITS } else { BITS };
        let prefix = match prefix {
            None => longest,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| InvalidRange::Malformed)?
            }
            Some(_) => return Err(InvalidRange::Malformed),
        };
        if prefix > longest {
            return Err(InvalidRange::Malformed);
        }
        let range = Self { first, prefix };
        if bits(first) & !mask(range.total_prefix()) != 0 {
            return Err(InvalidRange::HasBitsBehindPrefix);
        }
        Ok(range)
    }
}

impl Display for AddressRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressRange, InvalidRange};

    #[test]
    fn a_range_contains_the_addresses_with_its_prefix() {
        for (range, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7/32", "::ffff:192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.5", "2001:db8::1"),
            ("::/0", "192.0.2.7", ""),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
        ] {
            let parsed: AddressRange = range.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{range} {inside}");
            let is_outside = outside.parse().is_ok_and(|outside| !parsed.contains(outside));
            assert!(outside.is_empty() || is_outside, "{range} {outside}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{range}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "/", "192.0.2.0/", "192.0.2.0/33", "::/129", "192.0.2.0/+8", "a/8", "1.2"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(InvalidRange::Malformed), "{text}");
        }
        for text in ["192.0.2.1/24", "10.0.0.1/0", "2001:db8::1/64"] {
            let error = Err(InvalidRange::HasBitsBehindPrefix);
            assert_eq!(text.parse::<AddressRange>(), error, "{text}");
        }
    }
}
