//! What an index remembers of one provider: its last quote, its standing, and how far it usually is from the others.
//!
//! Invariants:
//! - attendance lies between nothing and full, falls only while the provider is absent, and is nothing after the fade-out;
//! - a spread moves by at most the daily limit, and only towards its target.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{MicroUsd, Nanos, NanosSpan, Ppm};

use crate::administered::Administered;
use crate::cluster::ClusterId;
use crate::daily::Volume;
use crate::filter::Step;
use crate::leases::{Leased, Leases};
use crate::log::NanoLog;
use crate::observation::{Observation, Units};
use crate::params::Params;
use crate::tier::Tier;

/// Full attendance. Fine enough that a tick of a microsecond still counts.
const FULL: i64 = 1_000_000_000_000;
const PPM_PER_ONE: i128 = 1_000_000;
/// More than a hundred thousand GPUs for a month.
const WEIGHT_MAX: i128 = 1_000_000_000_000;
const DAY: NanosSpan = NanosSpan::from_seconds(86_400);

/// What a provider said, as the filter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Quote {
    /// What it asks.
    pub(crate) price: MicroUsd,
    /// The logarithm of that.
    pub(crate) ask: NanoLog,
    /// What its listings weigh.
    pub(crate) listings: Ppm,
    /// What it is worth as evidence.
    pub(crate) tier: Tier,
    /// Stake bonded over stake required.
    pub(crate) stake: Ppm,
    /// Its units, if it said.
    pub(crate) units: Option<Units>,
    /// What it was paid, if anything.
    pub(crate) lease: Option<Leased>,
    /// When it was seen.
    pub(crate) at: Nanos,
}

impl Quote {
    /// What an observation says.
    pub(crate) fn of(observation: &Observation, params: &Params) -> Self {
        let lease = observation.lease().map(|lease| Leased {
            // The constructor refused every price without one.
            level: NanoLog::of(lease.price).unwrap_or_default(),
            seconds: lease.gpu_seconds.seconds(),
        });
        Self {
            price: observation.price(),
            ask: observation.level(),
            listings: observation.weight(params),
            tier: observation.tier(),
            stake: observation.stake(),
            units: observation.units(),
            lease,
            at: observation.at(),
        }
    }
}

/// A quote and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// What was said.
    pub(crate) quote: Quote,
    /// Who owns the provider.
    pub(crate) cluster: &'a ClusterId,
    /// How it came.
    pub(crate) route: &'a ClusterId,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Member {
    /// Its last quote, in this tick or an earlier one.
    pub(crate) quote: Quote,
    /// Its log price: what it leases and what it asks, each for what it is worth.
    pub(crate) level: NanoLog,
    /// Who owns it.
    pub(crate) cluster: ClusterId,
    /// How its last quote came.
    pub(crate) route: ClusterId,
    /// Whether that was in this tick.
    pub(crate) is_present: bool,
    /// Its level when the index was last accepted.
    pub(crate) accepted_level: NanoLog,
    /// What it leased, by price.
    pub(crate) leases: Leases,
    /// What it leased, in GPU-seconds by day.
    volume: Volume,
    /// What it weighs with full attendance, in millionths of one listing; follows its target slowly.
    weight: u64,
    /// How much of that is for its listings.
    listed: u64,
    administered: Administered,
    standing: Standing,
    deviations: Deviations,
}

/// Whether a provider votes yet.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Standing {
    /// Watched since `since`: quoted in so many of so many ticks.
    Probation { since: Nanos, quoted: u64, ticks: u64 },
    /// Votes with its level less its spread.
    Voter { spread: Spread, attendance: i64 },
}

/// How far a provider's level is from the others', for this epoch.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Spread {
    now: NanoLog,
    target: NanoLog,
    next: Option<NanoLog>,
}

/// The running mean of a provider's distance from the fast estimate.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Deviations {
    sum: i128,
    count: u64,
}

impl Deviations {
    fn add(&mut self, deviation: NanoLog) {
        self.sum = self.sum.saturating_add(i128::from(deviation.nanos()));
        self.count = self.count.saturating_add(1);
    }

    fn mean(&self) -> Option<NanoLog> {
        if self.count == 0 {
            return None;
        }
        i64::try_from(div_half_even(self.sum, i128::from(self.count))).ok().map(NanoLog::new)
    }
}

impl Member {
    /// A provider that is seen for the first time.
    pub(crate) fn newcomer(seen: &Seen<'_>, now: Nanos, params: &Params) -> Self {
        Self::with(seen, Standing::Probation { since: now, quoted: 0, ticks: 0 }, params)
    }

    /// Of the founding tick: it votes at once, with the distance it has from the founding level.
    pub(crate) fn found(&mut self, level: NanoLog) {
        let spread = self.level.minus(level);
        let spread = Spread { now: spread, target: spread, next: None };
        self.standing = Standing::Voter { spread, attendance: FULL };
    }

    fn with(seen: &Seen<'_>, standing: Standing, params: &Params) -> Self {
        // Its lease is taken when it attends.
        let quote = Quote { at: Nanos::new(0), lease: None, ..seen.quote };
        let mut member = Self {
            quote,
            level: quote.ask,
            cluster: seen.cluster.clone(),
            route: seen.route.clone(),
            is_present: true,
            accepted_level: quote.ask,
            leases: Leases::default(),
            volume: Volume::default(),
            weight: 0,
            listed: 0,
            administered: Administered::default(),
            standing,
            deviations: Deviations::default(),
        };
        (member.weight, member.listed) = member.target_weight(seen.quote.at, params);
        member
    }

    /// Takes this tick's quote, or notes that there is none.
    pub(crate) fn attend(&mut self, seen: Option<&Seen<'_>>, step: &Step, params: &Params) {
        self.is_present = seen.is_some();
        self.leases.fade(step.leases);
        let before = self.quote;
        let lease = seen.and_then(|seen| self.take(seen, params));
        self.weigh(step, params);
        if before.at < self.quote.at {
            // After the weight: no price of this tick changes a weight of it.
            self.learn(before.ask, lease, step, params);
        }
        match &mut self.standing {
            Standing::Probation { quoted, ticks, .. } => {
                *quoted = quoted.saturating_add(u64::from(self.is_present));
                *ticks = ticks.saturating_add(1);
            }
            Standing::Voter { attendance, .. } => {
                let moved = if self.is_present {
                    // One quote after a long silence is not yet attendance.
                    ramp(step.elapsed.min(params.cadence), params.fade_in)
                } else {
                    ramp(step.elapsed, params.fade_out).saturating_neg()
                };
                *attendance = attendance.saturating_add(moved).clamp(0, FULL);
            }
        }
    }

    /// Takes a quote, and its lease if it was not shown before; that lease.
    fn take(&mut self, seen: &Seen<'_>, params: &Params) -> Option<Leased> {
        let (quote, is_new) = (seen.quote, self.quote.at < seen.quote.at);
        if self.cluster != *seen.cluster {
            self.cluster = seen.cluster.clone();
        }
        if self.route != *seen.route {
            self.route = seen.route.clone();
        }
        self.quote = quote;
        let asked = self.leases.level(quote.ask, params);
        let is_first = self.leases.is_none();
        let lease = quote.lease.filter(|_| is_new);
        if let Some(lease) = lease {
            self.leases.take(lease);
            self.volume.add(quote.at, lease.seconds);
        }
        self.level = self.leases.level(quote.ask, params);
        if is_first {
            self.splice(self.level.minus(asked));
        }
        lease
    }

    fn learn(&mut self, ask_before: NanoLog, lease: Option<Leased>, step: &Step, params: &Params) {
        let quote = self.quote;
        self.administered.take(ask_before, quote.ask, lease.map(|lease| lease.level), params);
        if let Some(lease) = lease {
            self.leases.learn(lease, &quote, step, params);
        }
    }

    /// The first lease says that the provider was cheaper all along, not that it became cheaper.
    fn splice(&mut self, by: NanoLog) {
        if let Standing::Voter { spread, .. } = &mut self.standing {
            spread.now = spread.now.plus(by);
            spread.target = spread.target.plus(by);
        }
    }

    /// Lets the weight follow what stands behind the quotes: no quantity that is reported at once counts at once.
    fn weigh(&mut self, step: &Step, params: &Params) {
        let (weight, listed) = self.target_weight(step.now, params);
        let signed = |weight: u64| i64::try_from(weight).unwrap_or(i64::MAX);
        let followed = |now: u64, target: u64| {
            let gap = signed(target).saturating_sub(signed(now));
            now.saturating_add_signed(step.weights.of_gap(gap))
        };
        self.weight = followed(self.weight, weight);
        self.listed = followed(self.listed, listed);
    }

    /// Listings and leased GPU-hours, for what the tier and the stake make of them; and the part of the listings alone.
    fn target_weight(&mut self, now: Nanos, params: &Params) -> (u64, u64) {
        let leased =
            i128::from(self.volume.sum(now, params.volume_days)).saturating_mul(PPM_PER_ONE);
        let leased = div_floor(leased, i128::from(params.lease_hours.max(1)).saturating_mul(3_600));
        let listed = i128::from(self.quote.listings.ppm());
        let share = match self.tier() {
            Tier::Settled | Tier::Leased => Ppm::ONE,
            Tier::Offered => params.offered_share,
            Tier::RateCard => params.rate_card_share,
            Tier::Judgement => Ppm::ZERO,
        };
        let counted = |weight: i128| {
            let weight = div_floor(weight.saturating_mul(i128::from(share.ppm())), PPM_PER_ONE);
            let staked = weight.saturating_mul(i128::from(self.quote.stake.ppm()));
            u64::try_from(div_floor(staked, PPM_PER_ONE).clamp(0, WEIGHT_MAX)).unwrap_or(0)
        };
        (counted(leased.saturating_add(listed)), counted(listed))
    }

    /// What its price is worth as evidence: an administered one is worth a rate card.
    pub(crate) fn tier(&self) -> Tier {
        if self.is_administered() { self.quote.tier.max(Tier::RateCard) } else { self.quote.tier }
    }

    /// Whether its prices are set by a rule.
    pub(crate) const fn is_administered(&self) -> bool {
        self.administered.is_marked()
    }

    /// Whether money changed hands behind its price, of late.
    pub(crate) fn is_transacted(&self) -> bool {
        self.tier().is_transacted()
    }

    /// How far it usually is from the others, if it votes.
    pub(crate) fn spread(&self) -> Option<NanoLog> {
        match &self.standing {
            Standing::Probation { .. } => None,
            Standing::Voter { spread, .. } => Some(spread.now),
        }
    }

    /// Whether it votes, now or later, with whatever weight.
    pub(crate) fn is_voter(&self) -> bool {
        matches!(self.standing, Standing::Voter { .. })
    }

    /// Whether it votes, or has quoted often enough for as long as a probation takes.
    pub(crate) fn has_served(&self, now: Nanos, params: &Params) -> bool {
        match self.standing {
            Standing::Voter { .. } => true,
            Standing::Probation { since, quoted, ticks } => {
                params.probation <= now.since(since) && has_attended((quoted, ticks), params)
            }
        }
    }

    /// Its level less its spread, if it votes.
    pub(crate) fn residual(&self) -> Option<NanoLog> {
        self.spread().map(|spread| self.level.minus(spread))
    }

    /// The weight of its quotes at full attendance.
    pub(crate) const fn weight(&self) -> u64 {
        self.weight
    }

    /// How much of that is for its listings.
    pub(crate) const fn listed(&self) -> u64 {
        self.listed
    }

    /// How much of its weight its attendance leaves.
    pub(crate) fn attendance(&self) -> Ppm {
        match &self.standing {
            Standing::Probation { .. } => Ppm::ZERO,
            Standing::Voter { attendance, .. } => {
                let ppm = div_floor(i128::from(*attendance), i128::from(FULL) / PPM_PER_ONE);
                Ppm::new(i64::try_from(ppm).unwrap_or(0))
            }
        }
    }

    /// Its weight times its attendance; nothing on probation.
    pub(crate) fn raw_mass(&self) -> u64 {
        self.attended(self.weight)
    }

    /// How much of that is for its listings.
    pub(crate) fn listed_mass(&self) -> u64 {
        self.attended(self.listed)
    }

    fn attended(&self, weight: u64) -> u64 {
        match &self.standing {
            Standing::Probation { .. } => 0,
            Standing::Voter { attendance, .. } => {
                let product = i128::from(weight).saturating_mul(i128::from(*attendance));
                u64::try_from(div_floor(product, i128::from(FULL))).unwrap_or(u64::MAX)
            }
        }
    }

    /// Records how far it is from the fast estimate, for its next spread.
    pub(crate) fn deviate_from(&mut self, fast: NanoLog, params: &Params) {
        if !self.is_present {
            return;
        }
        let deviation = self.level.minus(fast);
        self.deviations.add(match &self.standing {
            Standing::Probation { .. } => deviation,
            // A wild quote may not drag the next spread further than any vote may reach.
            Standing::Voter { spread, .. } => deviation.within(spread.now, params.band_max),
        });
    }

    /// Ends the probation of a provider that was there for it: its spread is its mean deviation, its weight begins at nothing.
    ///
    /// One that was not there begins again.
    pub(crate) fn admit(&mut self, now: Nanos, params: &Params) {
        let Standing::Probation { since, quoted, ticks } = self.standing else { return };
        if now.since(since) < params.probation || !self.is_present {
            return;
        }
        let attended = has_attended((quoted, ticks), params);
        let spread = self.deviations.mean().filter(|spread| spread.abs() <= params.spread_max);
        self.deviations = Deviations::default();
        self.standing = match spread {
            Some(spread) if attended => {
                let spread = Spread { now: spread, target: spread, next: None };
                Standing::Voter { spread, attendance: 0 }
            }
            Some(_) | None => Standing::Probation { since: now, quoted: 0, ticks: 0 },
        };
    }

    /// Fixes the spread of the next epoch.
    pub(crate) fn calibrate(&mut self, params: &Params) {
        if let Standing::Voter { spread, .. } = &mut self.standing {
            spread.next = self.deviations.mean().filter(|spread| spread.abs() <= params.spread_max);
            self.deviations = Deviations::default();
        }
    }

    /// Begins the next epoch: from now on the spread moves towards what was fixed for it.
    pub(crate) fn turn_epoch(&mut self) {
        if let Standing::Voter { spread, .. } = &mut self.standing
            && let Some(next) = spread.next.take()
        {
            spread.target = next;
        }
    }

    /// Takes the spread of the epoch at once.
    pub(crate) fn take_spread(&mut self) {
        if let Standing::Voter { spread, .. } = &mut self.standing {
            spread.now = spread.target;
        }
    }

    /// Moves the spread towards its target, by no more than the daily limit.
    pub(crate) fn roll_spread(&mut self, elapsed: NanosSpan, params: &Params) {
        if let Standing::Voter { spread, .. } = &mut self.standing {
            let limit = i128::from(params.spread_per_day.nanos())
                .saturating_mul(i128::from(elapsed.nanos()));
            let limit = div_floor(limit, i128::from(DAY.nanos()));
            let limit = NanoLog::new(i64::try_from(limit).unwrap_or(i64::MAX));
            spread.now = spread.target.within(spread.now, limit);
        }
    }
}

/// Whether so many quotes in so many ticks are enough.
fn has_attended((quoted, ticks): (u64, u64), params: &Params) -> bool {
    let wanted = u128::try_from(params.probation_attendance.ppm()).unwrap_or(0);
    u128::from(ticks).saturating_mul(wanted) <= u128::from(quoted).saturating_mul(1_000_000)
}

/// The part of full attendance that `elapsed` is worth.
fn ramp(elapsed: NanosSpan, whole: NanosSpan) -> i64 {
    if whole <= elapsed {
        return FULL;
    }
    let part = i128::from(elapsed.nanos()).saturating_mul(i128::from(FULL));
    i64::try_from(div_floor(part, i128::from(whole.nanos()))).unwrap_or(FULL)
}
