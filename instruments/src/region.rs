//! Where a node stands, as coarsely as a delivery asks for it.

use borsh::{BorshDeserialize, BorshSerialize};

/// A part of the world. Who has no wish has none: there is no region for "anywhere".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Region {
    /// `NA`
    NorthAmerica,
    /// `SA`
    SouthAmerica,
    /// `EU`
    Europe,
    /// `ME`
    MiddleEast,
    /// `AF`
    Africa,
    /// `AP`
    AsiaPacific,
    /// `OC`
    Oceania,
}

impl Region {
    /// Every region, in the order in which equals are broken.
    pub const ALL: [Self; 7] = [
        Self::NorthAmerica,
        Self::SouthAmerica,
        Self::Europe,
        Self::MiddleEast,
        Self::Africa,
        Self::AsiaPacific,
        Self::Oceania,
    ];

    /// Its two letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NorthAmerica => "NA",
            Self::SouthAmerica => "SA",
            Self::Europe => "EU",
            Self::MiddleEast => "ME",
            Self::Africa => "AF",
            Self::AsiaPacific => "AP",
            Self::Oceania => "OC",
        }
    }

    /// The region with these letters.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_its_own_letters() {
        for region in Region::ALL {
            assert_eq!(Region::from_code(region.code()), Some(region));
        }
        assert_eq!(Region::from_code("ANY"), None);
    }
}
