//! What traded lately, added up by steps of time: bounded, exact, and the same however often it is asked.
//!
//! A tape remembers sixty-one steps back from its newest trade. What is older is in no window.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_half_even;
use instruments::{Price, Qty};

/// Steps of a window.
pub(crate) const STEPS: u64 = 60;

/// The trades of one step of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Traffic {
    /// Which step, counted from 1970; of a sum, the first.
    pub step: u64,
    /// How many.
    pub trades: u64,
    /// How much.
    pub lots: u64,
    /// Ticks times lots.
    pub value: i128,
}

impl Traffic {
    fn add(&mut self, trades: u64, lots: u64, value: i128) {
        self.trades = self.trades.saturating_add(trades);
        self.lots = self.lots.saturating_add(lots);
        self.value = self.value.saturating_add(value);
    }

    /// The average price, to the nearest tick, half to even.
    pub(crate) fn average(&self) -> Option<Price> {
        price(self.value, i128::from(self.lots))
    }
}

fn price(value: i128, lots: i128) -> Option<Price> {
    let ticks = (0 < lots).then(|| div_half_even(value, lots))?;
    i64::try_from(ticks).ok().map(Price::from_ticks)
}

/// Trades by steps, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tape {
    steps: VecDeque<Traffic>,
}

impl Tape {
    pub(crate) fn record(&mut self, step: u64, price: Price, qty: Qty) {
        let value = i128::from(price.ticks()).saturating_mul(i128::from(qty.lots()));
        match self.steps.back_mut() {
            Some(newest) if newest.step == step => newest.add(1, qty.lots(), value),
            Some(_) | None => {
                self.forget(step.saturating_sub(STEPS));
                self.steps.push_back(Traffic { step, trades: 1, lots: qty.lots(), value });
            }
        }
    }

    /// Forgets what is older than a step.
    pub(crate) fn forget(&mut self, before: u64) {
        while self.steps.front().is_some_and(|oldest| oldest.step < before) {
            self.steps.pop_front();
        }
    }

    /// MARK-010: the average price, where a lot traded `n` steps ago weighs `60 - n`.
    pub(crate) fn faded(&self, now: u64) -> Option<Price> {
        let (mut value, mut weight) = (0_i128, 0_i128);
        for traffic in &self.steps {
            let left = i128::from(STEPS.saturating_sub(now.saturating_sub(traffic.step)));
            value = value.saturating_add(traffic.value.saturating_mul(left));
            weight = weight.saturating_add(i128::from(traffic.lots).saturating_mul(left));
        }
        price(value, weight)
    }

    /// Everything in a step and in the sixty before it.
    pub(crate) fn total(&self, until: u64) -> Traffic {
        let from = until.saturating_sub(STEPS);
        let mut total = Traffic { step: from, ..Traffic::default() };
        let window = self.steps.iter().filter(|it| from <= it.step && it.step <= until);
        for traffic in window {
            total.add(traffic.trades, traffic.lots, traffic.value);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// MARK-010, SETTLE-001: what the tape has added up is what a list of all trades gives.
        #[test]
        fn mark_010_a_tape_is_exact_beside_a_list_of_all_trades(
            trades in prop::collection::vec((0_u64..40, 1_i64..=10_000_000, 1_u64..=1_000_000), 0..120),
            wait in 0_u64..70,
        ) {
            let (mut tape, mut list, mut now) = (Tape::default(), Vec::new(), 1_000);
            for (gap, ticks, lots) in trades {
                now += gap;
                tape.record(now, Price::from_ticks(ticks), Qty::from_lots(lots));
                list.push((now, i128::from(ticks), i128::from(lots)));
            }
            now += wait;
            let age = |step: u64| i128::from(now - step);
            let fresh = || list.iter().filter(|(step, ..)| age(*step) < 60);
            let weight: i128 = fresh().map(|(step, _, lots)| lots * (60 - age(*step))).sum();
            let value: i128 = fresh().map(|(step, p, lots)| p * lots * (60 - age(*step))).sum();
            let average = (0 < weight).then(|| div_half_even(value, weight));
            prop_assert_eq!(tape.faded(now).map(|price| i128::from(price.ticks())), average);

            let window = list.iter().filter(|(step, ..)| age(*step) <= 60);
            let (mut trades, mut lots, mut value) = (0, 0, 0);
            for (_, p, l) in window {
                (trades, lots, value) = (trades + 1, lots + l, value + p * l);
            }
            let total = tape.total(now);
            prop_assert_eq!((total.trades, i128::from(total.lots), total.value), (trades, lots, value));
            prop_assert!(tape.steps.len() <= 61);
        }
    }

    /// MARK-010: 2 lots at 100 three minutes ago, 1 at 106 now: (200 * 24 + 106 * 60) / (2 * 24 + 60) = 11160 / 108 = 103.3.
    #[test]
    fn mark_010_a_trade_fades_over_five_minutes() {
        let mut tape = Tape::default();
        tape.record(1_000, Price::from_ticks(100), Qty::from_lots(2));
        tape.record(1_036, Price::from_ticks(106), Qty::from_lots(1));
        let at = |step| tape.faded(step).map(Price::ticks);
        assert_eq!(at(1_036), Some(103));
        assert_eq!(at(1_060), Some(106), "the first is sixty steps old");
        assert_eq!(at(1_095), Some(106));
        assert_eq!(at(1_096), None);
    }
}
