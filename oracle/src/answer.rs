//! How the price answers to utilisation: a coefficient learnt from daily changes, held near a prior belief.
//!
//! ```text
//! β = (β₀/τ² + Σ w·x·y / s²) / (1/τ² + Σ w·x² / s²)      x: change of logit U, y: change of ln price, day by day
//! ```
//!
//! w is one within two robust standard deviations s of the fit and falls as their inverse beyond: Huber's weights.
//!
//! Invariant: β lies between nothing and its limit, and changes once a day.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Ppm;
use instruments::rounding::div_half_even;

use crate::confidence::sigma;
use crate::log::NanoLog;
use crate::params::Params;
use crate::votes::{Vote, weighted_median};

const NANO: i128 = 1_000_000_000;
/// No market answers ten to one.
const FREE_MAX: NanoLog = NanoLog::new(10_000_000_000);
/// Times the weights are computed anew from the last fit.
const ROUNDS: u32 = 4;
/// Beyond so many standard deviations a day counts less.
const HUBER: i128 = 2;
/// A quieter market than one per cent a day says nothing more exactly.
const NOISE_MIN: i128 = 10_000_000;

/// The coefficient β and the days it is learnt from.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Answer {
    beta: NanoLog,
    /// Changes of logit U and of the log price, oldest first.
    moves: Vec<(NanoLog, NanoLog)>,
    day: u64,
}

impl Answer {
    /// The prior belief.
    pub(crate) const fn new(params: &Params) -> Self {
        Self { beta: params.answer_prior, moves: Vec::new(), day: 0 }
    }

    /// What the price answers to these odds: β · odds.
    pub(crate) fn to(&self, odds: NanoLog) -> NanoLog {
        product(self.beta, odds)
    }

    /// Whether `today` has not been counted yet.
    pub(crate) const fn is_new(&self, today: u64) -> bool {
        self.day != today
    }

    /// Begins a day; yesterday's changes are learnt from if both are known.
    pub(crate) fn turn_day(
        &mut self,
        today: u64,
        moves: Option<(NanoLog, NanoLog)>,
        params: &Params,
    ) {
        self.day = today;
        let Some(moves) = moves else { return };
        let room = usize::try_from(params.usual_days).unwrap_or(usize::MAX).max(1);
        while room <= self.moves.len() {
            self.moves.remove(0);
        }
        self.moves.push(moves);
        self.beta = self.fitted(params).clamp(NanoLog::ZERO, params.answer_max);
    }

    /// First a fit without the prior, for the noise that is in the days; then one with it.
    fn fitted(&self, params: &Params) -> NanoLog {
        let mut free = self.beta;
        for _ in 0..ROUNDS {
            free = self.fit(free, self.noise(free), (0, 0));
        }
        let noise = self.noise(free);
        // Everything in billionths: 1/τ² times the noise's square, so that one division remains.
        let tau = i128::from(params.answer_deviation.nanos()).max(1);
        let precision = div_half_even(square(noise).saturating_mul(NANO), square(tau));
        self.fit(free, noise, (precision, i128::from(params.answer_prior.nanos())))
    }

    /// The robust standard deviation of what `beta` leaves over.
    fn noise(&self, beta: NanoLog) -> i128 {
        let rests: Vec<Vote> =
            self.moves.iter().map(|one| Vote { at: rest(one, beta), mass: 1 }).collect();
        let noise = sigma(weighted_median(&rests).unwrap_or_default());
        i128::from(noise.nanos()).max(NOISE_MIN)
    }

    /// The weighted fit around `beta` with a prior of so much precision.
    fn fit(&self, beta: NanoLog, noise: i128, (precision, prior): (i128, i128)) -> NanoLog {
        let mut dividend = div_half_even(precision.saturating_mul(prior), NANO);
        let mut divisor = precision;
        for one in &self.moves {
            let weight = huber(i128::from(rest(one, beta).nanos()), noise);
            let (x, y) = (i128::from(one.0.nanos()), i128::from(one.1.nanos()));
            let weighed = |value: i128| {
                let value = div_half_even(value, NANO);
                div_half_even(value.saturating_mul(i128::from(weight.ppm())), 1_000_000)
            };
            dividend = dividend.saturating_add(weighed(x.saturating_mul(y)));
            divisor = divisor.saturating_add(weighed(x.saturating_mul(x)));
        }
        if divisor == 0 {
            return beta;
        }
        let fitted = div_half_even(dividend.saturating_mul(NANO), divisor.max(1));
        NanoLog::new(i64::try_from(fitted).unwrap_or(0)).within(NanoLog::ZERO, FREE_MAX)
    }
}

fn rest(&(x, y): &(NanoLog, NanoLog), beta: NanoLog) -> NanoLog {
    y.minus(product(beta, x)).abs()
}

fn huber(rest: i128, noise: i128) -> Ppm {
    let limit = noise.saturating_mul(HUBER);
    if rest <= limit {
        return Ppm::ONE;
    }
    let weight = div_half_even(limit.saturating_mul(1_000_000), rest.max(1));
    Ppm::new(i64::try_from(weight).unwrap_or(0))
}

fn product(left: NanoLog, right: NanoLog) -> NanoLog {
    let product = i128::from(left.nanos()).saturating_mul(i128::from(right.nanos()));
    NanoLog::new(i64::try_from(div_half_even(product, NANO)).unwrap_or(0))
}

fn square(value: i128) -> i128 {
    value.saturating_mul(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// β in millionths after days on which the price answers to odds that swing by a half.
    fn learnt(days: i64, price: impl Fn(i64, i64) -> i64) -> i64 {
        let params = Params::default();
        let mut answer = Answer::new(&params);
        for day in 0..days {
            let odds = if day % 2 == 0 { 500_000_000 } else { -500_000_000 };
            let moves = (NanoLog::new(odds), NanoLog::new(price(day, odds)));
            answer.turn_day(u64::try_from(day).unwrap() + 1, Some(moves), &params);
        }
        answer.beta.nanos() / 1_000
    }

    /// ORACLE-038: the answer begins at the belief, goes where the days are, and stays within its limits.
    #[test]
    fn oracle_038_the_answer_is_learnt_and_bounded() {
        assert_eq!(learnt(0, |_, _| 0), 150_000);
        let close = |value: i64, to: i64| (value - to).abs() <= 5_000;
        assert!(close(learnt(60, |_, odds| odds * 3 / 10), 300_000));
        assert!(close(learnt(60, |_, _| 0), 0));
        assert_eq!(learnt(60, |_, odds| odds * 2), 500_000);
        assert_eq!(learnt(60, |_, odds| -odds), 0);
    }

    /// ORACLE-038: one mad day in ten does not teach it much.
    #[test]
    fn oracle_038_a_mad_day_hardly_teaches() {
        let price = |day: i64, odds: i64| {
            if day % 10 == 3 { 2_000_000_000 } else { odds * 3 / 10 }
        };
        assert!((learnt(60, price) - 300_000).abs() <= 30_000, "{}", learnt(60, price));
    }
}
