//! A market of providers that lease and have owners, as a test writes it.

use instruments::{GpuSeconds, MicroUsd, Nanos, NanosSpan, Ppm};
use oracle::{
    ClusterId, Explanation, Index, Lease, Observation, Params, Print, ProviderId, Tier, Units,
};

use crate::book::HALF_HOUR;

/// What one provider says in every tick, until a test changes it.
#[derive(Clone)]
pub(crate) struct Seller {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) route: String,
    pub(crate) tier: Tier,
    pub(crate) price: i64,
    /// Price and GPU-hours in every tick.
    pub(crate) lease: Option<(i64, u64)>,
    /// Total and leased.
    pub(crate) units: Option<(u32, u32)>,
    pub(crate) stake: i64,
    pub(crate) is_silent: bool,
}

/// Sellers, an index, and its time.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) index: Index,
    pub(crate) now: Nanos,
    pub(crate) sellers: Vec<Seller>,
}

impl Market {
    /// Sellers that only ask, each its own owner.
    pub(crate) fn of(prices: &[i64]) -> Self {
        let seller = |(place, &price): (usize, &i64)| Seller {
            name: format!("seller-{place}"),
            owner: format!("owner-{place}"),
            route: "direct".to_owned(),
            tier: Tier::Offered,
            price,
            lease: None,
            units: None,
            stake: 1_000_000,
            is_silent: false,
        };
        let sellers = prices.iter().enumerate().map(seller).collect();
        let now = Nanos::from_seconds(1_800_000_000);
        Self { index: Index::new(Params::default()), now, sellers }
    }

    /// The same where each leases so many GPU-hours in a tick at its ask, with receipts.
    pub(crate) fn leasing(prices: &[i64], hours: u64) -> Self {
        let mut market = Self::of(prices);
        for seller in &mut market.sellers {
            seller.tier = Tier::Leased;
            seller.lease = Some((seller.price, hours));
        }
        market
    }

    /// The same where so many of a hundred units of each are leased.
    pub(crate) fn with_units(mut self, leased: u32) -> Self {
        self.sellers.iter_mut().for_each(|seller| seller.units = Some((100, leased)));
        self
    }

    pub(crate) fn observations(&self) -> Vec<Observation> {
        let now = self.now;
        self.sellers.iter().filter(|one| !one.is_silent).map(|one| observed(one, now)).collect()
    }

    pub(crate) fn tick(&mut self) -> Print {
        let print = self.index.tick(self.now, &self.observations());
        self.now = self.now + HALF_HOUR;
        print
    }

    pub(crate) fn ticks(&mut self, count: usize) -> Vec<Print> {
        (0..count).map(|_| self.tick()).collect()
    }

    /// The last of so many ticks.
    pub(crate) fn after(&mut self, ticks: usize) -> Print {
        self.ticks(ticks).pop().expect("at least one tick")
    }

    pub(crate) fn explained(&mut self) -> (Print, Explanation) {
        let told = self.index.tick_explained(self.now, &self.observations());
        self.now = self.now + HALF_HOUR;
        told
    }

    pub(crate) fn mark(&mut self, micros: i64) {
        self.index.set_mark(self.now, MicroUsd::new(micros));
    }

    pub(crate) fn wait(&mut self, hours: u64) {
        self.now = self.now + NanosSpan::from_seconds(3_600 * hours);
    }
}

pub(crate) fn observed(seller: &Seller, now: Nanos) -> Observation {
    let provider = ProviderId::new(&seller.name).expect("a name");
    let mut observation =
        Observation::new(now, provider, MicroUsd::new(seller.price), 1).expect("a price");
    if let Some((price, hours)) = seller.lease {
        let gpu_seconds = GpuSeconds::new(hours * 3_600);
        let lease = Lease { price: MicroUsd::new(price), gpu_seconds };
        observation = observation.with_lease(lease).expect("a lease");
    }
    if let Some((total, leased)) = seller.units {
        observation = observation.with_units(Units { total, leased }).expect("units");
    }
    observation
        .with_cluster(ClusterId::new(&seller.owner).expect("a name"))
        .with_route(ClusterId::new(&seller.route).expect("a name"))
        .with_tier(seller.tier)
        .with_stake(Ppm::new(seller.stake))
}
