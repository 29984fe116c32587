//! The complementary filter: a fast estimate of changes over a slow estimate of the level.
//!
//! ```text
//! z = level − spread                       one residual per provider
//! F = mean of the middle fifth of z        fast: each residual a vote, winsorised, never deleted
//! L = mean of the middle half of levels    slow: what the market costs, whoever is in it
//! g += ((L − F) − g) · (1 − 2^(−Δt / 84 h)), at most 1 % a day
//! price leg = F + g
//! ```
//!
//! Invariants:
//! - only a tick that publishes from quotes moves the anchor, the band and what is remembered of a provider's distance;
//! - the band, the spreads and the weights of a tick do not depend on the prices of that tick, so that the index never falls when a
//!   quote rises.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{MicroUsd, Nanos, NanosSpan, Ppm};

use crate::attendance::{Attendance, Footing};
use crate::ballot::{Ballot, Estimate, ballots, estimate, owners};
use crate::cluster::{ClusterId, ProviderId};
use crate::confidence::{Dispersion, half_width, multiplied, sigma};
use crate::confirmation::Confirmation;
use crate::explain::{Explanation, Gate};
use crate::explaining::{Told, tell};
use crate::gates::{Crowd, gates};
use crate::ladder::{Ladder, RUNG_RECENT, RUNG_WIDENS};
use crate::log::{Closing, NanoLog, closed_part};
use crate::member::{Member, Seen};
use crate::params::Params;
use crate::print::{METHODOLOGY, Print, State, Withheld};
use crate::utilisation::{Reading, Utilisation};

/// The anchor's own scale per billionth: steps far below a billionth must add up.
const ANCHOR_PER_NANO: i64 = 1_000_000;
/// An unconfirmed move doubles the confidence.
const JUMP_WIDENS: Ppm = Ppm::new(2_000_000);
const DAY_NANOS: i128 = 86_400_000_000_000;

/// The quotes of one tick, in the order of their providers, of each one.
pub(crate) type Seens<'a> = Vec<(&'a ProviderId, Seen<'a>)>;

/// A founded index.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Filter {
    pub(crate) members: BTreeMap<ProviderId, Member>,
    /// The slow part: g, in millionths of a billionth.
    anchor: i64,
    /// The slow mean of the votes' deviation, from which the winsor band follows.
    pub(crate) deviation: NanoLog,
    dispersion: Dispersion,
    confirmation: Confirmation,
    utilisation: Utilisation,
    ladder: Ladder,
    epoch_ends_at: Nanos,
    /// Whether the spreads are still those of the founding tick.
    is_first_epoch: bool,
    is_calibrated: bool,
    /// Since when no tick has had enough quotes.
    silent_since: Option<Nanos>,
}

/// When a tick is, how long after the one before, and how much of every slow thing that is worth.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// The tick.
    pub(crate) now: Nanos,
    /// Since the tick before.
    pub(crate) elapsed: NanosSpan,
    /// How much of a lease fades.
    pub(crate) leases: Closing,
    /// How far a weight goes towards its target.
    pub(crate) weights: Closing,
    /// How far a usual discount goes towards the one that was seen.
    pub(crate) discounts: Closing,
}

impl Step {
    /// A tick at `now`, `elapsed` after the one before.
    pub(crate) fn new(now: Nanos, elapsed: NanosSpan, params: &Params) -> Self {
        let leases = Closing::of(elapsed, params.lease_half_life);
        let weights = Closing::of(elapsed, params.weight_half_life);
        let discounts = Closing::of(elapsed.min(params.lease_half_life), params.discount_half_life);
        Self { now, elapsed, leases, weights, discounts }
    }
}

/// What the quotes of a tick come to.
pub(crate) struct Outcome {
    pub(crate) estimate: Estimate,
    pub(crate) crowd: Crowd,
    pub(crate) reading: Option<Reading>,
    /// The anchor after the tick.
    pub(crate) anchor: i64,
    /// The index from prices alone.
    pub(crate) price_leg: NanoLog,
    /// The index.
    pub(crate) value: NanoLog,
}

impl Filter {
    /// An index with these founding members.
    pub(crate) fn new(members: BTreeMap<ProviderId, Member>, now: Nanos, params: &Params) -> Self {
        Self {
            members,
            anchor: 0,
            deviation: NanoLog::ZERO,
            dispersion: Dispersion::default(),
            confirmation: Confirmation::default(),
            utilisation: Utilisation::new(params),
            ladder: Ladder::default(),
            epoch_ends_at: now + params.epoch_first,
            is_first_epoch: true,
            is_calibrated: false,
            silent_since: None,
        }
    }

    /// Whether quotes have been too few for as long as a probation takes: who has come meanwhile can only be compared with each other.
    pub(crate) fn is_forsaken(&self, now: Nanos, params: &Params) -> bool {
        self.silent_since.is_some_and(|since| params.probation <= now.since(since))
    }

    /// Whether a provider votes, or has been there for its probation.
    pub(crate) fn has_served(&self, provider: &ProviderId, now: Nanos, params: &Params) -> bool {
        self.members.get(provider).is_some_and(|member| member.has_served(now, params))
    }

    /// Takes a futures mark, for the case that quotes fail.
    pub(crate) fn set_mark(&mut self, at: Nanos, mark: NanoLog) {
        self.ladder.set_mark(at, mark);
    }

    /// Takes one tick's quotes and says what the index is, and to whom it matters, why.
    pub(crate) fn tick(
        &mut self,
        step: Step,
        seens: &Seens<'_>,
        params: &Params,
        mut told: Option<&mut Explanation>,
    ) -> Print {
        self.attend(step, seens, params);
        let step = Step { elapsed: step.elapsed.min(params.elapsed_max), ..step };
        self.turn_epoch(step, params);
        let owners = owners(self.members.values());
        let owned = self.members.values().zip(owners.iter().copied());
        let attendance = Attendance::of(owned, step.now, params);
        let footing = attendance.footing(params);
        let counts = |member: &Member| footing != Ok(Footing::Transacted) || member.is_transacted();
        let ballots = ballots(&self.members, &owners, counts, params);
        let outcome = match footing {
            Ok(_) => self.outcome(&ballots, step, params).ok_or(Withheld::NoWeight),
            Err(reason) => Err(reason),
        };
        let reading = match &outcome {
            Ok(outcome) => outcome.reading,
            Err(_) => {
                // What is carried says nothing about units of now.
                let is_there = |member: &Member| member.is_present && counts(member);
                let there = crate::ballot::ballots(&self.members, &owners, is_there, params);
                self.utilisation.read(&there, params)
            }
        };
        if let Some(told) = told.as_deref_mut() {
            let whole = Told { filter: self, ballots: &ballots, step, params };
            tell(told, &whole, outcome.as_ref().ok());
        }
        let (print, gates) = match (outcome, footing) {
            (Ok(outcome), Ok(footing)) => {
                self.silent_since = None;
                self.publish(step, (attendance, footing), &outcome, params)
            }
            (Err(reason), _) | (_, Err(reason)) => {
                self.silent_since = self.silent_since.or(Some(step.now));
                self.confirmation.interrupt();
                (self.stand_in(step, &attendance, (reason, reading), params), Vec::new())
            }
        };
        if let Some(told) = told {
            told.gates = gates;
        }
        print
    }

    fn attend(&mut self, step: Step, seens: &Seens<'_>, params: &Params) {
        self.members.retain(|_, member| step.now.since(member.quote.at) <= params.forgotten);
        // Both are in the order of the names, so one walk finds every pair.
        let mut rest = seens.iter().peekable();
        let mut unknown = Vec::new();
        for (provider, member) in &mut self.members {
            while let Some(other) = rest.next_if(|(seen, _)| *seen < provider) {
                unknown.push(other);
            }
            let seen = rest.next_if(|(seen, _)| *seen == provider);
            member.attend(seen.map(|(_, seen)| seen), &step, params);
        }
        unknown.extend(rest);
        let room = usize::try_from(params.members_max).unwrap_or(usize::MAX);
        let room = room.saturating_sub(self.members.len());
        for &(provider, ref seen) in unknown.into_iter().take(room) {
            let mut newcomer = Member::newcomer(seen, step.now, params);
            newcomer.attend(Some(seen), &step, params);
            self.members.insert(provider.clone(), newcomer);
        }
    }

    fn turn_epoch(&mut self, step: Step, params: &Params) {
        if !self.is_calibrated && self.epoch_ends_at <= step.now + params.calibration_lead {
            self.is_calibrated = true;
            self.members.values_mut().for_each(|member| member.calibrate(params));
        }
        if self.epoch_ends_at <= step.now {
            self.is_calibrated = false;
            self.epoch_ends_at = step.now + params.epoch;
            self.members.values_mut().for_each(Member::turn_epoch);
            if self.is_first_epoch {
                self.is_first_epoch = false;
                self.replace_founding_spreads(step, params);
            }
        }
        self.members.values_mut().for_each(|member| member.roll_spread(step.elapsed, params));
    }

    /// The spreads of one tick give way to those of a week at once; the anchor takes up the difference, so that the index does not move.
    fn replace_founding_spreads(&mut self, step: Step, params: &Params) {
        let before = self.fast(step, params);
        self.members.values_mut().for_each(Member::take_spread);
        let after = self.fast(step, params);
        if let (Some(before), Some(after)) = (before, after) {
            let moved = before.minus(after).nanos().saturating_mul(ANCHOR_PER_NANO);
            self.anchor = self.anchor.saturating_add(moved);
        }
    }

    fn fast(&self, step: Step, params: &Params) -> Option<NanoLog> {
        let owners = owners(self.members.values());
        let ballots = ballots(&self.members, &owners, |_| true, params);
        Some(estimate(&ballots, self.deviation, step.now, params)?.fast)
    }

    /// What these ballots come to, from the state that the ticks before have left.
    pub(crate) fn outcome(
        &self,
        ballots: &[Ballot<'_>],
        step: Step,
        params: &Params,
    ) -> Option<Outcome> {
        let estimate = estimate(ballots, self.deviation, step.now, params)?;
        let (anchor, price_leg) = self.followed(&estimate, step.elapsed, params);
        let reading = self.utilisation.read(ballots, params);
        let value = reading.map_or(price_leg, |reading| reading.blend(price_leg, params));
        let crowd = Crowd::of(ballots);
        Some(Outcome { estimate, crowd, reading, anchor, price_leg, value })
    }

    /// The anchor moved towards the level, and the price leg.
    fn followed(&self, estimate: &Estimate, elapsed: NanosSpan, params: &Params) -> (i64, NanoLog) {
        let scaled = |log: NanoLog| log.nanos().saturating_mul(ANCHOR_PER_NANO);
        let gap = scaled(estimate.level.minus(estimate.fast)).saturating_sub(self.anchor);
        let most =
            i128::from(scaled(params.anchor_per_day)).saturating_mul(i128::from(elapsed.nanos()));
        let most = i64::try_from(div_floor(most, DAY_NANOS)).unwrap_or(i64::MAX);
        let step = closed_part(gap, elapsed, params.anchor_half_life);
        let anchor = self.anchor.saturating_add(step.clamp(most.saturating_neg(), most));
        // Rounded once, and as a whole: the sum is monotone in the votes, its rounded parts would not be.
        let scale = i128::from(ANCHOR_PER_NANO);
        let sum = i128::from(estimate.fast.nanos())
            .saturating_mul(scale)
            .saturating_add(i128::from(anchor));
        let sum = div_half_even(sum, scale);
        (anchor, NanoLog::new(i64::try_from(sum).unwrap_or(i64::MAX)))
    }

    fn publish(
        &mut self,
        step: Step,
        (attendance, footing): (Attendance, Footing),
        outcome: &Outcome,
        params: &Params,
    ) -> (Print, Vec<Gate>) {
        self.anchor = outcome.anchor;
        let Some(price) = outcome.value.price() else {
            let refused = Print::withheld(step.now, Withheld::OutOfRange, attendance.voting);
            return (refused, Vec::new());
        };
        let estimate = &outcome.estimate;
        let is_wide = self.dispersion.take(sigma(estimate.deviation), params);
        let jump = self.confirmation.jump(outcome.value, params);
        let is_believed = self.believe(outcome.value, step.elapsed, params);
        self.remember(step, outcome, params);

        let voices = outcome.crowd.voices;
        let mut conf =
            half_width(&estimate.votes, estimate.deviation, voices, estimate.age, params);
        if footing != Footing::Full {
            conf = multiplied(conf, RUNG_WIDENS);
        }
        if !is_believed {
            conf = multiplied(conf, JUMP_WIDENS);
        }
        let gates = gates(&attendance, outcome, (conf, is_wide, jump), params);
        let is_passed = gates.iter().all(|gate| gate.is_open);
        let state = match footing {
            _ if !is_believed => State::Unconfirmed,
            Footing::Recent | Footing::Transacted => State::Fallback(RUNG_RECENT),
            Footing::Full if is_passed => State::Ok,
            Footing::Full => State::LowConf,
        };
        if is_believed {
            let good = (outcome.value, conf, state == State::Ok);
            self.ladder.believe(step.now, good, outcome.reading.as_ref(), params);
        }
        let leg = outcome.reading.and_then(|reading| reading.leg);
        let print = Print {
            at: step.now,
            value: Some(price),
            conf,
            state,
            providers: attendance.voting,
            voices,
            top_share: outcome.crowd.top_share,
            price_leg: outcome.price_leg.price(),
            utilisation_leg: leg.and_then(NanoLog::price),
            utilisation: outcome.reading.map(|reading| reading.share),
            methodology: METHODOLOGY,
        };
        (print, gates)
    }

    /// What the ladder has when there are too few quotes; a refusal if it has nothing.
    fn stand_in(
        &self,
        step: Step,
        attendance: &Attendance,
        (reason, reading): (Withheld, Option<Reading>),
        params: &Params,
    ) -> Print {
        let refused = Print {
            utilisation: reading.map(|reading| reading.share),
            ..Print::withheld(step.now, reason, attendance.voting)
        };
        let Some(found) = self.ladder.stand_in(step.now, reading.as_ref(), params) else {
            return refused;
        };
        let Some(price) = found.value.price().filter(|price| MicroUsd::ZERO < *price) else {
            return refused;
        };
        let (conf, state) = (found.conf, State::Fallback(found.rung));
        Print { value: Some(price), conf, state, ..refused }
    }

    /// Whether the value may be believed: it is near the last believed one, or others moved along, or it has stood long enough.
    fn believe(&mut self, value: NanoLog, elapsed: NanosSpan, params: &Params) -> bool {
        if let Some(jump) = self.confirmation.jump(value, params) {
            let movers: BTreeSet<&ClusterId> = self
                .members
                .values()
                .filter(|member| moved_along(member, jump, params))
                .map(|member| &member.cluster)
                .collect();
            let has_company =
                params.confirm_others < u32::try_from(movers.len()).unwrap_or(u32::MAX);
            if !has_company && !self.confirmation.stands(jump, params) {
                return false;
            }
        }
        self.confirmation.accept(value, elapsed, params);
        for member in self.members.values_mut() {
            member.accepted_level = member.level;
        }
        true
    }

    fn remember(&mut self, step: Step, outcome: &Outcome, params: &Params) {
        let gap = outcome.estimate.deviation.minus(self.deviation).nanos();
        let moved = NanoLog::new(closed_part(gap, step.elapsed, params.band_half_life));
        self.deviation = self.deviation.plus(moved);
        for member in self.members.values_mut() {
            member.deviate_from(outcome.estimate.fast, params);
            member.admit(step.now, params);
        }
        let reading = outcome.reading.as_ref();
        self.utilisation.remember(step.now, reading, outcome.price_leg, params);
    }
}

/// Whether a present voter moved the same way as the index, by enough of its move.
fn moved_along(member: &Member, jump: NanoLog, params: &Params) -> bool {
    if !member.is_present || !member.is_voter() {
        return false;
    }
    let moved = member.level.minus(member.accepted_level);
    let wanted = jump.times(params.confirm_share);
    if NanoLog::ZERO < jump { wanted <= moved } else { moved <= wanted }
}

/// The anchor in billionths.
pub(crate) fn anchor_log(anchor: i64) -> NanoLog {
    let log = div_half_even(i128::from(anchor), i128::from(ANCHOR_PER_NANO));
    NanoLog::new(i64::try_from(log).unwrap_or(0))
}
