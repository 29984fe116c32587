//! Names: who quotes, who owns it, and by which way the quote came.
//!
//! Invariant: a name that exists has 1 to 64 printable ASCII characters and no space at either end, also when it was decoded.
//!
//! Absent: how owners are found out. Whoever makes the observation says whose it is.

use std::fmt;
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::observation::ObservationError;

/// The longest name, in bytes.
pub(crate) const NAME_LEN_MAX: usize = 64;

/// The name under which a provider quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct ProviderId(String);

/// A beneficial owner of providers, or the route by which quotes come. What is one cluster has one cap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct ClusterId(String);

impl ProviderId {
    /// A provider's name: 1 to 64 printable ASCII characters, no space at either end.
    ///
    /// # Errors
    /// [`ObservationError::Provider`] for anything else.
    pub fn new(name: &str) -> Result<Self, ObservationError> {
        if is_name(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(ObservationError::Provider { len: name.len() })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ClusterId {
    /// A cluster's name: 1 to 64 printable ASCII characters, no space at either end.
    ///
    /// # Errors
    /// [`ObservationError::Cluster`] for anything else.
    pub fn new(name: &str) -> Result<Self, ObservationError> {
        if is_name(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(ObservationError::Cluster { len: name.len() })
        }
    }

    /// A provider that nobody else is known to own.
    #[must_use]
    pub fn alone(provider: &ProviderId) -> Self {
        Self(provider.0.clone())
    }

    /// The route of quotes that no aggregator passed on.
    #[must_use]
    pub fn direct() -> Self {
        Self(DIRECT.to_owned())
    }

    /// Whether it is the route of quotes that no aggregator passed on.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.0 == DIRECT
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const DIRECT: &str = "direct";

fn is_name(name: &str) -> bool {
    let is_printable = name.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    is_printable && !name.is_empty() && name.len() <= NAME_LEN_MAX && name.trim() == name
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BorshDeserialize for ProviderId {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        Self::new(&String::deserialize_reader(reader)?).map_err(refused)
    }
}

impl BorshDeserialize for ClusterId {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        Self::new(&String::deserialize_reader(reader)?).map_err(refused)
    }
}

/// What a decoder says of something that no constructor would have made.
pub(crate) fn refused(error: ObservationError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printable() {
        for name in ["", " a", "a ", "a\nb", "é", "a".repeat(65).as_str()] {
            assert!(ProviderId::new(name).is_err(), "{name:?}");
            assert!(ClusterId::new(name).is_err(), "{name:?}");
        }
        for name in ["a", "dc_roan", "Big Cloud 7", "a".repeat(64).as_str()] {
            assert!(ProviderId::new(name).is_ok(), "{name:?}");
            assert!(ClusterId::new(name).is_ok(), "{name:?}");
        }
    }

    /// ORACLE-001: nor does a bad name come in by way of bytes.
    #[test]
    fn oracle_001_a_decoded_name_is_checked() {
        let bytes = |name: &str| borsh::to_vec(&name.to_owned()).unwrap();
        assert!(ProviderId::try_from_slice(&bytes("dc_roan")).is_ok());
        assert!(ProviderId::try_from_slice(&bytes(" dc_roan")).is_err());
        assert!(ClusterId::try_from_slice(&bytes("")).is_err());
    }
}
