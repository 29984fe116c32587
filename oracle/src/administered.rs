//! Prices that somebody sets instead of a market: always the same step, or always the same discount on the card.
//!
//! Invariant: what is held against a provider in a tick was seen in the ticks before it, so that no price of a tick changes a weight of it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_half_even;

use crate::log::NanoLog;
use crate::params::Params;

/// What was seen of one provider's prices.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Administered {
    /// The sizes of the last changes of the ask, oldest first.
    steps: Vec<NanoLog>,
    /// The last discounts of a lease on the ask, oldest first, each with the ask it was on.
    discounts: Vec<(NanoLog, NanoLog)>,
    is_marked: bool,
}

impl Administered {
    /// Whether the prices seen so far are administered.
    pub(crate) const fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// Takes the next ask, and the lease if there was one.
    pub(crate) fn take(
        &mut self,
        before: NanoLog,
        ask: NanoLog,
        lease: Option<NanoLog>,
        params: &Params,
    ) {
        if ask == before && lease.is_none() {
            return;
        }
        if ask != before {
            push(&mut self.steps, ask.minus(before).abs(), params.administered_steps);
        }
        if let Some(lease) = lease {
            push(&mut self.discounts, (lease.minus(ask), ask), params.administered_leases);
        }
        self.is_marked = self.has_constant_steps(params) || self.has_constant_discount(params);
    }

    fn has_constant_steps(&self, params: &Params) -> bool {
        let (Some(least), Some(most)) = (self.steps.iter().min(), self.steps.iter().max()) else {
            return false;
        };
        let most_apart = share(*most, params);
        is_full(&self.steps, params.administered_steps)
            && params.administered_step_min <= *least
            && most.minus(*least) <= most_apart
    }

    /// A lease at the ask is a sale, not a rule: only a constant distance from it is.
    fn has_constant_discount(&self, params: &Params) -> bool {
        if !is_full(&self.discounts, params.administered_leases) {
            return false;
        }
        let count = i128::from(params.administered_leases.max(1));
        let sum: i128 =
            self.discounts.iter().map(|(discount, _)| i128::from(discount.nanos())).sum();
        let mean = div_half_even(sum, count);
        let variation = i128::from(params.administered_variation.ppm()).saturating_mul(1_000);
        if mean.saturating_abs() <= variation {
            return false;
        }
        let asks = self.discounts.windows(2).filter(|pair| match pair {
            [(_, one), (_, other)] => one != other,
            _ => false,
        });
        if asks.count() < ASKS_MIN {
            return false;
        }
        let square = |discount: &NanoLog| {
            let apart = i128::from(discount.nanos()).saturating_sub(mean);
            apart.saturating_mul(apart)
        };
        let squares: i128 = self.discounts.iter().map(|(discount, _)| square(discount)).sum();
        div_half_even(squares, count) < variation.saturating_mul(variation)
    }
}

/// A discount on an ask that never moves is one number, not a pattern.
const ASKS_MIN: usize = 3;

fn share(step: NanoLog, params: &Params) -> NanoLog {
    let part =
        i128::from(step.nanos()).saturating_mul(i128::from(params.administered_variation.ppm()));
    NanoLog::new(i64::try_from(div_half_even(part, 1_000_000)).unwrap_or(i64::MAX))
}

fn is_full<T>(seen: &[T], most: u32) -> bool {
    u32::try_from(seen.len()).is_ok_and(|len| most <= len)
}

fn push<T>(seen: &mut Vec<T>, one: T, most: u32) {
    if is_full(seen, most) && !seen.is_empty() {
        seen.remove(0);
    }
    seen.push(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(asks: &[i64], lease: impl Fn(usize, i64) -> Option<i64>) -> bool {
        let params = Params::default();
        let mut seen = Administered::default();
        let log = |millis: i64| NanoLog::new(millis * 1_000_000);
        for (place, pair) in asks.windows(2).enumerate() {
            seen.take(log(pair[0]), log(pair[1]), lease(place, pair[1]).map(log), &params);
        }
        seen.is_marked()
    }

    /// ORACLE-036: six steps of one size are a rule, six of different sizes or small ones are a market.
    #[test]
    fn oracle_036_a_price_that_moves_in_equal_steps_is_administered() {
        assert!(marked(&[0, 50, 100, 50, 100, 150, 200], |_, _| None));
        assert!(!marked(&[0, 50, 100, 50, 100, 150], |_, _| None), "five are not enough");
        assert!(!marked(&[0, 50, 100, 50, 100, 150, 190], |_, _| None), "one of another size");
        assert!(!marked(&[0, 5, 10, 5, 10, 15, 20], |_, _| None), "the smallest step there is");
    }

    /// ORACLE-036: the same discount on an ask that moves is a rule, a lease at the ask is a sale.
    #[test]
    fn oracle_036_leases_at_a_constant_discount_are_administered() {
        let asks: Vec<i64> = (0..21).map(|place| place * place % 17).collect();
        assert!(marked(&asks, |_, ask| Some(ask - 460)));
        assert!(!marked(&asks, |_, ask| Some(ask)), "at the ask");
        assert!(!marked(&asks, |place, ask| Some(ask - if place % 2 == 0 { 440 } else { 480 })));
        assert!(!marked(&[7; 22], |_, ask| Some(ask - 460)), "an ask that never moved");
    }
}
