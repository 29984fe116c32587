//! The auditor's hours: what is missing of each, who brought it in the seller's place, and what that costs.

use exchange::HourSettled;
use instruments::rounding::{div_ceil, div_floor};
use instruments::{GpuSeconds, MicroUsd, Nanos};
use settlement::Bought;

use super::deliveries::{Circumstance, Duty, Way};
use super::money::money;

const WHOLE: i128 = 1_000_000;
const BOND_FLOOR_PPM: i128 = 50_000;
const REPLACEMENT_PPM: i128 = 1_150_000;
const REPLACEMENT_CAP: i128 = 3;
const PENALTY_PPM: i128 = 100_000;
const PENALTY_LONG_PPM: i128 = 250_000;
const PENALTY_STEP_SECONDS: i128 = 86_400;
const HOUR_SECONDS: i128 = 3_600;
/// What a missing second undoes of delivered ones.
const MISSED_WEIGHT: i128 = 20;
/// GPU-hours from which a bond is this part of what is to be delivered.
const BOND_TIERS: [(i128, i128); 4] =
    [(0, 250_000), (10_000, 200_000), (50_000, 150_000), (200_000, 100_000)];

/// GPU-seconds that a provider has delivered and failed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Record {
    pub(super) verified: i128,
    pub(super) missed: i128,
}

impl Record {
    pub(super) fn bond_ppm(self) -> i128 {
        let counts = (self.verified - MISSED_WEIGHT * self.missed).max(0);
        let mut reached = BOND_TIERS.iter().filter(|(hours, _)| hours * HOUR_SECONDS <= counts);
        reached.next_back().map_or(0, |(_, ppm)| *ppm)
    }
}

/// What is missing of an hour, in millionths of GPU-seconds.
struct Lack {
    charged: i128,
    tolerated: i128,
    /// By provider, in the order of the intervals.
    stood_in: Vec<(instruments::AccountId, i128)>,
}

impl Duty {
    fn intervals_of(&self, hour: u32) -> std::ops::Range<u32> {
        let per_hour = self.terms.schedule.close_out.intervals_per_hour;
        let from = hour.saturating_mul(per_hour);
        from.min(self.count)..from.saturating_add(per_hour).min(self.count)
    }

    /// Whether all of an hour has ended, or the close ends it; and nothing can still excuse it.
    pub(super) fn may_settle(&self, hour: u32, now: Nanos) -> bool {
        let has_ended = |index| self.intervals.get(&index) == Some(&Way::Settled);
        let is_closing = self.terms.schedule.close_at <= now;
        let waits = self
            .ladder
            .waits()
            .is_some_and(|first| first / self.terms.schedule.close_out.intervals_per_hour <= hour);
        !self.hours.contains(&hour)
            && !self.intervals_of(hour).is_empty()
            && (is_closing || self.intervals_of(hour).all(has_ended) && !waits)
    }

    /// Whether no hour in which anything is missing is left unsettled.
    pub(super) fn owes_no_hour(&self) -> bool {
        let per_hour = self.terms.schedule.close_out.intervals_per_hour;
        let hours = self.count.div_ceil(per_hour);
        (0..hours)
            .filter(|hour| !self.hours.contains(hour))
            .all(|hour| self.lack(hour).charged == 0)
    }

    fn lack(&self, hour: u32) -> Lack {
        let seconds = self.interval_seconds();
        let (mut missing, mut stood_in) = (0, Vec::<(instruments::AccountId, i128)>::new());
        for index in self.intervals_of(hour) {
            let Some(counts) = self.counted.get(&index) else { continue };
            let owed = WHOLE - self.unjudged.get(&index).copied().unwrap_or(0);
            match self.ladder.stand_in(index) {
                Some(provider) => {
                    missing += seconds * owed;
                    if stood_in.last().is_none_or(|(last, _)| *last != provider) {
                        stood_in.push((provider, 0));
                    }
                    if let Some((_, part)) = stood_in.last_mut() {
                        *part += seconds * counts;
                    }
                }
                None if self.ladder.is_excused(index) => {}
                None => missing += seconds * (owed - counts),
            }
        }
        let close_out = &self.terms.schedule.close_out;
        let from = self.intervals_of(hour).start;
        let day = from / close_out.intervals_per_day;
        let starts = day.saturating_mul(close_out.intervals_per_day);
        let ends = starts.saturating_add(close_out.intervals_per_day);
        let whole_day =
            i128::from(ends.min(self.terms.schedule.intervals) - starts.min(ends)) * seconds;
        let allowed = whole_day * i128::from(close_out.tolerance.ppm());
        let used = self.tolerated.get(&day).copied().unwrap_or(0);
        let tolerated = missing.min(allowed - used);
        let charged = missing - tolerated;
        let mut left = charged;
        for (_, part) in &mut stood_in {
            *part = left.min(*part);
            left -= *part;
        }
        Lack { charged, tolerated, stood_in }
    }

    /// Books the hour. What it adds to the seller's record, or nothing when an amount is not what the rule book gives.
    pub(super) fn settle_hour(
        &mut self,
        event: &HourSettled,
        bought: &[Bought],
        here: &Circumstance<'_>,
    ) -> Option<i128> {
        let lack = self.lack(event.hour);
        let range = self.intervals_of(event.hour);
        self.hours.insert(event.hour);
        let day = range.start / self.terms.schedule.close_out.intervals_per_day;
        *self.tolerated.entry(day).or_default() += lack.tolerated;
        let missed = div_ceil(lack.charged, WHOLE);
        self.sums.missed += GpuSeconds::new(u64::try_from(missed).ok()?);

        let price = i128::from(self.terms.per_hour(self.price).micros());
        let index = here.index.get(&self.terms.grade).copied().flatten();
        let index = index.map_or(price, |value| i128::from(value.micros()));
        let replacement = div_ceil(index * REPLACEMENT_PPM, WHOLE);
        let dearer = |elsewhere: i128| (elsewhere.min(price * REPLACEMENT_CAP) - price).max(0);
        let per_hour = HOUR_SECONDS * WHOLE;
        let owed_to = |part: i128| div_floor(part * dearer(replacement), per_hour);
        let mut owed: Vec<(instruments::AccountId, i128)> =
            lack.stood_in.iter().map(|(who, part)| (*who, owed_to(*part))).collect();
        let covered: i128 = lack.stood_in.iter().map(|(_, part)| part).sum();
        let (mut left, mut product) = (lack.charged - covered, 0);
        for part in bought {
            let compute = left.min(i128::from(part.compute.seconds()) * WHOLE);
            product += compute * dearer(i128::from(part.price.micros()));
            left -= compute;
        }
        let to_buyer = div_floor(product + left * dearer(replacement), per_hour);
        let is_long = PENALTY_STEP_SECONDS * self.lots < i128::from(self.sums.missed.seconds());
        let rate = if is_long { PENALTY_LONG_PPM } else { PENALTY_PPM };
        let penalty = div_floor(lack.charged * price * rate, per_hour * WHOLE);
        owed.push((self.buyer, to_buyer + penalty));

        let of = |amount: MicroUsd| i128::from(amount.micros());
        let settled = &event.settled;
        let all: i128 = owed.iter().map(|(_, amount)| amount).sum();
        let received: i128 = settled.received.iter().map(|(_, amount)| of(*amount)).sum();
        let in_turn = in_turn(&owed, received);
        self.sums.compensation += money(all - penalty);
        self.sums.penalty += money(penalty);
        self.sums.shortfall_paid += money(received - of(settled.insured));
        self.sums.insured += settled.insured;
        self.sums.unpaid += settled.unpaid;
        self.bond -= all.min(self.bond);
        let released = self.release(range);
        let is_right = of(event.replacement) == replacement
            && i128::from(settled.missing.seconds()) == missed
            && i128::from(settled.tolerated.seconds()) == div_floor(lack.tolerated, WHOLE)
            && i128::from(settled.stood_in.seconds()) == div_floor(covered, WHOLE)
            && of(settled.compensation) == all - penalty
            && of(settled.penalty) == penalty
            && received + of(settled.unpaid) == all
            && (0..=received).contains(&of(settled.insured))
            && settled.received == in_turn
            && of(settled.bond_released) == released;
        is_right.then_some(missed)
    }

    /// What the bond no longer holds after an hour of which the seller has delivered something.
    fn release(&mut self, hour: std::ops::Range<u32>) -> i128 {
        let is_sellers = |index: u32| {
            let counts = self.counted.get(&index).copied().unwrap_or(0);
            0 < counts && self.ladder.stand_in(index).is_none()
        };
        if !hour.into_iter().any(is_sellers) {
            return 0;
        }
        let needed = div_ceil(self.unsettled * self.bond_ppm, WHOLE)
            .max(div_ceil(self.notional * BOND_FLOOR_PPM, WHOLE));
        let released = (self.bond - needed).max(0);
        self.bond -= released;
        released
    }
}

/// Whoever comes first receives all of its part before the next one receives anything.
fn in_turn(
    owed: &[(instruments::AccountId, i128)],
    received: i128,
) -> Vec<(instruments::AccountId, MicroUsd)> {
    let mut rest = received;
    let part = |(who, amount): &(instruments::AccountId, i128)| {
        let part = rest.min(*amount);
        rest -= part;
        (0 < part).then_some((*who, money(part)))
    };
    owed.iter().filter_map(part).collect()
}
