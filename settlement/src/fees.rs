//! Trading fees: a rate of what was traded, rounded up.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Ppm};

/// What trading costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FeeRates {
    /// For the order that rested.
    pub maker: Ppm,
    /// For the order that took.
    pub taker: Ppm,
}

impl FeeRates {
    /// Nothing for the maker, 5 basis points for the taker.
    #[must_use]
    pub const fn standard() -> Self {
        Self { maker: Ppm::ZERO, taker: Ppm::new(500) }
    }

    /// The maker's fee for a trade worth `notional`.
    #[must_use]
    pub fn maker_fee(&self, notional: MicroUsd) -> MicroUsd {
        self.maker.of_ceil(notional)
    }

    /// The taker's fee for a trade worth `notional`.
    #[must_use]
    pub fn taker_fee(&self, notional: MicroUsd) -> MicroUsd {
        self.taker.of_ceil(notional)
    }
}
