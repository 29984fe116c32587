//! What an index remembers of one provider: its last quote, its standing, and how far it usually is from the others.
//!
//! Invariants:
//! - attendance lies between nothing and full, falls only while the provider is absent, and is nothing after the fade-out;
//! - a spread moves by at most the daily limit, and only towards its target.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::{div_floor, div_half_even};
use instruments::{Nanos, NanosSpan, Ppm};

use crate::log::NanoLog;
use crate::params::Params;

/// Full attendance. Fine enough that a tick of a microsecond still counts.
const FULL: i64 = 1_000_000_000_000;
const DAY: NanosSpan = NanosSpan::from_seconds(86_400);

/// What a provider asks, as the filter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Quote {
    /// Log price.
    pub(crate) level: NanoLog,
    /// What its listings weigh.
    pub(crate) weight: Ppm,
    /// When it was seen.
    pub(crate) at: Nanos,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Member {
    /// Its last quote, in this tick or an earlier one.
    pub(crate) quote: Quote,
    /// Whether that was in this tick.
    pub(crate) is_present: bool,
    /// Its level when the index was last accepted.
    pub(crate) accepted_level: NanoLog,
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
    /// A provider of the founding tick: votes at once, with the distance it has from the founding level.
    pub(crate) fn founder(quote: Quote, level: NanoLog) -> Self {
        let spread = quote.level.minus(level);
        let spread = Spread { now: spread, target: spread, next: None };
        Self::with(quote, Standing::Voter { spread, attendance: FULL })
    }

    /// A provider that appeared later.
    pub(crate) fn newcomer(quote: Quote, now: Nanos) -> Self {
        Self::with(quote, Standing::Probation { since: now, quoted: 0, ticks: 0 })
    }

    fn with(quote: Quote, standing: Standing) -> Self {
        let deviations = Deviations::default();
        Self { quote, is_present: true, accepted_level: quote.level, standing, deviations }
    }

    /// Takes this tick's quote, or notes that there is none.
    pub(crate) fn attend(&mut self, quote: Option<Quote>, elapsed: NanosSpan, params: &Params) {
        self.is_present = quote.is_some();
        if let Some(quote) = quote {
            self.quote = quote;
        }
        match &mut self.standing {
            Standing::Probation { quoted, ticks, .. } => {
                *quoted = quoted.saturating_add(u64::from(self.is_present));
                *ticks = ticks.saturating_add(1);
            }
            Standing::Voter { attendance, .. } => {
                let moved = if self.is_present {
                    // One quote after a long silence is not yet attendance.
                    ramp(elapsed.min(params.cadence), params.fade_in)
                } else {
                    ramp(elapsed, params.fade_out).saturating_neg()
                };
                *attendance = attendance.saturating_add(moved).clamp(0, FULL);
            }
        }
    }

    /// Whether it votes, now or later, with whatever weight.
    pub(crate) fn is_voter(&self) -> bool {
        matches!(self.standing, Standing::Voter { .. })
    }

    /// Its level less its spread, if it votes.
    pub(crate) fn residual(&self) -> Option<NanoLog> {
        match &self.standing {
            Standing::Probation { .. } => None,
            Standing::Voter { spread, .. } => Some(self.quote.level.minus(spread.now)),
        }
    }

    /// The weight of its listings times its attendance; nothing on probation.
    pub(crate) fn mass(&self) -> u32 {
        match &self.standing {
            Standing::Probation { .. } => 0,
            Standing::Voter { attendance, .. } => {
                let product =
                    i128::from(self.quote.weight.ppm()).saturating_mul(i128::from(*attendance));
                u32::try_from(div_floor(product, i128::from(FULL))).unwrap_or(u32::MAX)
            }
        }
    }

    /// Records how far it is from the fast estimate, for its next spread.
    pub(crate) fn deviate_from(&mut self, fast: NanoLog, params: &Params) {
        if !self.is_present {
            return;
        }
        let deviation = self.quote.level.minus(fast);
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
        let wanted = u128::from(ticks)
            .saturating_mul(u128::try_from(params.probation_attendance.ppm()).unwrap_or(0));
        let attended = wanted <= u128::from(quoted).saturating_mul(1_000_000);
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

/// The part of full attendance that `elapsed` is worth.
fn ramp(elapsed: NanosSpan, whole: NanosSpan) -> i64 {
    if whole <= elapsed {
        return FULL;
    }
    let part = i128::from(elapsed.nanos()).saturating_mul(i128::from(FULL));
    i64::try_from(div_floor(part, i128::from(whole.nanos()))).unwrap_or(FULL)
}
