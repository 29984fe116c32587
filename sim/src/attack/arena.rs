//! One market of one seed with one coalition: what every estimator settles at when nobody lies, and what a scheme makes of it.

use std::collections::BTreeMap;

use instruments::rounding::div_half_even;
use instruments::{MicroUsd, Ppm};
use oracle::{Estimator, Observation, Params, Series, State, fixing};

use super::market::{CALM, DAY, HORIZON, LEASED, Market, PROVIDERS, at, sold};
use super::scheme::{Act, Scheme};

const PPM_PER_ONE: i128 = 1_000_000;
/// The price above its honest one, in billionths, at which a provider still sells: dearer than that nobody leases from it.
const STILL_SELLS: i64 = 50_000_000;

/// What a scheme made of one estimator in one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effect {
    /// Settlement with the attack over settlement without, less one, in millionths. `None` when the attack leaves none.
    pub(super) error: Option<i64>,
    /// The largest move of a print from the one before it, in millionths, while the attack lasts.
    pub(super) worst_step: i64,
    /// Prints of the attacked day that are not `OK`.
    pub(super) flagged: u32,
}

/// A market and what has been found out about it without lies.
#[derive(Debug)]
pub(super) struct Arena {
    market: Market,
    /// Honest observations, by tick.
    honest: Vec<Vec<Observation>>,
    estimators: Vec<Estimator>,
    /// Every estimator after the calm week.
    calm: Vec<Series>,
    /// Honest values by estimator and tick since then, up to the last tick that was asked for.
    values: Vec<Vec<Option<MicroUsd>>>,
    /// The honest series that made them.
    running: Vec<Series>,
}

impl Arena {
    pub(super) fn new(market: Market, estimators: &[Estimator]) -> Self {
        let honest = (0..HORIZON).map(|tick| market.honest(tick)).collect::<Vec<_>>();
        let mut calm = fresh(estimators);
        for (tick, observations) in honest.iter().enumerate().take(CALM) {
            for (series, _) in calm.iter_mut().zip(estimators).filter(|(_, it)| remembers(**it)) {
                series.tick(at(tick), observations);
            }
        }
        let values = estimators.iter().map(|_| Vec::new()).collect();
        let running = calm.clone();
        Self { market, honest, estimators: estimators.to_vec(), calm, values, running }
    }

    /// What every estimator settles at when nobody lies, in the day before `end`.
    fn without(&mut self, end: usize) -> Vec<Option<MicroUsd>> {
        let mut settled = Vec::with_capacity(self.running.len());
        let all = self.running.iter_mut().zip(&mut self.values).zip(&self.estimators);
        for ((series, values), &estimator) in all {
            let mut print = |tick: usize| series.tick(at(tick), &self.honest[tick]).value;
            if remembers(estimator) {
                values.extend((CALM + values.len()..end).map(print));
                settled.push(fixing(&values[end - DAY - CALM..end - CALM]));
            } else {
                let day: Vec<_> = (end - DAY..end).map(&mut print).collect();
                settled.push(fixing(&day));
            }
        }
        settled
    }

    /// What the scheme does to every estimator.
    pub(super) fn effects(&mut self, scheme: &Scheme) -> Vec<Effect> {
        let without = self.without(scheme.end);
        let (from, mut series) = if scheme.begins_unseen() {
            (CALM, self.calm.clone())
        } else {
            (0, fresh(&self.estimators))
        };
        let mut runs: Vec<Run> = series.iter().map(|_| Run::default()).collect();
        for tick in from..scheme.end {
            let lied = scheme.observations(&self.market, tick, &self.honest[tick]);
            let all = series.iter_mut().zip(&mut runs).zip(&self.estimators);
            for ((series, run), &estimator) in all {
                if remembers(estimator) || scheme.end <= tick + DAY {
                    run.take(tick, scheme, series.tick(at(tick), &lied));
                }
            }
        }
        runs.into_iter().zip(without).map(|(run, without)| run.effect(without)).collect()
    }

    /// What the scheme costs the coalition, in millionths of what the whole market earns in a day.
    ///
    /// Who asks more than a little too much leases nothing; who asks less gives it away; who is absent earns nothing; and machines
    /// for leases to oneself have to be there, at the price of all others.
    pub(super) fn cost(&self, scheme: &Scheme) -> Ppm {
        let mut lost = 0_i128;
        for tick in 0..scheme.end {
            let phase = scheme.phases.iter().find(|it| it.from <= tick && tick < it.until);
            let act = phase.map_or(Act::HONEST, |phase| phase.act);
            for provider in (0..PROVIDERS).filter(|&it| self.market.colludes(it)) {
                let earned = self.market.revenue_of(tick, provider);
                lost += lost_by(act, earned);
                lost += earned * i128::from(scheme.look.volume - 1);
            }
        }
        let day: i128 = (scheme.end - DAY..scheme.end).map(|tick| self.market.revenue(tick)).sum();
        let cost = div_half_even(lost * PPM_PER_ONE, day.max(1));
        Ppm::new(i64::try_from(cost).unwrap_or(i64::MAX))
    }

    /// How many GPU-hours the scheme pretends to have leased.
    pub(super) fn pretended(&self, scheme: &Scheme) -> u64 {
        let mut seconds = 0;
        for tick in 0..scheme.end {
            let phase = scheme.phases.iter().find(|it| it.from <= tick && tick < it.until);
            let leased = phase.and_then(|phase| phase.act.leased).unwrap_or(LEASED);
            for provider in (0..PROVIDERS).filter(|&it| self.market.colludes(it)) {
                let units = self.market.units(provider);
                let said = sold(units.saturating_mul(scheme.look.volume), leased).seconds();
                seconds += said.saturating_sub(sold(units, LEASED).seconds());
            }
        }
        seconds / 3_600
    }
}

/// What a provider that would earn so much does not earn.
fn lost_by(act: Act, earned: i128) -> i128 {
    if act.is_absent || STILL_SELLS < act.paid.nanos() {
        return earned;
    }
    // A price of a million dollars, moved by the shift: the rest of it is the discount.
    let million = oracle::NanoLog::of(MicroUsd::new(1_000_000)).unwrap_or_default();
    let kept = million.plus(act.paid).price().map_or(0, MicroUsd::micros);
    div_half_even(earned * (PPM_PER_ONE - i128::from(kept)).max(0), PPM_PER_ONE)
}

/// Whether an estimator's print depends on earlier ticks; the others are asked only on the day that settles.
fn remembers(estimator: Estimator) -> bool {
    estimator == Estimator::Ours
}

fn fresh(estimators: &[Estimator]) -> Vec<Series> {
    estimators.iter().map(|&estimator| Series::new(estimator, Params::default())).collect()
}

/// One estimator under attack.
#[derive(Debug, Default)]
struct Run {
    last: Option<MicroUsd>,
    day: BTreeMap<usize, Option<MicroUsd>>,
    worst_step: i64,
    flagged: u32,
}

impl Run {
    fn take(&mut self, tick: usize, scheme: &Scheme, print: oracle::Print) {
        let is_attacked = scheme.phases.iter().any(|it| it.from <= tick && tick < it.until);
        if let (Some(before), Some(value)) = (self.last, print.value)
            && is_attacked
        {
            self.worst_step = self.worst_step.max(moved(before, value).abs());
        }
        self.last = print.value.or(self.last);
        if scheme.end <= tick + DAY {
            self.day.insert(tick, print.value);
            self.flagged += u32::from(print.state != State::Ok);
        }
    }

    fn effect(self, without: Option<MicroUsd>) -> Effect {
        let day: Vec<Option<MicroUsd>> = self.day.into_values().collect();
        let with = fixing(&day);
        let error = without.zip(with).map(|(without, with)| moved(without, with));
        Effect { error, worst_step: self.worst_step, flagged: self.flagged }
    }
}

/// From one price to another, in millionths of the first.
fn moved(from: MicroUsd, to: MicroUsd) -> i64 {
    let moved = (i128::from(to.micros()) - i128::from(from.micros())) * PPM_PER_ONE;
    i64::try_from(div_half_even(moved, i128::from(from.micros().max(1)))).unwrap_or(i64::MAX)
}
