//! Trading fees: a rate of what was traded, rounded up.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_ceil;
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

    /// The fee for a delivery of lots worth `notional` at the settlement price: half the taker's rate, rounded up once.
    #[must_use]
    pub fn delivery_fee(&self, notional: MicroUsd) -> MicroUsd {
        let charged = i128::from(self.taker.ppm()).saturating_mul(i128::from(notional.micros()));
        let halves = i128::from(Ppm::ONE.ppm()).saturating_mul(2);
        // Half of a rate of at most everything fits where the notional does.
        MicroUsd::from_i128(div_ceil(charged, halves)).unwrap_or(notional)
    }
}
