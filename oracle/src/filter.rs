//! The complementary filter: a fast estimate of changes over a slow estimate of the level.
//!
//! ```text
//! z = level − spread                       one residual per provider
//! F = mean of the middle fifth of z        fast: each residual a vote, winsorised, never deleted
//! L = mean of the middle fifth of levels   slow: what the market costs, whoever is in it
//! g += ((L − F) − g) · (1 − 2^(−Δt / 7 d))
//! I = F + g
//! ```
//!
//! Invariants:
//! - only a tick that publishes moves the anchor, the band and what is remembered of a provider's distance;
//! - the band, the spreads and the weights of a tick do not depend on the prices of that tick, so that the index never falls when a
//!   quote rises.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{Nanos, NanosSpan, Ppm};

use crate::cluster::ProviderId;
use crate::confidence::{Dispersion, half_width, multiplied, sigma};
use crate::confirmation::Confirmation;
use crate::founding::{capped, level_of};
use crate::log::{NanoLog, closed_part};
use crate::member::{Member, Quote};
use crate::params::Params;
use crate::print::{METHODOLOGY, Print, State, Withheld};
use crate::votes::{
    Vote, deviation, interquantile_mean, spread_out, top_share, voices, weighted_median, winsorised,
};

/// The anchor's own scale per billionth: steps far below a billionth must add up.
const ANCHOR_PER_NANO: i64 = 1_000_000;
/// Fallback rung 2: one provider short, replaced by a recent quote.
const RUNG_RECENT: u8 = 2;
/// Every rung widens the confidence by half.
const RUNG_WIDENS: Ppm = Ppm::new(1_500_000);
/// An unconfirmed move doubles it.
const JUMP_WIDENS: Ppm = Ppm::new(2_000_000);

/// A founded index.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Filter {
    members: BTreeMap<ProviderId, Member>,
    /// The slow part: g, in millionths of a billionth.
    anchor: i64,
    /// The slow mean of the votes' deviation, from which the winsor band follows.
    deviation: NanoLog,
    dispersion: Dispersion,
    confirmation: Confirmation,
    epoch_ends_at: Nanos,
    is_calibrated: bool,
}

/// When a tick is, and how long after the one before.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// The tick.
    pub(crate) now: Nanos,
    /// Since the tick before.
    pub(crate) elapsed: NanosSpan,
}

/// What one tick's votes say.
struct Estimate {
    fast: NanoLog,
    level: NanoLog,
    deviation: NanoLog,
    voices: Ppm,
    top_share: Ppm,
    age: NanosSpan,
    /// The winsorised votes.
    votes: Vec<Vote>,
}

/// Who stands behind a tick.
#[derive(Clone, Copy)]
struct Attendance {
    /// Providers that vote and quoted.
    voting: u32,
    /// Providers that vote and quoted recently.
    recent: u32,
    /// Providers that quoted and do not vote yet.
    on_probation: u32,
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
            epoch_ends_at: now + params.epoch_first,
            is_calibrated: false,
        }
    }

    /// Takes one tick's quotes and says what the index is.
    pub(crate) fn tick(
        &mut self,
        step: Step,
        quotes: &BTreeMap<ProviderId, Quote>,
        params: &Params,
    ) -> Print {
        self.attend(step, quotes, params);
        let step = Step { elapsed: step.elapsed.min(params.elapsed_max), ..step };
        self.turn_epoch(step, params);
        let attendance = self.attendance(step.now, params);
        let estimate = match attendance.gate(params) {
            Ok(()) => self.estimate(step.now, params).ok_or(Withheld::NoWeight),
            Err(reason) => Err(reason),
        };
        match estimate {
            Ok(estimate) => self.publish(step, attendance, &estimate, params),
            Err(reason) => {
                self.confirmation.interrupt();
                Print::withheld(step.now, reason, attendance.voting)
            }
        }
    }

    fn attend(&mut self, step: Step, quotes: &BTreeMap<ProviderId, Quote>, params: &Params) {
        self.members.retain(|_, member| step.now.since(member.quote.at) <= params.epoch);
        let room = usize::try_from(params.members_max).unwrap_or(usize::MAX);
        for (provider, quote) in quotes {
            if !self.members.contains_key(provider) && self.members.len() < room {
                self.members.insert(provider.clone(), Member::newcomer(*quote, step.now));
            }
        }
        for (provider, member) in &mut self.members {
            member.attend(quotes.get(provider).copied(), step.elapsed, params);
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
        }
        self.members.values_mut().for_each(|member| member.roll_spread(step.elapsed, params));
    }

    fn attendance(&self, now: Nanos, params: &Params) -> Attendance {
        let count = |counts: &dyn Fn(&Member) -> bool| {
            let members = self.members.values().filter(|member| counts(member));
            u32::try_from(members.count()).unwrap_or(u32::MAX)
        };
        let is_recent = |member: &Member| now.since(member.quote.at) <= params.recent;
        Attendance {
            voting: count(&|member| member.is_present && member.is_voter()),
            recent: count(&|member| member.is_voter() && is_recent(member)),
            on_probation: count(&|member| member.is_present && !member.is_voter()),
        }
    }

    /// The fast and the slow estimate of the present and the fading votes.
    fn estimate(&self, now: Nanos, params: &Params) -> Option<Estimate> {
        let voters = || {
            let members = self.members.values();
            members.filter_map(|member| member.residual().map(|residual| (member, residual)))
        };
        let vote = |at, member: &Member| Vote { at, mass: member.mass() };
        let residuals =
            capped(voters().map(|(member, residual)| vote(residual, member)).collect(), params);
        let levels =
            capped(voters().map(|(member, _)| vote(member.quote.level, member)).collect(), params);

        let center = weighted_median(&residuals)?;
        let band = NanoLog::new(sigma(self.deviation).nanos().saturating_mul(4))
            .clamp(params.band_min, params.band_max);
        let votes = spread_out(&winsorised(&residuals, center, band), params.vote_halfwidth);
        let ages = voters().map(|(member, _)| (now.since(member.quote.at), member.mass()));
        Some(Estimate {
            fast: interquantile_mean(&votes, params.central_half)?,
            level: level_of(&levels, params)?,
            deviation: deviation(&residuals, center)?,
            top_share: top_share(residuals.iter().map(|vote| vote.mass)),
            voices: voices(residuals.iter().map(|vote| vote.mass)),
            age: mean_age(ages),
            votes,
        })
    }

    fn publish(
        &mut self,
        step: Step,
        attendance: Attendance,
        estimate: &Estimate,
        params: &Params,
    ) -> Print {
        let value = self.follow(estimate, step.elapsed, params);
        let Some(price) = value.price() else {
            return Print::withheld(step.now, Withheld::OutOfRange, attendance.voting);
        };
        let is_wide = self.dispersion.take(sigma(estimate.deviation), params);
        let is_believed = self.believe(value, step.elapsed, params);
        self.remember(step, estimate, params);

        let is_short = attendance.voting < params.providers_min;
        let mut conf =
            half_width(&estimate.votes, estimate.deviation, estimate.voices, estimate.age, params);
        if is_short {
            conf = multiplied(conf, RUNG_WIDENS);
        }
        if !is_believed {
            conf = multiplied(conf, JUMP_WIDENS);
        }
        let is_thin =
            attendance.voting < params.providers_full || estimate.voices < params.voices_min;
        let state = if !is_believed {
            State::Unconfirmed
        } else if is_short {
            State::Fallback(RUNG_RECENT)
        } else if is_thin || is_wide || params.conf_max < conf {
            State::LowConf
        } else {
            State::Ok
        };
        Print {
            at: step.now,
            value: Some(price),
            conf,
            state,
            providers: attendance.voting,
            voices: estimate.voices,
            top_share: estimate.top_share,
            price_leg: Some(price),
            utilisation_leg: None,
            utilisation: None,
            methodology: METHODOLOGY,
        }
    }

    /// Moves the anchor towards the level and returns the index.
    fn follow(&mut self, estimate: &Estimate, elapsed: NanosSpan, params: &Params) -> NanoLog {
        let scaled = |log: NanoLog| log.nanos().saturating_mul(ANCHOR_PER_NANO);
        let gap = scaled(estimate.level.minus(estimate.fast)).saturating_sub(self.anchor);
        let step = closed_part(gap, elapsed, params.anchor_half_life);
        self.anchor = self.anchor.saturating_add(step);
        // Rounded once, and as a whole: the sum is monotone in the votes, its rounded parts would not be.
        let scale = i128::from(ANCHOR_PER_NANO);
        let sum = i128::from(estimate.fast.nanos())
            .saturating_mul(scale)
            .saturating_add(i128::from(self.anchor));
        NanoLog::new(i64::try_from(div_half_even(sum, scale)).unwrap_or(i64::MAX))
    }

    /// Whether the value may be believed: it is near the last believed one, or others moved along, or it has stood long enough.
    fn believe(&mut self, value: NanoLog, elapsed: NanosSpan, params: &Params) -> bool {
        if let Some(jump) = self.confirmation.jump(value, params) {
            let movers = self.members.values().filter(|member| moved_along(member, jump, params));
            let movers = u32::try_from(movers.count()).unwrap_or(u32::MAX);
            let has_company = params.confirm_others < movers;
            if !has_company && !self.confirmation.stands(jump, params) {
                return false;
            }
        }
        self.confirmation.accept(value, elapsed, params);
        for member in self.members.values_mut() {
            member.accepted_level = member.quote.level;
        }
        true
    }

    fn remember(&mut self, step: Step, estimate: &Estimate, params: &Params) {
        let gap = estimate.deviation.minus(self.deviation).nanos();
        let moved = NanoLog::new(closed_part(gap, step.elapsed, params.band_half_life));
        self.deviation = self.deviation.plus(moved);
        for member in self.members.values_mut() {
            member.deviate_from(estimate.fast, params);
            member.admit(step.now, params);
        }
    }
}

impl Attendance {
    fn gate(self, params: &Params) -> Result<(), Withheld> {
        if self.voting.saturating_add(self.on_probation) == 0 {
            return Err(Withheld::NoObservations);
        }
        let is_one_short = params.providers_min <= self.voting.saturating_add(1);
        let has_recent = params.providers_min <= self.recent;
        if params.providers_min <= self.voting || (is_one_short && has_recent) {
            return Ok(());
        }
        Err(Withheld::Providers {
            voting: self.voting,
            needed: params.providers_min,
            on_probation: self.on_probation,
        })
    }
}

/// Whether a present voter moved the same way as the index, by enough of its move.
fn moved_along(member: &Member, jump: NanoLog, params: &Params) -> bool {
    if !member.is_present || !member.is_voter() {
        return false;
    }
    let moved = i128::from(member.quote.level.minus(member.accepted_level).nanos());
    let wanted = i128::from(jump.nanos()).saturating_mul(i128::from(params.confirm_share.ppm()));
    let wanted = div_half_even(wanted, 1_000_000);
    if NanoLog::ZERO < jump { wanted <= moved } else { moved <= wanted }
}

fn mean_age(ages: impl Iterator<Item = (NanosSpan, u32)>) -> NanosSpan {
    let (sum, mass) = ages.fold((0_i128, 0_i128), |(sum, all), (age, mass)| {
        let weighted = i128::from(age.nanos()).saturating_mul(i128::from(mass));
        (sum.saturating_add(weighted), all.saturating_add(i128::from(mass)))
    });
    NanosSpan::new(u64::try_from(div_floor(sum, mass.max(1))).unwrap_or(u64::MAX))
}
