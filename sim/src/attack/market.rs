//! The world that is attacked: thirty providers of one grade, each at a level of its own, with prices that stand still and then step.
//!
//! Invariants:
//! - a market follows from its seed alone, in integers;
//! - a coalition has exactly the share of the leased GPU-hours that was asked for, up to one GPU.

use instruments::rounding::div_half_even;
use instruments::{GpuSeconds, MicroUsd, Nanos, Ppm};
use oracle::{ClusterId, Lease, NanoLog, Observation, ProviderId, Tier, Units};

use crate::seed::Stream;

/// Half-hours in a day.
pub(super) const DAY: usize = 48;
/// Half-hours before anybody attacks: a week.
pub(super) const CALM: usize = 7 * DAY;
/// Half-hours in a market: the longest attack takes two weeks.
pub(super) const HORIZON: usize = CALM + 14 * DAY;
/// Who quotes.
pub(super) const PROVIDERS: usize = 30;

/// 2026-01-01T00:00:00Z.
const FIRST_TICK_SECONDS: u64 = 1_767_225_600;
const TICK_SECONDS: u64 = 1_800;
/// The market's level: 2.40 dollars.
const LEVEL: MicroUsd = MicroUsd::new(2_400_000);
/// How far providers' levels lie apart, as a standard deviation in billionths.
const LEVEL_DEVIATION: u64 = 260_000_000;
/// How far a new price lies from its provider's level.
const OWN_DEVIATION: u64 = 50_000_000;
/// In millionths, a tick.
const REPRICES: u64 = 50_000;
/// The smallest provider in GPUs: large, so that rescaling a coalition rounds nothing away.
const UNITS_MIN: i64 = 200;
/// How much of a provider is leased, in millionths.
pub(super) const LEASED: u32 = 850_000;
const PPM_PER_ONE: i128 = 1_000_000;

/// An honest market, and who of it colludes.
#[derive(Debug, Clone)]
pub(super) struct Market {
    /// By tick and provider.
    prices: Vec<Vec<NanoLog>>,
    /// By provider: GPUs.
    units: Vec<u32>,
    /// By provider.
    colludes: Vec<bool>,
    evidence: Evidence,
}

/// What the index is shown of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Asks, leases with receipts, and units.
    Leases,
    /// Asks alone: one listing each, so that all weigh the same.
    Asks,
}

/// What one name says in one tick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) name: &'a str,
    pub(super) owner: Option<&'a str>,
    pub(super) route: Option<&'a str>,
    pub(super) ask: NanoLog,
    pub(super) paid: NanoLog,
    pub(super) units: u32,
    /// In millionths.
    pub(super) leased: u32,
    pub(super) evidence: Evidence,
}

/// When a tick is.
pub(super) fn at(tick: usize) -> Nanos {
    let ticks = u64::try_from(tick).unwrap_or(u64::MAX);
    Nanos::from_seconds(FIRST_TICK_SECONDS + ticks * TICK_SECONDS)
}

impl Market {
    /// The market of this seed, in which a random coalition has `share` of the leased GPU-hours, and of the names as nearly as can be.
    pub(super) fn new(seed: u64, share: Ppm, evidence: Evidence) -> Self {
        let mut stream = Stream::new(seed, "attack: levels and weights");
        let center = NanoLog::of(LEVEL).unwrap_or_default();
        let levels: Vec<NanoLog> =
            (0..PROVIDERS).map(|_| center.plus(normal(&mut stream, LEVEL_DEVIATION))).collect();
        let units = (0..PROVIDERS).map(|_| pareto(&mut stream)).collect();
        let prices = prices(&levels, &mut Stream::new(seed, "attack: prices"));
        let mut market = Self { prices, units, colludes: vec![false; PROVIDERS], evidence };
        market.collude(share, &mut Stream::new(seed, "attack: coalition"));
        market
    }

    /// All levels the same and no price ever moves; the coalition is one provider.
    pub(super) fn consensus(seed: u64, evidence: Evidence) -> Self {
        let mut market = Self::new(seed, Ppm::new(1), evidence);
        let level = NanoLog::of(LEVEL).unwrap_or_default();
        market.prices.iter_mut().flatten().for_each(|price| *price = level);
        market.units.iter_mut().for_each(|units| *units = 1_000);
        market
    }

    /// As many of the providers as their share says, at least one; larger or smaller ones until they have it.
    fn collude(&mut self, share: Ppm, stream: &mut Stream) {
        let mut order: Vec<usize> = (0..PROVIDERS).collect();
        for place in (1..PROVIDERS).rev() {
            let other = stream.below(u64::try_from(place + 1).unwrap_or(1));
            order.swap(place, usize::try_from(other).unwrap_or(0));
        }
        let providers = i128::try_from(PROVIDERS).unwrap_or(0);
        let share = i128::from(share.ppm());
        let count = div_half_even(share * providers, PPM_PER_ONE).clamp(1, providers - 1);
        for &provider in order.iter().take(usize::try_from(count).unwrap_or(1)) {
            self.colludes[provider] = true;
        }
        let sum = |of: bool| -> i128 {
            let both = self.units.iter().zip(&self.colludes);
            both.filter(|(_, colludes)| **colludes == of).map(|(units, _)| i128::from(*units)).sum()
        };
        let (theirs, others) = (sum(true), sum(false));
        for (units, _) in self.units.iter_mut().zip(&self.colludes).filter(|(_, it)| **it) {
            let scaled = i128::from(*units) * others * share;
            let scaled = div_half_even(scaled, theirs * (PPM_PER_ONE - share)).max(1);
            *units = u32::try_from(scaled).unwrap_or(u32::MAX);
        }
    }

    /// The same market, with all prices rising by a tenth during the day that ends at `end`, each when its provider next changes it.
    pub(super) fn rising(&self, end: usize) -> Self {
        let mut market = self.clone();
        let mut risen = vec![NanoLog::ZERO; PROVIDERS];
        for tick in 1..HORIZON {
            for (provider, risen) in risen.iter_mut().enumerate() {
                if self.prices[tick][provider] != self.prices[tick - 1][provider] {
                    let day = (tick + DAY).saturating_sub(end).min(DAY);
                    *risen = NanoLog::new(i64::try_from(day).unwrap_or(0) * TENTH / DAY_TICKS);
                }
                let price = &mut market.prices[tick][provider];
                *price = price.plus(*risen);
            }
        }
        market
    }

    pub(super) fn price(&self, tick: usize, provider: usize) -> NanoLog {
        self.prices[tick][provider]
    }

    pub(super) fn evidence(&self) -> Evidence {
        self.evidence
    }

    pub(super) fn units(&self, provider: usize) -> u32 {
        self.units[provider]
    }

    pub(super) fn colludes(&self, provider: usize) -> bool {
        self.colludes[provider]
    }

    /// What everybody earns in a tick, in micro-dollars: the unit in which an attack's cost is told.
    pub(super) fn revenue(&self, tick: usize) -> i128 {
        (0..PROVIDERS).map(|provider| self.revenue_of(tick, provider)).sum()
    }

    /// What a provider earns in a tick as long as it is honest.
    pub(super) fn revenue_of(&self, tick: usize, provider: usize) -> i128 {
        let price = self.price(tick, provider).price().map_or(0, MicroUsd::micros);
        let seconds = i128::from(sold(self.units(provider), LEASED).seconds());
        div_half_even(i128::from(price) * seconds, 3_600)
    }

    /// What everybody says in a tick when nobody lies.
    pub(super) fn honest(&self, tick: usize) -> Vec<Observation> {
        (0..PROVIDERS).filter_map(|provider| self.honest_of(tick, provider)).collect()
    }

    fn honest_of(&self, tick: usize, provider: usize) -> Option<Observation> {
        let price = self.price(tick, provider);
        let name = name(provider);
        let said = Said {
            name: &name,
            owner: None,
            route: None,
            ask: price,
            paid: price,
            units: self.units(provider),
            leased: LEASED,
            evidence: self.evidence,
        };
        said.observation(tick)
    }
}

/// ln 1.1.
const TENTH: i64 = 95_310_180;
const DAY_TICKS: i64 = 48;

/// What a provider is called.
pub(super) fn name(provider: usize) -> String {
    format!("p{provider:02}")
}

impl Said<'_> {
    /// As an observation; `None` for what cannot be one.
    pub(super) fn observation(self, tick: usize) -> Option<Observation> {
        let provider = ProviderId::new(self.name).ok()?;
        let leased = u32::try_from(u64::from(self.units) * u64::from(self.leased) / 1_000_000);
        let leased = leased.unwrap_or(u32::MAX);
        let made = Observation::new(at(tick), provider, self.ask.price()?, 1).ok()?;
        let is_leased = self.evidence == Evidence::Leases;
        let mut made = made.with_tier(if is_leased { Tier::Leased } else { Tier::Offered });
        if let Some(owner) = self.owner {
            made = made.with_cluster(ClusterId::new(owner).ok()?);
        }
        if let Some(route) = self.route {
            made = made.with_route(ClusterId::new(route).ok()?);
        }
        if !is_leased {
            return Some(made);
        }
        made = made.with_units(Units { total: self.units, leased }).ok()?;
        let gpu_seconds = sold(self.units, self.leased);
        if gpu_seconds == GpuSeconds::ZERO {
            return Some(made);
        }
        made.with_lease(Lease { price: self.paid.price()?, gpu_seconds }).ok()
    }
}

/// What so many GPUs sell in a tick when `leased` millionths of them are leased.
pub(super) fn sold(units: u32, leased: u32) -> GpuSeconds {
    let seconds = u64::from(units) * u64::from(leased) * TICK_SECONDS;
    GpuSeconds::new(seconds / 1_000_000)
}

fn prices(levels: &[NanoLog], stream: &mut Stream) -> Vec<Vec<NanoLog>> {
    let mut now: Vec<NanoLog> =
        levels.iter().map(|level| level.plus(normal(stream, OWN_DEVIATION))).collect();
    let mut all = Vec::with_capacity(HORIZON);
    for _ in 0..HORIZON {
        for (price, level) in now.iter_mut().zip(levels) {
            if stream.chance(REPRICES) {
                *price = level.plus(normal(stream, OWN_DEVIATION));
            }
        }
        all.push(now.clone());
    }
    all
}

/// Roughly normal: the sum of four equal draws reaches 2√3 standard deviations.
fn normal(stream: &mut Stream, deviation: u64) -> NanoLog {
    NanoLog::new(stream.around_zero(deviation * 3_464 / 1_000))
}

/// GPUs, Pareto with exponent one and a half: u^(−2/3).
fn pareto(stream: &mut Stream) -> u32 {
    let log = |micros: i64| NanoLog::of(MicroUsd::new(micros)).unwrap_or_default();
    let drawn = i64::try_from(stream.between(1, 1_000_000)).unwrap_or(1);
    let fallen = log(1_000_000).minus(log(drawn)).nanos();
    let grown = NanoLog::new(fallen * 2 / 3).plus(log(UNITS_MIN));
    grown.price().and_then(|units| u32::try_from(units.micros()).ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATTACK-002: a coalition has the share that its row of the table says.
    #[test]
    fn attack_002_a_coalition_has_its_share_of_the_leased_hours() {
        for seed in 1..6 {
            for share in [50_000, 200_000, 450_000] {
                let market = Market::new(seed, Ppm::new(share), Evidence::Leases);
                let all: u64 = (0..PROVIDERS).map(|p| u64::from(market.units(p))).sum();
                let theirs = (0..PROVIDERS).filter(|&p| market.colludes(p));
                let theirs: u64 = theirs.map(|p| u64::from(market.units(p))).sum();
                let found = i64::try_from(theirs * 1_000_000 / all).unwrap();
                assert!((found - share).abs() < 2_000, "seed {seed}: {found} of {share}");
            }
        }
    }

    #[test]
    fn a_rising_market_ends_a_tenth_higher() {
        let market = Market::new(3, Ppm::new(200_000), Evidence::Asks);
        let end = CALM + DAY;
        let rising = market.rising(end);
        assert_eq!(rising.price(end - DAY, 0), market.price(end - DAY, 0));
        let mut gaps: Vec<i64> = (0..PROVIDERS)
            .map(|p| rising.price(HORIZON - 1, p).minus(market.price(HORIZON - 1, p)).nanos())
            .collect();
        gaps.sort_unstable();
        assert_eq!((gaps[0], gaps[PROVIDERS - 1]), (TENTH, TENTH));
    }
}
