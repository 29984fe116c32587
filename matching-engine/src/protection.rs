//! Market-maker protection: how much a group of quotes may trade within a window before all of them are pulled.
//!
//! A state machine that knows neither books nor quotes: it is told what traded and when, and says when it is enough.
//!
//! ```text
//! quiet --fill--> counting --a limit is reached at the end of a command--> frozen --its time is over, or a reset--> quiet
//!                 counting --a fill after the window's end--> counting anew
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, NanosSpan, Side};

/// What trips a group. A limit of 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Limits {
    /// How long fills count together, from the first on. Fills of one instant always do.
    pub window: NanosSpan,
    /// How long the group stays away once it is tripped; absent, until it is reset.
    pub frozen_for: Option<NanosSpan>,
    /// Lots traded, on both sides.
    pub qty_max: u64,
    /// Net delta traded, either way, in millionths.
    pub delta_max: u64,
    /// Net vega traded, either way, in millionths.
    pub vega_max: u64,
    /// Trades.
    pub trades_max: u32,
}

/// What one lot of an instrument adds to a position's sensitivities, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Greeks {
    /// To the index price.
    pub delta: i64,
    /// To its volatility.
    pub vega: i64,
}

impl Default for Greeks {
    /// A future: one for one with the index, whatever the volatility.
    fn default() -> Self {
        Self { delta: 1_000_000, vega: 0 }
    }
}

/// A quote has traded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    pub(crate) account: u32,
    pub(crate) group: u32,
    /// The quote's.
    pub(crate) side: Side,
    pub(crate) lots: u64,
    /// The book's at that moment.
    pub(crate) greeks: Greeks,
}

/// What a group has traded since its window began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Counted {
    /// When the first of these fills was.
    pub since: Nanos,
    /// Lots, on both sides.
    pub qty: u64,
    /// Trades.
    pub trades: u32,
    /// Bought less sold.
    pub delta: i128,
    /// Bought less sold.
    pub vega: i128,
}

/// How long a tripped group stays away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Frozen {
    /// It may quote from this instant on.
    Until(Nanos),
    /// Somebody has to say so.
    UntilReset,
}

impl Frozen {
    /// From when on the group may quote, if that is known.
    #[must_use]
    pub const fn until(self) -> Option<Nanos> {
        match self {
            Self::Until(at) => Some(at),
            Self::UntilReset => None,
        }
    }
}

/// The protection of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Protection {
    limits: Limits,
    counted: Option<Counted>,
    frozen: Option<Frozen>,
}

impl Protection {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits, counted: None, frozen: None }
    }

    /// What trips it.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What counts towards the limits; nothing before the first fill.
    #[must_use]
    pub const fn counted(&self) -> Option<Counted> {
        self.counted
    }

    /// How long the group stays away, if it does at `now`.
    #[must_use]
    pub fn frozen(&self, now: Nanos) -> Option<Frozen> {
        self.frozen.filter(|frozen| frozen.until().is_none_or(|until| now < until))
    }

    /// Other limits, from the next fill on. What was counted still counts, and who is frozen stays frozen.
    pub(crate) const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The group may quote, and nothing has been counted.
    pub(crate) const fn reset(&mut self) {
        self.counted = None;
        self.frozen = None;
    }

    /// Counts a fill, in the window under way or in one that begins with it.
    pub(crate) fn count(&mut self, now: Nanos, fill: &Fill) {
        let window = self.limits.window.nanos().max(1);
        let under_way = self.counted.filter(|counted| now.since(counted.since).nanos() < window);
        let before =
            under_way.unwrap_or(Counted { since: now, qty: 0, trades: 0, delta: 0, vega: 0 });
        let lots = match fill.side {
            Side::Buy => i128::from(fill.lots),
            Side::Sell => i128::from(fill.lots).saturating_neg(),
        };
        let add =
            |sum: i128, per_lot: i64| sum.saturating_add(lots.saturating_mul(i128::from(per_lot)));
        self.counted = Some(Counted {
            since: before.since,
            qty: before.qty.saturating_add(fill.lots),
            trades: before.trades.saturating_add(1),
            delta: add(before.delta, fill.greeks.delta),
            vega: add(before.vega, fill.greeks.vega),
        });
    }

    /// Whether it can have come about by `now`.
    pub(crate) fn is_sound(&self, now: Nanos) -> bool {
        self.counted.is_none_or(|counted| {
            let trades = u64::from(counted.trades);
            counted.since <= now
                && (1..=counted.qty).contains(&trades)
                && self.frozen(now).is_none()
        })
    }

    /// Freezes the group if it has reached a limit. What was counted is forgotten then.
    pub(crate) fn trip(&mut self, now: Nanos) -> Option<Frozen> {
        self.counted.take_if(|counted| reaches(counted, &self.limits))?;
        let frozen = match self.limits.frozen_for {
            Some(span) => Frozen::Until(Nanos::new(now.nanos().saturating_add(span.nanos()))),
            None => Frozen::UntilReset,
        };
        self.frozen = Some(frozen);
        self.frozen
    }
}

/// Whether any limit is reached. A limit of 0 never is.
fn reaches(counted: &Counted, limits: &Limits) -> bool {
    let reached = |sum: u128, limit: u64| limit != 0 && u128::from(limit) <= sum;
    reached(u128::from(counted.qty), limits.qty_max)
        || reached(u128::from(counted.trades), u64::from(limits.trades_max))
        || reached(counted.delta.unsigned_abs(), limits.delta_max)
        || reached(counted.vega.unsigned_abs(), limits.vega_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits = Limits {
        window: NanosSpan::new(10),
        frozen_for: Some(NanosSpan::new(5)),
        qty_max: 0,
        delta_max: 0,
        vega_max: 0,
        trades_max: 0,
    };

    fn fill(side: Side, lots: u64, delta: i64, vega: i64) -> Fill {
        Fill { account: 1, group: 1, side, lots, greeks: Greeks { delta, vega } }
    }

    /// When the group trips, if each of the fills is a command of its own.
    fn tripped_at(limits: Limits, fills: &[(u64, Fill)]) -> Option<(u64, Option<Frozen>)> {
        let mut protection = Protection::new(limits);
        fills.iter().find_map(|(at, fill)| {
            protection.count(Nanos::new(*at), fill);
            let frozen = protection.trip(Nanos::new(*at));
            frozen.is_some().then_some((*at, frozen))
        })
    }

    #[test]
    fn match_066_a_window_begins_with_the_first_fill_and_ends_before_its_length() {
        let limits = Limits { qty_max: 3, ..NONE };
        let two = fill(Side::Buy, 2, 0, 0);
        assert!(tripped_at(limits, &[(7, two), (16, two)]).is_some());
        assert_eq!(tripped_at(limits, &[(7, two), (17, two)]), None);
        // The next window begins with the fill after the end, not at the end.
        assert!(tripped_at(limits, &[(7, two), (30, two), (39, two)]).is_some());
        assert_eq!(tripped_at(limits, &[(7, two), (30, two), (40, two)]), None);
        // A window of nothing is one instant.
        let limits = Limits { window: NanosSpan::ZERO, ..limits };
        assert!(tripped_at(limits, &[(7, two), (7, two)]).is_some());
        assert_eq!(tripped_at(limits, &[(7, two), (8, two)]), None);
    }

    #[test]
    fn match_067_lots_and_trades_add_up_while_delta_and_vega_are_net() {
        let (buy, sell) = (fill(Side::Buy, 2, 3, -5), fill(Side::Sell, 2, 3, -5));
        let trips = |limits, fills: &[Fill]| {
            let fills: Vec<_> = fills.iter().map(|fill| (0, *fill)).collect();
            tripped_at(limits, &fills).is_some()
        };
        assert!(trips(Limits { qty_max: 4, ..NONE }, &[buy, sell]));
        assert!(!trips(Limits { qty_max: 5, ..NONE }, &[buy, sell]));
        assert!(trips(Limits { trades_max: 2, ..NONE }, &[buy, sell]));
        assert!(!trips(Limits { trades_max: 3, ..NONE }, &[buy, sell]));
        assert!(trips(Limits { delta_max: 12, ..NONE }, &[sell, sell]));
        assert!(!trips(Limits { delta_max: 7, ..NONE }, &[buy, sell, buy]));
        assert!(trips(Limits { vega_max: 20, ..NONE }, &[buy, buy]));
        assert!(!trips(Limits { vega_max: 11, ..NONE }, &[buy, sell, buy]));
        assert!(!trips(NONE, &[buy, buy, buy, buy]));
    }

    #[test]
    fn match_067_sums_beyond_64_bits_are_exact() {
        let huge = fill(Side::Sell, u64::MAX, i64::MIN, 0);
        let mut protection = Protection::new(Limits { delta_max: u64::MAX, ..NONE });
        protection.count(Nanos::new(0), &huge);
        let expected = i128::from(u64::MAX) * i128::from(i64::MAX) + i128::from(u64::MAX);
        assert_eq!(protection.counted().map(|counted| counted.delta), Some(expected));
        protection.count(Nanos::new(0), &fill(Side::Sell, u64::MAX, i64::MAX, 0));
        protection.count(Nanos::new(0), &fill(Side::Sell, u64::MAX, 1, 0));
        assert_eq!(
            protection.counted().map(|counted| (counted.delta, counted.qty)),
            Some((0, u64::MAX))
        );
        assert_eq!(protection.trip(Nanos::new(0)), None);
    }

    #[test]
    fn match_069_a_tripped_group_stays_away_until_its_time_is_over_or_it_is_reset() {
        let mut protection = Protection::new(Limits { trades_max: 1, ..NONE });
        protection.count(Nanos::new(3), &fill(Side::Buy, 1, 0, 0));
        assert_eq!(protection.trip(Nanos::new(3)), Some(Frozen::Until(Nanos::new(8))));
        assert_eq!(protection.counted(), None);
        assert!(protection.frozen(Nanos::new(7)).is_some());
        assert!(protection.frozen(Nanos::new(8)).is_none());

        protection.set_limits(Limits { frozen_for: None, trades_max: 1, ..NONE });
        protection.count(Nanos::new(9), &fill(Side::Buy, 1, 0, 0));
        assert_eq!(protection.trip(Nanos::new(9)), Some(Frozen::UntilReset));
        assert!(protection.frozen(Nanos::new(u64::MAX)).is_some());
        protection.reset();
        assert!(protection.frozen(Nanos::new(9)).is_none());
    }
}
