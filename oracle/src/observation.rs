//! What one provider asked for one GPU-hour at one time.
//!
//! Invariant: an [`Observation`] that exists has a positive price, at least one listing and a provider's name of 1 to 64 printable
//! characters, because [`Observation::new`] and [`ProviderId::new`] are the only ways to make one.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{MicroUsd, Nanos, Ppm};

use crate::log::NanoLog;
use crate::params::Params;

/// The longest provider's name, in bytes.
const NAME_LEN_MAX: usize = 64;
/// A billion dollars for an hour of one GPU: anything above is a broken feed, not a price.
const PRICE_MAX: MicroUsd = MicroUsd::new(1_000_000_000_000_000);

/// The name under which a provider quotes. Until owners are known, also its cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ProviderId(String);

impl ProviderId {
    /// A provider's name: 1 to 64 printable ASCII characters, no space at either end.
    ///
    /// # Errors
    /// [`ObservationError::Provider`] for anything else.
    pub fn new(name: &str) -> Result<Self, ObservationError> {
        let is_printable = name.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        let is_allowed = !name.is_empty() && name.len() <= NAME_LEN_MAX && name.trim() == name;
        if is_allowed && is_printable {
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

impl std::fmt::Display for ProviderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One provider's ask for one GPU-hour of one grade.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Observation {
    at: Nanos,
    provider: ProviderId,
    price: MicroUsd,
    configs: u32,
}

/// Why something is not an observation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObservationError {
    /// The provider's name is empty, too long, or not printable.
    #[error("provider name of {len} bytes is not 1 to {NAME_LEN_MAX} printable ASCII characters")]
    Provider {
        /// How long it is.
        len: usize,
    },
    /// The price is zero, negative, or absurd.
    #[error("price of {} micro-dollars is not between 1 and {}", price.micros(), PRICE_MAX.micros())]
    Price {
        /// What was given.
        price: MicroUsd,
    },
    /// A price without a listing behind it.
    #[error("no listing behind the price")]
    NoListing,
}

impl Observation {
    /// At `at`, `provider` asked `price` per GPU-hour for the cheapest of its `configs` listings.
    ///
    /// # Errors
    /// [`ObservationError`] for a price that is not positive or above a billion dollars, and for no listings.
    pub fn new(
        at: Nanos,
        provider: ProviderId,
        price: MicroUsd,
        configs: u32,
    ) -> Result<Self, ObservationError> {
        if price <= MicroUsd::ZERO || PRICE_MAX < price {
            return Err(ObservationError::Price { price });
        }
        if configs == 0 {
            return Err(ObservationError::NoListing);
        }
        Ok(Self { at, provider, price, configs })
    }

    /// When it was seen.
    #[must_use]
    pub const fn at(&self) -> Nanos {
        self.at
    }

    /// Who asked.
    #[must_use]
    pub const fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Dollars per GPU-hour.
    #[must_use]
    pub const fn price(&self) -> MicroUsd {
        self.price
    }

    /// How many listings stand behind it.
    #[must_use]
    pub const fn configs(&self) -> u32 {
        self.configs
    }

    /// The logarithm of the price.
    #[must_use]
    pub(crate) fn level(&self) -> NanoLog {
        // The constructor refused every price without one.
        NanoLog::of(self.price).unwrap_or_default()
    }

    /// What it weighs, in millionths of one listing: from one to `1 + listings_counted * listing_weight`.
    #[must_use]
    pub(crate) fn weight(&self, params: &Params) -> Ppm {
        let more = self.configs.saturating_sub(1).min(params.listings_counted);
        let added = params.listing_weight.ppm().saturating_mul(i64::from(more));
        Ppm::new(Ppm::ONE.ppm().saturating_add(added))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(micros: i64, configs: u32) -> Result<Observation, ObservationError> {
        let provider = ProviderId::new("alpha").unwrap();
        Observation::new(Nanos::new(1), provider, MicroUsd::new(micros), configs)
    }

    /// ORACLE-001: what is not a price never becomes an observation.
    #[test]
    fn oracle_001_an_observation_has_a_positive_price_and_a_listing() {
        let price = |micros| ObservationError::Price { price: MicroUsd::new(micros) };
        assert_eq!(observation(0, 1), Err(price(0)));
        assert_eq!(observation(-1, 1), Err(price(-1)));
        assert_eq!(observation(i64::MAX, 1), Err(price(i64::MAX)));
        assert_eq!(observation(1, 0), Err(ObservationError::NoListing));
        assert!(observation(1, 1).is_ok());
    }

    #[test]
    fn a_provider_has_a_short_printable_name() {
        for name in ["", " a", "a ", "a\nb", "é", "a".repeat(65).as_str()] {
            assert!(ProviderId::new(name).is_err(), "{name:?}");
        }
        for name in ["a", "dc_roan", "Big Cloud 7", "a".repeat(64).as_str()] {
            assert!(ProviderId::new(name).is_ok(), "{name:?}");
        }
    }

    /// ORACLE-022: what costs nothing to add may not weigh much.
    #[test]
    fn listings_at_most_double_a_weight() {
        let params = Params::default();
        for (configs, ppm) in
            [(1, 1_000_000), (2, 1_250_000), (5, 2_000_000), (u32::MAX, 2_000_000)]
        {
            assert_eq!(observation(1, configs).unwrap().weight(&params), Ppm::new(ppm));
        }
    }
}
