//! What the share of leased units says about the price: a bounded second leg of the index.
//!
//! ```text
//! U       = leased units / all units, of reporting clusters with the cap on their units
//! ln leg  = ln P_ref + β · (logit U − logit U*) + ln(1 + (M − 1) · LOLP(1 − U))
//! ln I    = ln price leg + clamp(λ · (ln leg − ln price leg), ±5 %)
//! ```
//!
//! Invariants:
//! - U*, `P_ref`, β and the normal distribution's numbers are from before the tick, so that the index never falls when a quote rises;
//! - λ falls to nothing when those who report units fade, so that nobody's coming or going is a step.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{MicroUsd, Nanos, NanosSpan, Ppm};

use crate::answer::Answer;
use crate::ballot::{Ballot, by, ratio, total};
use crate::daily::{Daily, day_of};
use crate::log::{NanoLog, closed_part};
use crate::normal::below;
use crate::params::Params;
use crate::tier::Tier;
use crate::votes::{cap, voices};

const PPM_PER_ONE: i128 = 1_000_000;
const HOUR: NanosSpan = NanosSpan::from_seconds(3_600);
const WEEK: NanosSpan = NanosSpan::from_seconds(7 * 86_400);

/// What an index remembers of utilisation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Utilisation {
    /// U in millionths.
    usual: Daily,
    /// The price leg in micro-dollars.
    reference: Daily,
    /// Its logarithm, of the last days.
    prices: Daily,
    answer: Answer,
    reserve: Reserve,
}

/// How the free share moves within an hour.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Reserve {
    from: Option<(Nanos, Ppm)>,
    /// In millionths.
    mean: i64,
    /// In squared millionths.
    variance: i64,
    /// What the leg uses: measured until the end of yesterday.
    used: (i64, i64),
    used_day: u64,
}

/// Utilisation at one tick.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// The share of units that is leased.
    pub(crate) share: Ppm,
    /// All units.
    pub(crate) units: u64,
    /// What the index would be by utilisation alone.
    pub(crate) leg: Option<NanoLog>,
    /// λ.
    pub(crate) weight: Ppm,
    /// What utilisation adds to a price: β · logit U + ln(1 + A).
    pub(crate) pressure: NanoLog,
}

impl Reading {
    /// The index: the price leg moved towards the utilisation leg, never far.
    pub(crate) fn blend(&self, price: NanoLog, params: &Params) -> NanoLog {
        let Some(leg) = self.leg else { return price };
        let band = params.blend_band;
        price.plus(leg.minus(price).times(self.weight).within(NanoLog::ZERO, band))
    }
}

impl Utilisation {
    /// Nothing known yet.
    pub(crate) fn new(params: &Params) -> Self {
        let deviation = params.scarcity_deviation.ppm();
        let reserve = Reserve {
            from: None,
            mean: 0,
            variance: deviation.saturating_mul(deviation),
            used: (0, deviation),
            used_day: 0,
        };
        Self {
            usual: Daily::default(),
            reference: Daily::default(),
            prices: Daily::default(),
            answer: Answer::new(params),
            reserve,
        }
    }

    /// The utilisation of this tick, if at least two clusters report units.
    pub(crate) fn read(&self, ballots: &[Ballot<'_>], params: &Params) -> Option<Reading> {
        let fleets = fleets(ballots);
        if fleets.len() < CLUSTERS_MIN {
            return None;
        }
        let most = cap(fleets.values().map(|fleet| fleet.total), params);
        let (mut leased, mut all) = (0_i128, 0_i128);
        for fleet in fleets.values() {
            let kept = i128::from(fleet.total.min(most));
            all = all.saturating_add(kept);
            let part = i128::from(fleet.leased).saturating_mul(kept);
            leased = leased.saturating_add(div_floor(part, i128::from(fleet.total.max(1))));
        }
        let share = div_half_even(leased.saturating_mul(PPM_PER_ONE), all.max(1));
        let share = Ppm::new(i64::try_from(share).unwrap_or(0));
        let units = fleets.values().fold(0_u64, |sum, fleet| sum.saturating_add(fleet.total));
        let pressure = self.pressure(share, params);
        let leg = self.leg(pressure);
        let weight = self.weight(ballots, params);
        let units = units.div_euclid(ATTENDANCE_PER_UNIT);
        Some(Reading { share, units, leg, weight, pressure })
    }

    /// β · logit U + ln(1 + A(U)).
    fn pressure(&self, share: Ppm, params: &Params) -> NanoLog {
        let regular = self.answer.to(NanoLog::of_odds(share));
        regular.plus(self.reserve.adder(share, params))
    }

    fn leg(&self, pressure: NanoLog) -> Option<NanoLog> {
        let reference = NanoLog::of(MicroUsd::new(self.reference.mean()?))?;
        let usual = NanoLog::of_odds(Ppm::new(self.usual.mean()?));
        Some(reference.plus(pressure).minus(self.answer.to(usual)))
    }

    /// λ: less with more transactions, with fewer who report units, and in the first days.
    fn weight(&self, ballots: &[Ballot<'_>], params: &Params) -> Ppm {
        let owned = by(ballots, |one| one.member.is_transacted().then_some(one.owner));
        let transacting = i128::from(voices(owned.values().copied()).ppm());
        let alone = i128::from(params.blend_voices.ppm());
        let share = i128::from(params.blend_share.ppm()).saturating_mul(alone);
        let share = div_floor(share, alone.saturating_add(transacting).max(1));
        let reporting = by(ballots, |one| reports(one).then_some(()));
        let coverage = ratio(reporting.get(&()).copied().unwrap_or(0), total(ballots));
        let days = i128::from(self.usual.days().saturating_sub(1).min(params.blend_days));
        let warm = share.saturating_mul(days).saturating_mul(i128::from(coverage.ppm()));
        let whole = i128::from(params.blend_days.max(1)).saturating_mul(PPM_PER_ONE);
        Ppm::new(i64::try_from(div_floor(warm, whole)).unwrap_or(0))
    }

    /// Learns from a tick that published.
    pub(crate) fn remember(
        &mut self,
        now: Nanos,
        reading: Option<&Reading>,
        price_leg: NanoLog,
        params: &Params,
    ) {
        let today = day_of(now);
        if self.answer.is_new(today) {
            let odds = |share| NanoLog::of_odds(Ppm::new(share));
            let shares = self.usual.last_two(today);
            let prices = self.prices.last_two(today);
            let moves = shares.zip(prices).map(|((share, share_before), (price, price_before))| {
                let odds = odds(share).minus(odds(share_before));
                (odds, NanoLog::new(price.saturating_sub(price_before)))
            });
            self.answer.turn_day(today, moves, params);
        }
        self.prices.add(now, price_leg.nanos(), DAYS_COMPARED);
        if let Some(price) = price_leg.price() {
            self.reference.add(now, price.micros(), params.reference_days);
        }
        if let Some(reading) = reading {
            self.usual.add(now, reading.share.ppm(), params.usual_days);
            self.reserve.take(now, reading.share, params);
        }
    }
}

/// One cluster that reports is its own word.
pub(crate) const CLUSTERS_MIN: usize = 2;
/// Today and the two days before it.
const DAYS_COMPARED: u32 = 3;
/// Units are counted in millionths, so that attendance fades them smoothly.
const ATTENDANCE_PER_UNIT: u64 = 1_000_000;

/// The units of one cluster, in millionths.
#[derive(Default)]
struct Fleet {
    total: u64,
    leased: u64,
}

fn reports(ballot: &Ballot<'_>) -> bool {
    let is_evidence = match ballot.member.tier() {
        Tier::Settled | Tier::Leased | Tier::Offered => true,
        Tier::RateCard | Tier::Judgement => false,
    };
    is_evidence && ballot.member.quote.units.is_some()
}

fn fleets(ballots: &[Ballot<'_>]) -> BTreeMap<u32, Fleet> {
    let mut fleets: BTreeMap<u32, Fleet> = BTreeMap::new();
    for ballot in ballots.iter().filter(|one| reports(one)) {
        let Some(units) = ballot.member.quote.units else { continue };
        let counted = ballot.member.attendance().ppm().min(ballot.member.quote.stake.ppm());
        let counted = u64::try_from(counted).unwrap_or(0);
        let fleet = fleets.entry(ballot.owner).or_default();
        let add =
            |sum: u64, units: u32| sum.saturating_add(u64::from(units).saturating_mul(counted));
        fleet.total = add(fleet.total, units.total);
        fleet.leased = add(fleet.leased, units.leased);
    }
    fleets.retain(|_, fleet| 0 < fleet.total);
    fleets
}

impl Reserve {
    /// ln(1 + A): what the danger of not getting a GPU adds.
    fn adder(&self, share: Ppm, params: &Params) -> NanoLog {
        let free = PPM_PER_ONE.saturating_sub(i128::from(share.ppm()));
        let beyond = free.saturating_sub(i128::from(params.scarcity_reserve.ppm()));
        let (mean, deviation) = self.used;
        let lost = if beyond <= 0 {
            Ppm::ONE
        } else {
            let beyond = beyond.saturating_sub(i128::from(mean)).saturating_mul(1_000_000_000);
            let deviations = div_half_even(beyond, i128::from(deviation.max(1)));
            let deviations = NanoLog::new(i64::try_from(deviations).unwrap_or(i64::MAX));
            Ppm::new(Ppm::ONE.ppm().saturating_sub(below(deviations).ppm()))
        };
        let more = params.scarcity_multiple.ppm().saturating_sub(Ppm::ONE.ppm());
        let adder = i128::from(more).saturating_mul(i128::from(lost.ppm()));
        let adder = i64::try_from(div_half_even(adder, PPM_PER_ONE)).unwrap_or(0);
        let log = |ppm| NanoLog::of(MicroUsd::new(ppm)).unwrap_or_default();
        log(Ppm::ONE.ppm().saturating_add(adder)).minus(log(Ppm::ONE.ppm()))
    }

    /// Takes the share of a tick; once an hour its move is measured, once a day the measure is used.
    fn take(&mut self, now: Nanos, share: Ppm, params: &Params) {
        let prior = params.scarcity_deviation.ppm();
        if self.used_day != day_of(now) {
            self.used_day = day_of(now);
            let deviation = self.variance.max(0).isqrt();
            let half = prior.div_euclid(2);
            self.used = (
                self.mean.clamp(half.saturating_neg(), half),
                deviation.clamp(half, prior.saturating_mul(2)),
            );
        }
        let Some((from, before)) = self.from else {
            self.from = Some((now, share));
            return;
        };
        let elapsed = now.since(from);
        if elapsed < HOUR {
            return;
        }
        self.from = Some((now, share));
        // More units leased are fewer free ones.
        let moved = before.ppm().saturating_sub(share.ppm());
        let closes = |gap: i64| closed_part(gap, elapsed.min(HOUR), WEEK);
        self.mean = self.mean.saturating_add(closes(moved.saturating_sub(self.mean)));
        let square = moved.saturating_mul(moved);
        self.variance = self.variance.saturating_add(closes(square.saturating_sub(self.variance)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adder_percent(utilisation: i64) -> i64 {
        let params = Params::default();
        let utilisation_ppm = Ppm::new(utilisation * 10_000);
        let log = Utilisation::new(&params).reserve.adder(utilisation_ppm, &params);
        let one = NanoLog::of(MicroUsd::new(1_000_000)).unwrap();
        (log.plus(one).price().unwrap().micros() + 5_000) / 10_000
    }

    /// ORACLE-037: the adder is small until few units are free, and the whole when the reserve is touched.
    #[test]
    fn oracle_037_scarcity_adds_little_until_few_are_free() {
        let expected =
            [(50, 100), (85, 100), (90, 105), (94, 132), (97, 180), (98, 300), (100, 300)];
        for (utilisation, percent) in expected {
            assert_eq!(adder_percent(utilisation), percent, "at {utilisation} %");
        }
    }

    #[test]
    fn oracle_037_utilisation_moves_the_index_by_five_per_cent_at_most() {
        let params = Params::default();
        let (price, band) = (NanoLog::new(14_000_000_000), params.blend_band);
        let reading = |leg: i64| Reading {
            share: Ppm::new(900_000),
            units: 1_000,
            leg: Some(NanoLog::new(leg)),
            weight: params.blend_share,
            pressure: NanoLog::ZERO,
        };
        assert_eq!(reading(14_100_000_000).blend(price, &params).minus(price).nanos(), 35_000_000);
        assert_eq!(reading(20_000_000_000).blend(price, &params).minus(price), band);
        assert_eq!(price.minus(reading(0).blend(price, &params)), band);
    }
}
