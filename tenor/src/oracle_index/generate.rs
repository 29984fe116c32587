//! Made-up observations for a market without a file: the same seed gives the same ones everywhere.
//!
//! What makes real data hard is in it: providers at levels of their own, prices that stand still and then step, providers that vanish and
//! return. Names and numbers are invented.

use std::collections::BTreeMap;

use instruments::{MicroUsd, Nanos, NanosSpan};
use oracle::{Observation, ProviderId};

use super::load::TickObservations;

/// 2026-01-01T00:00:00Z.
const FIRST_TICK: Nanos = Nanos::from_seconds(1_767_225_600);
const CADENCE: NanosSpan = NanosSpan::from_seconds(1_800);
const CENT: i64 = 10_000;
const PER_MILLE: u64 = 1_000;
/// Half of a market's largest step per half-hour, in millionths.
const LEVEL_STEP: u64 = 1_500;
/// How far apart the providers' levels are, in per mille of the market's.
const SPREAD: u64 = 250;
const REPRICES_PER_MILLE: u64 = 50;
const LEAVES_PER_MILLE: u64 = 10;
const RETURNS_PER_MILLE: u64 = 100;

const PROVIDERS: [&str; 8] =
    ["alder", "birch", "cedar", "elm", "hazel", "juniper", "larch", "maple"];
/// Grade, dollars per GPU-hour in cents, how many of the providers quote it. Three are too few for an index, and it says so.
const MARKETS: [(&str, i64, usize); 4] =
    [("A100", 145, 7), ("B200", 495, 3), ("H100", 240, 8), ("H200", 310, 6)];

/// One provider in one market.
struct Quoter {
    name: &'static str,
    /// Its level in per mille of the market's.
    level: i64,
    price: i64,
    is_present: bool,
    configs: u32,
}

/// One grade.
struct Source {
    grade: &'static str,
    /// Micro-dollars.
    level: i64,
    quoters: Vec<Quoter>,
}

/// `ticks` half-hours of observations that depend on nothing but `seed`.
pub(crate) fn generate(seed: u64, ticks: usize) -> Vec<TickObservations> {
    let mut draws = Draws::new(seed);
    let mut sources: Vec<Source> =
        MARKETS.iter().map(|&market| Source::open(market, &mut draws)).collect();
    let mut at = FIRST_TICK;
    let mut all = Vec::with_capacity(ticks);
    for _ in 0..ticks {
        let mut by_grade = BTreeMap::new();
        for source in &mut sources {
            source.step(&mut draws);
            let observations = source.observations(at);
            if !observations.is_empty() {
                by_grade.insert(source.grade.to_owned(), observations);
            }
        }
        all.push(TickObservations { at, by_grade });
        at = at + CADENCE;
    }
    all
}

impl Source {
    fn open((grade, cents, providers): (&'static str, i64, usize), draws: &mut Draws) -> Self {
        let level = cents * CENT;
        let quoters = PROVIDERS.iter().take(providers).map(|&name| {
            let own = draws.around(1_000, SPREAD);
            let configs = u32::try_from(draws.below(12)).unwrap_or(0) + 1;
            Quoter { name, level: own, price: quote(level, own), is_present: true, configs }
        });
        Self { grade, level, quoters: quoters.collect() }
    }

    fn step(&mut self, draws: &mut Draws) {
        self.level += self.level * draws.around(0, LEVEL_STEP) / 1_000_000;
        for quoter in &mut self.quoters {
            if draws.below(PER_MILLE) < REPRICES_PER_MILLE {
                quoter.price = quote(self.level, draws.around(quoter.level, 10));
                quoter.configs = u32::try_from(draws.below(12)).unwrap_or(0) + 1;
            }
            let turns = if quoter.is_present { LEAVES_PER_MILLE } else { RETURNS_PER_MILLE };
            quoter.is_present ^= draws.below(PER_MILLE) < turns;
        }
    }

    fn observations(&self, at: Nanos) -> Vec<Observation> {
        let present = self.quoters.iter().filter(|quoter| quoter.is_present);
        let observation = |quoter: &Quoter| {
            let provider = ProviderId::new(quoter.name).ok()?;
            Observation::new(at, provider, MicroUsd::new(quoter.price), quoter.configs).ok()
        };
        present.filter_map(observation).collect()
    }
}

/// `level` times a provider's own per mille, in whole cents, at least one.
fn quote(level: i64, per_mille: i64) -> i64 {
    (level * per_mille / 1_000 / CENT).max(1) * CENT
}

/// Numbers from a seed: an endless hash of it.
struct Draws(blake3::OutputReader);

impl Draws {
    fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("tenor 2026 generated observations");
        hasher.update(&seed.to_le_bytes());
        Self(hasher.finalize_xof())
    }

    /// From 0 to `bound` less one. The bias of the remainder is below 1e-15 for the bounds used here.
    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }

    /// At most `reach` from `center`.
    fn around(&mut self, center: i64, reach: u64) -> i64 {
        let drawn = i64::try_from(self.below(2 * reach + 1)).unwrap_or(0);
        center + drawn - i64::try_from(reach).unwrap_or(0)
    }
}
