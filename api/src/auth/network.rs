//! Addresses that a key may be used from: `10.1.0.0/16`, `2001:db8::/32`, or one address.
//!
//! Invariant: a network has no bit set behind its prefix, so that one network has one text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Networks in one list at most.
pub(crate) const NETWORKS_MAX: usize = 16;

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an address or a network such as 10.1.0.0/16 with nothing set behind its prefix"
)]
pub struct NetworkError {
    text: String,
}

impl Network {
    /// Whether an address is in it. An IPv4 address that came over an IPv6 socket is an IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix) == Some(self.address)
    }

    /// Whether all of it is in the other.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.prefix <= self.prefix && other.contains(self.address)
    }
}

/// An address with everything behind the prefix cleared; `None` when it is shorter than the prefix.
fn masked(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let behind = 32_u32.checked_sub(u32::from(prefix))?;
            let mask = u32::MAX.checked_shl(behind).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) => {
            let behind = 128_u32.checked_sub(u32::from(prefix))?;
            let mask = u128::MAX.checked_shl(behind).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    })
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError { text: text.chars().take(64).collect() };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_address| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_digits| wrong())?
            }
            Some(_) => return Err(wrong()),
        };
        let is_mapped = address.to_canonical() != address;
        if is_mapped || masked(address, prefix) != Some(address) {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix == bits {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    /// AUTH-007.
    #[test]
    fn auth_007_a_network_holds_what_its_prefix_says() {
        for (text, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("10.1.0.0/16", "::ffff:10.1.2.3", "::ffff:10.2.2.3"),
            ("::/0", "2001:db8::1", "10.1.2.3"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{text} {outside}");
            assert_eq!(network(text).to_string(), text);
        }
        assert!(network("10.1.2.0/24").is_within(&network("10.1.0.0/16")));
        assert!(!network("10.0.0.0/8").is_within(&network("10.1.0.0/16")));
        assert!(!network("::1").is_within(&network("0.0.0.0/0")));
    }

    #[test]
    fn auth_007_what_is_not_a_network_is_refused() {
        for text in [
            "",
            "10.1.0.0/33",
            "10.1.0.1/16",
            "10.1/16",
            "x",
            "::1/129",
            "10.0.0.0/+8",
            "::ffff:10.0.0.0",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
