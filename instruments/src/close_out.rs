//! What happens between the last trade of a physical series and its close, and how long each step may take. All of it is data.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::units::{Nanos, NanosSpan, Ppm};

/// The terms of a physical close-out.
///
/// ```text
/// last trade -> nominate_until -> match_until -> assignment -> accept_from .. accept_until -> hours -> invoices -> close
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CloseOut {
    /// Nominations are taken from the last trade until this instant; none when it does not come after.
    pub nominate_until: Nanos,
    /// Matches that buyer and seller have agreed on are reported before this instant.
    pub match_until: Nanos,
    /// Both sides may accept from this instant, after the burn-in.
    pub accept_from: Nanos,
    /// Until this one. Nobody is asked to accept when the two are one.
    pub accept_until: Nanos,
    /// How many metered intervals make one hour of imbalance: what is missing is settled by the hour.
    pub intervals_per_hour: u32,
    /// How many make one day of delivery: it has its tolerance, its top-up and its invoice.
    pub intervals_per_day: u32,
    /// How many days a buyer prefunds.
    pub prefund_days: u32,
    /// What may be missing of a day without damages.
    pub tolerance: Ppm,
    /// How long a seller may take to bring other hardware in place of what failed.
    pub substitute_within: NanosSpan,
    /// How long after the end of a day its invoice is made.
    pub invoice_after: NanosSpan,
    /// How long after its invoice a day may be disputed.
    pub dispute_within: NanosSpan,
    /// How challenges become hours.
    pub metering: Metering,
}

/// How challenges become hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Metering {
    /// Each interval has one challenge, which has the interval's number and judges all of it.
    Each,
    /// Challenges come at any time, and the time between two that were passed counts.
    Between(Between),
}

/// The terms of metering between challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Between {
    /// Within this time after a silence a challenge that is passed makes it a soft failure; within this time of a beginning or an end a
    /// challenge speaks for it.
    pub recheck_within: NanosSpan,
    /// How many failures of one day of delivery may be soft.
    pub soft_fails_per_day: u32,
    /// With so many hard ones in a day of delivery the standby pool is called at once.
    pub hard_fails_max: u32,
    /// After failing for so long, too.
    pub silence_max: NanosSpan,
}

impl Between {
    /// The terms of the real calendar.
    pub const STANDARD: Self = Self {
        recheck_within: NanosSpan::from_seconds(60),
        soft_fails_per_day: 2,
        hard_fails_max: 3,
        silence_max: NanosSpan::from_seconds(900),
    };

    /// Whether its spans are short enough to be told from a delivery, and its counts above zero where they must be.
    fn is_sound(&self) -> bool {
        let spans = [self.recheck_within, self.silence_max];
        spans.into_iter().all(|span| NanosSpan::ZERO < span && span <= SPAN_MAX)
            && 0 < self.hard_fails_max
    }
}

/// The longest of its spans: a week.
const SPAN_MAX: NanosSpan = NanosSpan::from_seconds(604_800);

impl CloseOut {
    /// As plain as it can be: nobody nominates or accepts, each interval is an hour of its own, all of them are one day that is prefunded
    /// as a whole and invoiced as it ends; nothing is tolerated, nothing waits.
    pub const NONE: Self = Self {
        nominate_until: Nanos::new(0),
        match_until: Nanos::new(0),
        accept_from: Nanos::new(0),
        accept_until: Nanos::new(0),
        intervals_per_hour: 1,
        intervals_per_day: u32::MAX,
        prefund_days: 1,
        tolerance: Ppm::ZERO,
        substitute_within: NanosSpan::ZERO,
        invoice_after: NanosSpan::ZERO,
        dispute_within: NanosSpan::ZERO,
        metering: Metering::Each,
    };

    /// The terms of metering between challenges, if that is how it is metered.
    #[must_use]
    pub const fn meter(&self) -> Option<&Between> {
        match &self.metering {
            Metering::Each => None,
            Metering::Between(terms) => Some(terms),
        }
    }

    /// Whether anybody is asked to accept.
    #[must_use]
    pub fn has_acceptance(&self) -> bool {
        self.accept_from < self.accept_until
    }

    /// The hour in which an interval lies.
    #[must_use]
    pub fn hour_of(&self, interval: u32) -> u32 {
        interval.checked_div(self.intervals_per_hour).unwrap_or(0)
    }

    /// The day in which an interval lies.
    #[must_use]
    pub fn day_of(&self, interval: u32) -> u32 {
        interval.checked_div(self.intervals_per_day).unwrap_or(0)
    }

    /// The first interval of a day, at most `intervals`.
    #[must_use]
    pub fn day_starts_at(&self, day: u32, intervals: u32) -> u32 {
        day.saturating_mul(self.intervals_per_day).min(intervals)
    }

    /// Whether its numbers make sense in a schedule that assigns and delivers at these instants.
    pub(crate) fn is_sound(
        &self,
        assign_at: Nanos,
        (deliver_from, deliver_until): (Nanos, Nanos),
        close_at: Nanos,
    ) -> bool {
        let spans = [self.substitute_within, self.invoice_after, self.dispute_within];
        let waits = |span: NanosSpan| u128::from(span.nanos());
        let last_word = u128::from(deliver_until.nanos())
            .saturating_add(waits(self.invoice_after))
            .saturating_add(waits(self.dispute_within));
        self.nominate_until <= assign_at
            && self.match_until <= assign_at
            && self.accept_from <= self.accept_until
            && (!self.has_acceptance() || assign_at <= self.accept_from)
            && self.accept_until <= deliver_from
            && 0 < self.intervals_per_hour
            && self.intervals_per_day.checked_rem(self.intervals_per_hour) == Some(0)
            && 0 < self.intervals_per_day
            && 0 < self.prefund_days
            && (Ppm::ZERO..=Ppm::ONE).contains(&self.tolerance)
            && spans.into_iter().all(|span| span <= SPAN_MAX)
            && self.meter().is_none_or(Between::is_sound)
            && last_word <= u128::from(close_at.nanos())
    }
}
