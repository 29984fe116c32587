//! How long an order stands.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Nanos;

const DAY_NANOS: u64 = 86_400_000_000_000;
/// A trading day ends at 08:00 UTC, when variation is paid.
const DAY_ENDS_NANOS: u64 = 28_800_000_000_000;

/// What becomes of the part of an order that does not trade on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TimeInForce {
    /// Good till cancelled.
    Gtc,
    /// Immediate or cancel.
    Ioc,
    /// Fill or kill.
    Fok,
    /// Good till date.
    Gtd(Nanos),
    /// Good till the trading day ends, at the next 08:00 UTC.
    Day,
    /// Good for auction: until the auction under way is over.
    Gfa,
    /// Good for normal trading: until an auction opens.
    Gfn,
}

impl TimeInForce {
    /// Whether what does not trade on arrival stays.
    #[must_use]
    pub const fn rests(self) -> bool {
        !matches!(self, Self::Ioc | Self::Fok)
    }

    /// When an order accepted at `now` ends by itself.
    #[must_use]
    pub fn ends_at(self, now: Nanos) -> Option<Nanos> {
        match self {
            Self::Gtd(at) => Some(at),
            Self::Day => Some(day_ends_after(now)),
            Self::Gtc | Self::Ioc | Self::Fok | Self::Gfa | Self::Gfn => None,
        }
    }

    /// What a book is told.
    pub(crate) fn in_book(self, now: Nanos) -> matching_engine::TimeInForce {
        use matching_engine::TimeInForce as InBook;
        match self {
            Self::Gtc => InBook::Gtc,
            Self::Ioc => InBook::Ioc,
            Self::Fok => InBook::Fok,
            Self::Gtd(at) => InBook::Gtd(at),
            Self::Day => InBook::Gtd(day_ends_after(now)),
            Self::Gfa => InBook::Gfa,
            Self::Gfn => InBook::Gfn,
        }
    }
}

/// The first 08:00 UTC after `now`.
fn day_ends_after(now: Nanos) -> Nanos {
    let before = DAY_NANOS.saturating_sub(DAY_ENDS_NANOS);
    let since = now.nanos().saturating_add(before).rem_euclid(DAY_NANOS);
    Nanos::new(now.nanos().saturating_add(DAY_NANOS.saturating_sub(since)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_040_a_day_ends_at_the_next_eight_o_clock() {
        let day = |days: u64, hours: u64| Nanos::from_seconds(days * 86_400 + hours * 3_600);
        let ends = |now| TimeInForce::Day.ends_at(now);
        assert_eq!(ends(day(0, 0)), Some(day(0, 8)));
        assert_eq!(ends(Nanos::new(day(20_000, 8).nanos() - 1)), Some(day(20_000, 8)));
        assert_eq!(ends(day(20_000, 8)), Some(day(20_001, 8)));
        assert_eq!(ends(day(20_000, 23)), Some(day(20_001, 8)));
        assert_eq!(TimeInForce::Gtc.ends_at(day(1, 0)), None);
    }
}
