//! What is missing of an hour, and what that costs.
//!
//! For a shortfall of `u` GPU-hours at settlement price `S`, with the replacement at `R` (at most three times `S`), the seller forfeits
//! `S u` and owes `u max(0, R - S)` as compensation and `pi S u` as penalty. Whoever brought the replacement receives the compensation:
//! a provider that stood in, else the buyer. Every amount is rounded down once, at its end.
//!
//! Compute is counted in millionths of GPU-seconds here, because a quality is in millionths: nothing is rounded before money is.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_floor;
use instruments::{AccountId, GpuSeconds, Instrument, MicroUsd, Ppm};

use crate::ledger::{Bucket, Ledger};
use crate::obligation::{IntervalState, Obligation};
use crate::position::saturate;
use crate::shortfall::{collect, drain_bond};

/// The replacement price counts up to this multiple of the settlement price: the seller's risk has an end.
const REPLACEMENT_CAP: i64 = 3;
/// Of the price of what is missing, the penalty.
const PENALTY: Ppm = Ppm::new(100_000);
/// The same once more than [`PENALTY_STEP_SECONDS`] per GPU are missing: a host that is gone, not a hiccup.
const PENALTY_LONG: Ppm = Ppm::new(250_000);
/// The same of what the seller had said would be missing.
const PENALTY_DECLARED: Ppm = Ppm::new(20_000);
/// 24 hours.
const PENALTY_STEP_SECONDS: u64 = 86_400;
const SECONDS_PER_HOUR: i128 = 3_600;
const MILLION: u128 = 1_000_000;

/// What was tolerated of each day, in millionths of GPU-seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tolerated {
    by_day: BTreeMap<u32, u128>,
}

/// What is missing of one hour, in millionths of GPU-seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortfall {
    /// What the seller answers for.
    pub charged: u128,
    /// How much of that it had said in time.
    pub declared: u128,
    /// What it does not, because that little may be missing of a day.
    pub tolerated: u128,
    /// What others delivered of the former in its place, in the order of the intervals.
    pub stood_in: Vec<(AccountId, u128)>,
}

/// What it costs to get elsewhere what is missing.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// Dollars per GPU-hour, uncapped, for what nobody bought.
    pub price: MicroUsd,
    /// What was bought for the buyer, in order.
    pub bought: &'a [Bought],
}

/// Compute that was bought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bought {
    /// How much.
    pub compute: GpuSeconds,
    /// Dollars per GPU-hour.
    pub price: MicroUsd,
}

/// How the money of an hour moved beside that of its intervals.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HourSettled {
    /// What the seller answers for, rounded up.
    pub missing: GpuSeconds,
    /// What was tolerated, rounded down.
    pub tolerated: GpuSeconds,
    /// What others delivered in its place, rounded down.
    pub stood_in: GpuSeconds,
    /// Owed for what the replacement costs more.
    pub compensation: MicroUsd,
    /// Owed on top of it.
    pub penalty: MicroUsd,
    /// Who received how much of these two: those who stood in, then the buyer.
    pub received: Vec<(AccountId, MicroUsd)>,
    /// What of that the insurance fund paid.
    pub insured: MicroUsd,
    /// What nobody could pay.
    pub unpaid: MicroUsd,
    /// From the bond back to the seller.
    pub bond_released: MicroUsd,
}

impl Shortfall {
    /// What nobody delivered.
    #[must_use]
    pub fn uncovered(&self) -> u128 {
        let covered = self.stood_in.iter().fold(0_u128, |sum, (_, part)| sum.saturating_add(*part));
        self.charged.saturating_sub(covered)
    }
}

impl Obligation {
    /// The intervals of an hour: the first, and the first of the next.
    #[must_use]
    pub fn intervals_of(&self, instrument: &Instrument, hour: u32) -> (u32, u32) {
        let per_hour = instrument.schedule.close_out.intervals_per_hour;
        let from = hour.saturating_mul(per_hour);
        (from.min(self.interval_count()), from.saturating_add(per_hour).min(self.interval_count()))
    }

    /// Whether every interval of an hour has ended, and its money has not moved.
    #[must_use]
    pub fn can_settle(&self, instrument: &Instrument, hour: u32) -> bool {
        let (from, until) = self.intervals_of(instrument, hour);
        let has_ended = |index: u32| self.interval(index).is_some_and(IntervalState::has_ended);
        !self.is_settled(hour) && from < until && (from..until).all(has_ended)
    }

    /// Whether the money of an hour has moved.
    #[must_use]
    pub fn is_settled(&self, hour: u32) -> bool {
        let place = usize::try_from(hour).ok().and_then(|at| self.hours.get(at));
        place.copied().unwrap_or(true)
    }

    /// What is missing of an hour through the seller's fault. What has not ended, or what nobody could judge, is not.
    #[must_use]
    pub fn shortfall(&self, instrument: &Instrument, hour: u32) -> Shortfall {
        let (from, until) = self.intervals_of(instrument, hour);
        let compute = u128::from(self.interval_compute(instrument).seconds());
        let whole = compute.saturating_mul(MILLION);
        let (mut missing, mut declared) = (0_u128, 0_u128);
        let mut covered = Vec::<(AccountId, u128)>::new();
        for index in from..until {
            let Some((counts, unjudged)) = self.interval(index).and_then(shares) else { continue };
            let delivered = compute.saturating_mul(counts);
            let owed = whole.saturating_sub(compute.saturating_mul(unjudged));
            let lacks = match self.stand_in(index) {
                None if self.is_excused(index) => 0,
                None => owed.saturating_sub(delivered),
                Some(provider) => {
                    match covered.last_mut() {
                        Some((last, part)) if *last == provider => {
                            *part = part.saturating_add(delivered);
                        }
                        _ => covered.push((provider, delivered)),
                    }
                    owed
                }
            };
            missing = missing.saturating_add(lacks);
            if self.is_declared(index) {
                declared = declared.saturating_add(lacks);
            }
        }
        let tolerated = missing.min(self.tolerable(instrument, from));
        let charged = missing.saturating_sub(tolerated);
        let mut left = charged;
        for (_, part) in &mut covered {
            *part = left.min(*part);
            left = left.saturating_sub(*part);
        }
        covered.retain(|(_, part)| 0 < *part);
        // What is tolerated is what nobody was told of, as far as there is any.
        Shortfall { charged, declared: declared.min(charged), tolerated, stood_in: covered }
    }

    /// What may still be missing of the day in which an interval lies.
    fn tolerable(&self, instrument: &Instrument, interval: u32) -> u128 {
        let terms = &instrument.schedule.close_out;
        let day = terms.day_of(interval);
        let starts = terms.day_starts_at(day, self.whole);
        let ends = terms.day_starts_at(day.saturating_add(1), self.whole);
        let compute = u128::from(self.interval_compute(instrument).seconds());
        let ppm = u128::try_from(terms.tolerance.ppm()).unwrap_or(0);
        let allowed = compute.saturating_mul(u128::from(ends.saturating_sub(starts)));
        let used = self.tolerated.by_day.get(&day).copied().unwrap_or(0);
        allowed.saturating_mul(ppm).saturating_sub(used)
    }
}

/// How much of an interval counts, and how much nobody could judge, in millionths; `None` where nobody answers for it.
fn shares(state: IntervalState) -> Option<(u128, u128)> {
    let part = |share: Ppm| u128::try_from(share.ppm()).unwrap_or(0);
    match state {
        IntervalState::Delivered { quality, unjudged } => Some((part(quality), part(unjudged))),
        IntervalState::Failed { unjudged, .. } => Some((0, part(unjudged))),
        IntervalState::Unverified
        | IntervalState::Pending
        | IntervalState::Open
        | IntervalState::Challenged { .. }
        | IntervalState::Claimed { .. } => None,
    }
}

/// Moves the money of an hour beside that of its intervals: damages for what is missing, and what the bond no longer needs to hold.
///
/// # Panics
/// When the hour is settled already, or does not exist.
pub fn settle_hour(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    instrument: &Instrument,
    hour: u32,
    replacement: &Replacement<'_>,
) -> HourSettled {
    assert!(!obligation.is_settled(hour), "hour {hour} is settled once");
    let shortfall = obligation.shortfall(instrument, hour);
    let (from, until) = obligation.intervals_of(instrument, hour);
    if let Some(is_settled) = usize::try_from(hour).ok().and_then(|at| obligation.hours.get_mut(at))
    {
        *is_settled = true;
    }
    let day = instrument.schedule.close_out.day_of(from);
    if 0 < shortfall.tolerated {
        let used = obligation.tolerated.by_day.entry(day).or_default();
        *used = used.saturating_add(shortfall.tolerated);
    }
    let stood_in = shortfall.charged.saturating_sub(shortfall.uncovered());
    let mut settled = HourSettled {
        missing: compute(shortfall.charged.div_ceil(MILLION)),
        tolerated: compute(shortfall.tolerated.div_euclid(MILLION)),
        stood_in: compute(stood_in.div_euclid(MILLION)),
        ..HourSettled::default()
    };
    obligation.missed += settled.missing;
    pay_damages(ledger, obligation, instrument, (&shortfall, replacement), &mut settled);
    let is_delivered = |index: u32| {
        let state = obligation.interval(index);
        matches!(state, Some(IntervalState::Delivered { .. }))
            && obligation.stand_in(index).is_none()
    };
    if (from..until).any(is_delivered) {
        settled.bond_released = drain_bond(ledger, obligation);
    }
    settled
}

fn compute(seconds: u128) -> GpuSeconds {
    GpuSeconds::new(u64::try_from(seconds).unwrap_or(u64::MAX))
}

/// What the seller owes for the shortfall of one hour, and to whom. The step of the penalty counts this hour too.
fn pay_damages(
    ledger: &mut Ledger,
    obligation: &mut Obligation,
    instrument: &Instrument,
    (shortfall, replacement): (&Shortfall, &Replacement<'_>),
    settled: &mut HourSettled,
) {
    let price = instrument.per_hour(obligation.settlement_price).micros();
    let dearer = |elsewhere: MicroUsd| {
        let capped = elsewhere.micros().min(price.saturating_mul(REPLACEMENT_CAP));
        i128::from(capped.saturating_sub(price).max(0))
    };
    // Millionths of GPU-seconds; so is the divisor that makes hours of them.
    let per_hour = SECONDS_PER_HOUR.saturating_mul(i128::from(Ppm::ONE.ppm()));
    let times =
        |part: u128, each: i128| i128::try_from(part).unwrap_or(i128::MAX).saturating_mul(each);
    let dollars = |product: i128| saturate(div_floor(product, per_hour));

    let mut owed = Vec::new();
    for (provider, part) in &shortfall.stood_in {
        owed.push((*provider, dollars(times(*part, dearer(replacement.price)))));
    }
    let (mut left, mut product) = (shortfall.uncovered(), 0_i128);
    for bought in replacement.bought {
        let part = left.min(u128::from(bought.compute.seconds()).saturating_mul(MILLION));
        product = product.saturating_add(times(part, dearer(bought.price)));
        left = left.saturating_sub(part);
    }
    let to_buyer = dollars(product.saturating_add(times(left, dearer(replacement.price))));

    let step = PENALTY_STEP_SECONDS.saturating_mul(obligation.lots.lots());
    let is_long = step < obligation.missed.seconds();
    let rate = if is_long { PENALTY_LONG } else { PENALTY };
    let rate_declared = if is_long { PENALTY_LONG } else { PENALTY_DECLARED };
    let undeclared = shortfall.charged.saturating_sub(shortfall.declared);
    let of = |part: u128, rate: Ppm| {
        times(part, i128::from(price)).saturating_mul(i128::from(rate.ppm()))
    };
    let penalty = of(undeclared, rate).saturating_add(of(shortfall.declared, rate_declared));
    settled.penalty =
        saturate(div_floor(penalty, per_hour.saturating_mul(i128::from(Ppm::ONE.ppm()))));
    owed.push((obligation.buyer, to_buyer + settled.penalty));
    let all: MicroUsd = owed.iter().map(|(_, amount)| *amount).sum();
    settled.compensation = all - settled.penalty;
    obligation.compensation += settled.compensation;
    obligation.penalty += settled.penalty;
    for (account, amount) in owed {
        let collected = collect(ledger, obligation, Bucket::Cash(account), amount);
        settled.insured += collected.insured;
        settled.unpaid += collected.unpaid;
        let received = amount - collected.unpaid;
        if MicroUsd::ZERO < received {
            settled.received.push((account, received));
        }
    }
}
