//! What one provider asked for one GPU-hour at one time, and what stands behind the ask.
//!
//! Invariant: an [`Observation`] that exists has a positive price, at least one listing, a lease that sold something if any, and no more
//! units leased than there are; also one that was decoded, because its decoder makes it by the same constructors.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GpuSeconds, MicroUsd, Nanos, Ppm};

use crate::cluster::{ClusterId, NAME_LEN_MAX, ProviderId, refused};
use crate::log::NanoLog;
use crate::params::Params;
use crate::tier::Tier;

/// A billion dollars for an hour of one GPU: anything above is a broken feed, not a price.
const PRICE_MAX: MicroUsd = MicroUsd::new(1_000_000_000_000_000);
/// A hundred thousand GPUs for a year: above it a counter is broken.
const LEASE_MAX: GpuSeconds = GpuSeconds::new(100_000 * 366 * 86_400);

/// What one provider said about one GPU-hour of one grade: its ask, and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct Observation {
    at: Nanos,
    provider: ProviderId,
    price: MicroUsd,
    configs: u32,
    cluster: ClusterId,
    route: ClusterId,
    tier: Tier,
    units: Option<Units>,
    lease: Option<Lease>,
    stake: Ppm,
}

/// How many GPUs of the grade a provider has, and how many of them somebody pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Units {
    /// All that could be delivered.
    pub total: u32,
    /// Of these, leased now.
    pub leased: u32,
}

/// What was really paid since the provider's previous observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lease {
    /// Dollars per GPU-hour: everything paid over everything delivered.
    pub price: MicroUsd,
    /// How much was delivered for it, with receipts.
    pub gpu_seconds: GpuSeconds,
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
    /// The name of a cluster or route is empty, too long, or not printable.
    #[error("cluster name of {len} bytes is not 1 to {NAME_LEN_MAX} printable ASCII characters")]
    Cluster {
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
    /// No unit at all, or more leased than there are.
    #[error("{leased} of {total} units leased")]
    Units {
        /// All.
        total: u32,
        /// Leased of them.
        leased: u32,
    },
    /// A lease that sold nothing, or more than a hundred thousand GPUs deliver in a year.
    #[error("lease of {} GPU-seconds is not between 1 and {}", gpu_seconds.seconds(), LEASE_MAX.seconds())]
    Lease {
        /// What was given.
        gpu_seconds: GpuSeconds,
    },
}

impl Observation {
    /// At `at`, `provider` asked `price` per GPU-hour for the cheapest of its `configs` listings.
    ///
    /// Without more it is an offer, its provider belongs to nobody else, no aggregator passed it on, and its stake is complete.
    ///
    /// # Errors
    /// [`ObservationError`] for a price that is not positive or above a billion dollars, and for no listings.
    pub fn new(
        at: Nanos,
        provider: ProviderId,
        price: MicroUsd,
        configs: u32,
    ) -> Result<Self, ObservationError> {
        check_price(price)?;
        if configs == 0 {
            return Err(ObservationError::NoListing);
        }
        Ok(Self {
            at,
            cluster: ClusterId::alone(&provider),
            provider,
            price,
            configs,
            route: ClusterId::direct(),
            tier: Tier::Offered,
            units: None,
            lease: None,
            stake: Ppm::ONE,
        })
    }

    /// The same from a provider that `cluster` owns.
    #[must_use]
    pub fn with_cluster(self, cluster: ClusterId) -> Self {
        Self { cluster, ..self }
    }

    /// The same by way of `route`.
    #[must_use]
    pub fn with_route(self, route: ClusterId) -> Self {
        Self { route, ..self }
    }

    /// The same as other evidence.
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }

    /// The same with so many units.
    ///
    /// # Errors
    /// [`ObservationError::Units`] for none at all, or more leased than there are.
    pub fn with_units(self, units: Units) -> Result<Self, ObservationError> {
        let Units { total, leased } = units;
        if total == 0 || total < leased {
            return Err(ObservationError::Units { total, leased });
        }
        Ok(Self { units: Some(units), ..self })
    }

    /// The same with what was really paid since the provider's previous observation.
    ///
    /// # Errors
    /// [`ObservationError`] for a price that is none, for nothing sold, and for more than can have been.
    pub fn with_lease(self, lease: Lease) -> Result<Self, ObservationError> {
        check_price(lease.price)?;
        let gpu_seconds = lease.gpu_seconds;
        if gpu_seconds == GpuSeconds::ZERO || LEASE_MAX < gpu_seconds {
            return Err(ObservationError::Lease { gpu_seconds });
        }
        Ok(Self { lease: Some(lease), ..self })
    }

    /// The same with so much stake bonded, as a share of what is required; more than all of it counts as all.
    #[must_use]
    pub fn with_stake(self, stake: Ppm) -> Self {
        Self { stake: stake.clamp(Ppm::ZERO, Ppm::ONE), ..self }
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

    /// Who owns the provider.
    #[must_use]
    pub const fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The aggregator or API by which it came.
    #[must_use]
    pub const fn route(&self) -> &ClusterId {
        &self.route
    }

    /// What it is worth as evidence.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// How many units there are, if that was said.
    #[must_use]
    pub const fn units(&self) -> Option<Units> {
        self.units
    }

    /// What was really paid, if anything was.
    #[must_use]
    pub const fn lease(&self) -> Option<Lease> {
        self.lease
    }

    /// Stake bonded over stake required, at most one.
    #[must_use]
    pub const fn stake(&self) -> Ppm {
        self.stake
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

fn check_price(price: MicroUsd) -> Result<(), ObservationError> {
    if price <= MicroUsd::ZERO || PRICE_MAX < price {
        return Err(ObservationError::Price { price });
    }
    Ok(())
}

/// Decoded as it was encoded, then made as every other: what no constructor would make is refused.
impl BorshDeserialize for Observation {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let at = Nanos::deserialize_reader(reader)?;
        let provider = ProviderId::deserialize_reader(reader)?;
        let price = MicroUsd::deserialize_reader(reader)?;
        let configs = u32::deserialize_reader(reader)?;
        let mut made = Self::new(at, provider, price, configs)
            .map_err(refused)?
            .with_cluster(ClusterId::deserialize_reader(reader)?)
            .with_route(ClusterId::deserialize_reader(reader)?)
            .with_tier(Tier::deserialize_reader(reader)?);
        if let Some(units) = Option::<Units>::deserialize_reader(reader)? {
            made = made.with_units(units).map_err(refused)?;
        }
        if let Some(lease) = Option::<Lease>::deserialize_reader(reader)? {
            made = made.with_lease(lease).map_err(refused)?;
        }
        let stake = Ppm::deserialize_reader(reader)?;
        if stake < Ppm::ZERO || Ppm::ONE < stake {
            let error = format!("stake of {} millionths is not between 0 and 1000000", stake.ppm());
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(made.with_stake(stake))
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

    /// ORACLE-001: nor do more units leased than there are, or a lease of nothing.
    #[test]
    fn oracle_001_what_stands_behind_a_price_is_checked() {
        let with_units = |total, leased| {
            let units = Units { total, leased };
            observation(1, 1).unwrap().with_units(units).is_ok()
        };
        assert!(with_units(1, 0) && with_units(8, 8));
        assert!(!with_units(0, 0) && !with_units(8, 9));
        let with_lease = |micros, seconds| {
            let lease =
                Lease { price: MicroUsd::new(micros), gpu_seconds: GpuSeconds::new(seconds) };
            observation(1, 1).unwrap().with_lease(lease).is_ok()
        };
        assert!(with_lease(1, 1));
        assert!(!with_lease(0, 1) && !with_lease(1, 0) && !with_lease(1, u64::MAX));
        assert_eq!(observation(1, 1).unwrap().with_stake(Ppm::new(-1)).stake(), Ppm::ZERO);
        assert_eq!(observation(1, 1).unwrap().with_stake(Ppm::new(i64::MAX)).stake(), Ppm::ONE);
    }

    /// ORACLE-001: what comes in by way of bytes is checked as well.
    #[test]
    fn oracle_001_a_decoded_observation_is_checked() {
        let units = Units { total: 8, leased: 7 };
        let lease = Lease { price: MicroUsd::new(2), gpu_seconds: GpuSeconds::new(3_600) };
        let whole = observation(1, 1).unwrap().with_units(units).unwrap().with_lease(lease);
        let whole = whole.unwrap().with_tier(Tier::Leased).with_stake(Ppm::new(500_000));
        let bytes = borsh::to_vec(&whole).unwrap();
        assert_eq!(Observation::try_from_slice(&bytes).unwrap(), whole);
        for bad in [
            Observation { price: MicroUsd::ZERO, ..whole.clone() },
            Observation { configs: 0, ..whole.clone() },
            Observation { units: Some(Units { total: 1, leased: 2 }), ..whole.clone() },
            Observation { lease: Some(Lease { price: MicroUsd::ZERO, ..lease }), ..whole.clone() },
            Observation { stake: Ppm::new(1_000_001), ..whole.clone() },
        ] {
            assert!(Observation::try_from_slice(&borsh::to_vec(&bad).unwrap()).is_err(), "{bad:?}");
        }
    }

    /// ORACLE-022: what costs nothing to add may not weigh much.
    #[test]
    fn listings_add_an_eighth_to_a_weight_at_most() {
        let params = Params::default();
        for (configs, ppm) in
            [(1, 1_000_000), (2, 1_031_250), (5, 1_125_000), (u32::MAX, 1_125_000)]
        {
            assert_eq!(observation(1, configs).unwrap().weight(&params), Ppm::new(ppm));
        }
    }
}
