//! What stands in for quotes when there are too few: first a futures mark, then utilisation, then nothing.
//!
//! Invariant: a stand-in moves the last believed value by a bounded way for a bounded time; it never becomes what the next stand-in starts
//! from.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, NanosSpan, Ppm};

use crate::confidence::{multiplied, widened};
use crate::log::NanoLog;
use crate::params::Params;
use crate::utilisation::Reading;

/// Fallback rung 2: fewer than needed, but recent quotes or transactions.
pub(crate) const RUNG_RECENT: u8 = 2;
/// Fallback rung 3: the last value moved by a futures mark.
const RUNG_MARK: u8 = 3;
/// Fallback rung 4: the last full value moved by utilisation.
const RUNG_UTILISATION: u8 = 4;
/// Every rung widens the confidence by half.
pub(crate) const RUNG_WIDENS: Ppm = Ppm::new(1_500_000);

/// What the index would fall back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Ladder {
    mark: Option<(Nanos, NanoLog)>,
    /// The last believed value, from quotes.
    believed: Option<Good>,
    /// The last one whose state was OK.
    full: Option<Good>,
}

/// A value that can be moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Good {
    at: Nanos,
    value: NanoLog,
    conf: Ppm,
    mark: Option<NanoLog>,
    pressure: Option<NanoLog>,
}

/// A value that was not made from enough quotes.
pub(crate) struct StandIn {
    pub(crate) rung: u8,
    pub(crate) value: NanoLog,
    pub(crate) conf: Ppm,
}

impl Ladder {
    /// Takes a futures mark; an older one than the last changes nothing.
    pub(crate) fn set_mark(&mut self, at: Nanos, mark: NanoLog) {
        if self.mark.is_none_or(|(last, _)| last <= at) {
            self.mark = Some((at, mark));
        }
    }

    /// Remembers a value that was believed.
    pub(crate) fn believe(
        &mut self,
        now: Nanos,
        (value, conf, is_full): (NanoLog, Ppm, bool),
        reading: Option<&Reading>,
        params: &Params,
    ) {
        let mark = self.mark_of(now, params);
        let pressure = reading.map(|reading| reading.pressure);
        let good = Good { at: now, value, conf, mark, pressure };
        self.believed = Some(good);
        if is_full {
            self.full = Some(good);
        }
    }

    /// What stands in for quotes now, if anything may.
    pub(crate) fn stand_in(
        &self,
        now: Nanos,
        reading: Option<&Reading>,
        params: &Params,
    ) -> Option<StandIn> {
        let by_mark = || {
            let from = self.believed.filter(|from| now.since(from.at) <= params.mark_span)?;
            let moved = self.mark_of(now, params)?.minus(from.mark?);
            Some(from.moved(RUNG_MARK, moved, now, params))
        };
        let by_utilisation = || {
            let from = self.full.filter(|from| now.since(from.at) <= params.utilisation_span)?;
            let moved = reading?.pressure.minus(from.pressure?);
            Some(from.moved(RUNG_UTILISATION, moved, now, params))
        };
        by_mark().or_else(by_utilisation)
    }

    fn mark_of(&self, now: Nanos, params: &Params) -> Option<NanoLog> {
        let is_fresh = |at: Nanos| at <= now && now.since(at) <= params.mark_age;
        self.mark.filter(|(at, _)| is_fresh(*at)).map(|(_, mark)| mark)
    }
}

impl Good {
    fn moved(&self, rung: u8, by: NanoLog, now: Nanos, params: &Params) -> StandIn {
        let value = self.value.plus(by.within(NanoLog::ZERO, params.fallback_move_max));
        let age: NanosSpan = now.since(self.at);
        let mut conf = widened(i128::from(self.conf.ppm()), age, params.cadence);
        for _ in 1..rung {
            conf = multiplied(conf, RUNG_WIDENS);
        }
        StandIn { rung, value, conf }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Nanos = Nanos::from_seconds(1_800_000_000);

    fn hours(hours: u64) -> Nanos {
        START + NanosSpan::from_seconds(3_600 * hours)
    }

    fn reading(pressure: i64) -> Reading {
        Reading {
            share: Ppm::new(800_000),
            units: 1_000,
            leg: None,
            weight: Ppm::ZERO,
            pressure: NanoLog::new(pressure),
        }
    }

    fn ladder(is_full: bool) -> Ladder {
        let mut ladder = Ladder::default();
        ladder.set_mark(START, NanoLog::new(1_000));
        let good = (NanoLog::new(7_000), Ppm::new(10_000), is_full);
        ladder.believe(START, good, Some(&reading(500)), &Params::default());
        ladder
    }

    fn stands(ladder: &Ladder, at: u64, reading: Option<&Reading>) -> Option<(u8, i64)> {
        let stand_in = ladder.stand_in(hours(at), reading, &Params::default())?;
        Some((stand_in.rung, stand_in.value.nanos()))
    }

    /// ORACLE-040: a fresh mark for a day, then utilisation until three days have passed, then nothing.
    #[test]
    fn oracle_040_a_mark_stands_in_for_a_day_and_utilisation_for_three() {
        let mut ladder = ladder(true);
        let now = reading(600);
        assert_eq!(stands(&ladder, 2, Some(&now)), Some((4, 7_100)), "the mark is two hours old");
        assert_eq!(stands(&ladder, 2, None), None);
        ladder.set_mark(hours(24), NanoLog::new(1_300));
        assert_eq!(stands(&ladder, 24, Some(&now)), Some((3, 7_300)));
        ladder.set_mark(hours(25), NanoLog::new(1_300));
        assert_eq!(stands(&ladder, 25, Some(&now)), Some((4, 7_100)));
        assert_eq!(stands(&ladder, 72, Some(&now)), Some((4, 7_100)));
        assert_eq!(stands(&ladder, 73, Some(&now)), None);
    }

    /// ORACLE-040: neither moves the value by more than a tenth, and utilisation starts from a full value only.
    #[test]
    fn oracle_040_a_stand_in_moves_a_bounded_way() {
        let mut ladder = ladder(false);
        assert_eq!(stands(&ladder, 2, Some(&reading(600))), None, "no value was ever full");
        ladder.set_mark(hours(1), NanoLog::new(5_000_000_000));
        assert_eq!(stands(&ladder, 1, None), Some((3, 100_007_000)));
        ladder.set_mark(START, NanoLog::new(1_000));
        assert_eq!(stands(&ladder, 1, None), Some((3, 100_007_000)), "an older mark is no news");
        let conf = ladder.stand_in(hours(1), None, &Params::default()).unwrap().conf;
        assert_eq!(conf.ppm(), 38_970, "1 % times the root of three times 1.5 squared");
    }
}
