//! How wide the index's own uncertainty is, and whether the votes disagree too much.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_half_even;
use instruments::{NanosSpan, Ppm};

use crate::log::NanoLog;
use crate::params::Params;
use crate::votes::{Vote, quantile};

const PPM_PER_ONE: i128 = 1_000_000;
/// From a median absolute deviation to a standard deviation.
const SIGMA_PPM: i128 = 1_482_600;
/// 1.64 standard errors of a median: 1.64 · 1.2533.
const STANDARD_ERRORS_PPM: i128 = 2_055_412;

/// The standard deviation that a median absolute deviation stands for.
pub(crate) fn sigma(deviation: NanoLog) -> NanoLog {
    times_ppm(deviation, SIGMA_PPM)
}

/// The largest of: half of the middle half of the votes, 1.64 standard errors, and the least ever claimed; wider with the votes' age.
pub(crate) fn half_width(
    votes: &[Vote],
    deviation: NanoLog,
    voices: Ppm,
    age: NanosSpan,
    params: &Params,
) -> Ppm {
    let quarter = |rank| quantile(votes, Ppm::new(rank)).unwrap_or_default();
    let middle_half = quarter(750_000).minus(quarter(250_000)).nanos();
    let quartile = div_half_even(i128::from(middle_half), 2);
    let error = times_ppm(sigma(deviation), STANDARD_ERRORS_PPM);
    // √voices in thousandths: √(ppm) of a number of voices is a thousand times its root.
    let root = i128::from(voices.ppm().max(1).isqrt());
    let error = div_half_even(i128::from(error.nanos()).saturating_mul(1_000), root.max(1));
    let widest = div_half_even(quartile.max(error), 1_000).max(i128::from(params.conf_min.ppm()));
    widened(widest, age, params.cadence)
}

/// A confidence multiplied by a rate, at most the whole.
pub(crate) fn multiplied(conf: Ppm, rate: Ppm) -> Ppm {
    let product = i128::from(conf.ppm()).saturating_mul(i128::from(rate.ppm()));
    at_most_whole(div_half_even(product, PPM_PER_ONE))
}

/// Times √(1 + age / cadence).
pub(crate) fn widened(conf: i128, age: NanosSpan, cadence: NanosSpan) -> Ppm {
    let ages = i128::from(age.nanos()).saturating_mul(PPM_PER_ONE);
    let ages = div_half_even(ages, i128::from(cadence.nanos().max(1)));
    let root = PPM_PER_ONE.saturating_add(ages).saturating_mul(PPM_PER_ONE).isqrt();
    at_most_whole(div_half_even(conf.saturating_mul(root), PPM_PER_ONE))
}

fn at_most_whole(ppm: i128) -> Ppm {
    Ppm::new(i64::try_from(ppm.min(PPM_PER_ONE)).unwrap_or(Ppm::ONE.ppm()))
}

fn times_ppm(log: NanoLog, ppm: i128) -> NanoLog {
    let product = div_half_even(i128::from(log.nanos()).saturating_mul(ppm), PPM_PER_ONE);
    NanoLog::new(i64::try_from(product).unwrap_or(i64::MAX))
}

/// Whether the votes disagree, with hysteresis: easily wide, slowly calm.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Dispersion {
    is_wide: bool,
    calm_ticks: u32,
}

impl Dispersion {
    /// Takes this tick's dispersion; whether the votes count as disagreeing.
    pub(crate) fn take(&mut self, sigma: NanoLog, params: &Params) -> bool {
        if params.dispersion_enter < sigma {
            *self = Self { is_wide: true, calm_ticks: 0 };
        } else if sigma <= params.dispersion_leave {
            self.calm_ticks = self.calm_ticks.saturating_add(1);
            self.is_wide = self.is_wide && self.calm_ticks < params.confirm_ticks;
        } else {
            self.calm_ticks = 0;
        }
        self.is_wide
    }
}
