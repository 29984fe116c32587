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
    };

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
            && last_word <= u128::from(close_at.nanos())
    }
}
