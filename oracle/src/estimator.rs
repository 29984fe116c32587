//! The averages that other indices publish, beside ours: each from the same quotes of the same tick.
//!
//! The plain ones remember nothing, refuse nothing as long as anybody quotes, and say nothing of their own uncertainty. They are here to
//! be compared with, not to settle on.

use instruments::rounding::div_half_even;
use instruments::{MicroUsd, Nanos, Ppm};

use crate::index::Index;
use crate::observation::Observation;
use crate::params::Params;
use crate::print::{Print, Withheld};
use crate::votes::{Vote, interquantile_mean};

/// Half of the middle third.
const SIXTH: Ppm = Ppm::new(166_667);
/// The scale of a plain average's weights.
const PER_ONE: i128 = 1_000_000_000;

/// A way to make one value of a tick's quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Estimator {
    /// The two-speed index.
    Ours,
    /// The middle price; the mean of the two middle ones where their number is even.
    Median,
    /// The mean price.
    Mean,
    /// The mean price, each provider with its weight.
    StakeMean,
    /// The mean log price of the middle third of the weight.
    Iqm,
}

impl Estimator {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ours, Self::Median, Self::Mean, Self::StakeMean, Self::Iqm];

    /// What it is called on a command line and in a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Median => "median",
            Self::Mean => "mean",
            Self::StakeMean => "stake-mean",
            Self::Iqm => "iqm",
        }
    }

    /// The estimator of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|estimator| estimator.name() == name)
    }
}

/// The prints of one grade by one estimator.
#[derive(Debug, Clone)]
pub struct Series {
    /// Never ticks where the estimator is plain: it only says which observations count.
    index: Index,
    params: Params,
    plain: Option<Plain>,
}

#[derive(Debug, Clone, Copy)]
enum Plain {
    Median,
    Mean,
    StakeMean,
    Iqm,
}

impl Series {
    /// A series that has seen nothing.
    #[must_use]
    pub fn new(estimator: Estimator, params: Params) -> Self {
        let plain = match estimator {
            Estimator::Ours => None,
            Estimator::Median => Some(Plain::Median),
            Estimator::Mean => Some(Plain::Mean),
            Estimator::StakeMean => Some(Plain::StakeMean),
            Estimator::Iqm => Some(Plain::Iqm),
        };
        Self { index: Index::new(params.clone()), params, plain }
    }

    /// What the estimator says of one tick's observations: those that count for [`Index::tick`], and no others.
    ///
    /// A plain one is `OK` with a confidence of the whole whenever anybody quotes, and withheld otherwise.
    ///
    /// # Panics
    /// When `tick_at` is before the last tick of the index: the caller's time runs backwards.
    pub fn tick(&mut self, tick_at: Nanos, observations: &[Observation]) -> Print {
        let Some(plain) = self.plain else { return self.index.tick(tick_at, observations) };
        let counted = self.index.counted(tick_at, observations);
        let quotes: Vec<&Observation> = counted.into_values().collect();
        let providers = u32::try_from(quotes.len()).unwrap_or(u32::MAX);
        if quotes.is_empty() {
            return Print::withheld(tick_at, Withheld::NoObservations, providers);
        }
        match plain.value(&quotes, &self.params) {
            Some(value) => Print::plain(tick_at, value, providers),
            None => Print::withheld(tick_at, Withheld::OutOfRange, providers),
        }
    }
}

impl Plain {
    fn value(self, quotes: &[&Observation], params: &Params) -> Option<MicroUsd> {
        match self {
            Self::Median => median(quotes),
            Self::Mean => mean(quotes.iter().map(|quote| (quote.price(), 1))),
            Self::StakeMean => {
                let masses = masses(quotes, params);
                mean(quotes.iter().zip(masses).map(|(quote, mass)| (quote.price(), mass)))
            }
            Self::Iqm => {
                let masses = masses(quotes, params);
                let vote = |(quote, mass): (&&Observation, u32)| Vote { at: quote.level(), mass };
                let votes: Vec<Vote> = quotes.iter().zip(masses).map(vote).collect();
                interquantile_mean(&votes, SIXTH)?.price()
            }
        }
    }
}

/// What each quote weighs, in billionths of all: the GPU-seconds sold, times the stake, where anybody sold any, and listings otherwise.
fn masses(quotes: &[&Observation], params: &Params) -> Vec<u32> {
    let is_sold = quotes.iter().any(|quote| quote.lease().is_some());
    let weight = |quote: &&Observation| {
        if !is_sold {
            return i128::from(quote.weight(params).ppm());
        }
        let sold = quote.lease().map_or(0, |lease| lease.gpu_seconds.seconds());
        i128::from(sold).saturating_mul(i128::from(quote.stake().ppm()))
    };
    let weights: Vec<i128> = quotes.iter().map(weight).collect();
    let all: i128 = weights.iter().sum();
    let part = |weight: i128| div_half_even(weight.saturating_mul(PER_ONE), all.max(1));
    weights.into_iter().map(|weight| u32::try_from(part(weight)).unwrap_or(u32::MAX)).collect()
}

fn median(quotes: &[&Observation]) -> Option<MicroUsd> {
    let mut prices: Vec<MicroUsd> = quotes.iter().map(|quote| quote.price()).collect();
    prices.sort_unstable();
    let upper = prices.len().div_euclid(2);
    let lower = prices.len().saturating_sub(1).div_euclid(2);
    mean([lower, upper].into_iter().filter_map(|at| Some((*prices.get(at)?, 1))))
}

/// Rounded once, half to even. `None` without weight.
fn mean(prices: impl Iterator<Item = (MicroUsd, u32)>) -> Option<MicroUsd> {
    let (sum, all) = prices.fold((0_i128, 0_i128), |(sum, all), (price, mass)| {
        let mass = i128::from(mass);
        let weighted = i128::from(price.micros()).saturating_mul(mass);
        (sum.saturating_add(weighted), all.saturating_add(mass))
    });
    if all == 0 {
        return None;
    }
    MicroUsd::from_i128(div_half_even(sum, all))
}

#[cfg(test)]
mod tests {
    use instruments::{GpuSeconds, NanosSpan};

    use super::*;
    use crate::cluster::ProviderId;
    use crate::observation::Lease;
    use crate::print::State;

    const AT: Nanos = Nanos::from_seconds(1_000_000);

    fn quotes(quotes: &[(&str, i64, u32)]) -> Vec<Observation> {
        let quote = |&(provider, cents, configs): &(&str, i64, u32)| {
            let provider = ProviderId::new(provider).unwrap();
            Observation::new(AT, provider, MicroUsd::new(cents * 10_000), configs).unwrap()
        };
        quotes.iter().map(quote).collect()
    }

    fn values(observations: &[Observation]) -> Vec<(&'static str, Option<i64>)> {
        let value = |estimator: Estimator| {
            let print = Series::new(estimator, Params::default()).tick(AT, observations);
            (estimator.name(), print.value.map(MicroUsd::micros))
        };
        Estimator::ALL[1..].iter().map(|&estimator| value(estimator)).collect()
    }

    /// ATTACK-001: by hand, with a heavier provider (five listings weigh an eighth more than one) and without.
    #[test]
    fn attack_001_the_plain_averages_are_what_their_names_say() {
        let even = quotes(&[("a", 100, 1), ("b", 200, 1), ("c", 400, 1), ("d", 10_000, 5)]);
        assert_eq!(
            values(&even),
            [
                ("median", Some(3_000_000)),
                ("mean", Some(26_750_000)),
                ("stake-mean", Some(28_969_697)),
                // Of 4.125 the middle third reaches from 1.375 to 2.75: 0.625 at 2 and 0.75 at 4.
                ("iqm", Some(2_918_960)),
            ]
        );
        let odd = quotes(&[("a", 100, 1), ("b", 210, 1), ("c", 400, 1)]);
        assert_eq!(
            values(&odd),
            [
                ("median", Some(2_100_000)),
                ("mean", Some(2_366_667)),
                ("stake-mean", Some(2_366_667)),
                ("iqm", Some(2_100_000)),
            ]
        );
    }

    /// ATTACK-001: where leases are known, what was sold is the weight.
    #[test]
    fn attack_001_a_lease_weighs_what_was_sold() {
        let mut sold = quotes(&[("a", 100, 1), ("b", 200, 9), ("c", 400, 1)]);
        let lease = |hours| Lease { price: MicroUsd::new(1), gpu_seconds: GpuSeconds::new(hours) };
        sold[0] = sold[0].clone().with_lease(lease(3)).unwrap();
        sold[2] = sold[2].clone().with_lease(lease(2)).unwrap().with_stake(Ppm::new(500_000));
        let value = |estimator| {
            Series::new(estimator, Params::default()).tick(AT, &sold).value.map(MicroUsd::micros)
        };
        assert_eq!(value(Estimator::StakeMean), Some(1_750_000), "three parts to one");
        assert_eq!(value(Estimator::Iqm), Some(1_000_000));
        assert_eq!(value(Estimator::Mean), Some(2_333_333), "who sold nothing still counts here");
    }

    /// ATTACK-001: they print whenever anybody quotes, from the same quotes that the index takes, and are withheld otherwise.
    #[test]
    fn attack_001_a_plain_average_takes_the_quotes_that_the_index_takes() {
        let cadence = Params::default().cadence;
        for estimator in Estimator::ALL {
            let mut series = Series::new(estimator, Params::default());
            let print = series.tick(AT, &[]);
            assert_eq!((print.value, print.providers), (None, 0), "{}", estimator.name());
            assert_eq!(print.state, State::Withheld(Withheld::NoObservations));
        }
        for &estimator in &Estimator::ALL[1..] {
            let mut series = Series::new(estimator, Params::default());
            let twice = [quotes(&[("a", 300, 1)]), quotes(&[("a", 200, 1)])].concat();
            let print = series.tick(AT, &twice);
            assert_eq!(print.value, Some(MicroUsd::new(2_000_000)), "the cheaper of two");
            assert_eq!((print.state, print.providers), (State::Ok, 1));
            let old = series.tick(AT + cadence + NanosSpan::new(1), &twice);
            assert_eq!(old.value, None, "older than one cadence");
        }
    }

    #[test]
    fn every_estimator_is_found_by_its_name() {
        for estimator in Estimator::ALL {
            assert_eq!(Estimator::named(estimator.name()), Some(estimator));
        }
        assert_eq!(Estimator::named("Ours"), None);
    }
}
