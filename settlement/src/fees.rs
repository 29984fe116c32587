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
    /// For either side of a trade agreed elsewhere.
    pub block: Ppm,
    /// For either side of futures that take the place of a private reservation.
    pub reservation: Ppm,
}

impl FeeRates {
    /// Nothing for the maker, 5 basis points for the taker; for either side of a block 2.5, of futures for a reservation 1.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            maker: Ppm::ZERO,
            taker: Ppm::new(500),
            block: Ppm::new(250),
            reservation: Ppm::new(100),
        }
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

/// The fee of a trade whose premium is paid at once: a rate of what the lots are worth at the strike, rounded up, at most an eighth of the
/// premium, rounded down.
#[must_use]
pub fn premium_fee(rate: Ppm, at_strike: MicroUsd, premium: MicroUsd) -> MicroUsd {
    rate.of_ceil(at_strike).min(premium.share_floor(1, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_003_the_fee_is_of_the_strike_and_at_most_an_eighth_of_the_premium() {
        let fee = |at_strike, premium| {
            premium_fee(Ppm::new(500), MicroUsd::new(at_strike), MicroUsd::new(premium)).micros()
        };
        // A month of 744 hours at 2.50 for 0.05: 1,860 and 37.20 dollars.
        assert_eq!(fee(1_860_000_000, 37_200_000), 930_000);
        // For 0.001: 0.744 dollars.
        assert_eq!(fee(1_860_000_000, 744_000), 93_000);
        assert_eq!(fee(1, 1_000), 1);
        assert_eq!(fee(1_860_000_000, 7), 0);
    }
}
