//! The probabilities that the attacks are held against.

/// That none of `drawn` of `count` is among the `wrong` ones: drawn without repetition.
#[must_use]
pub fn all_missed(count: u32, wrong: u32, drawn: u32) -> f64 {
    let missed = |already: u32| {
        let right = f64::from(count.saturating_sub(wrong).saturating_sub(already));
        right / f64::from(count - already)
    };
    (0..drawn.min(count)).map(missed).product()
}

/// That at least `least` of `trials` happen, each with `probability`.
#[must_use]
pub fn at_least(least: u32, trials: u32, probability: f64) -> f64 {
    let ways = |happen: u32| -> f64 {
        (0..happen).map(|n| f64::from(trials - n) / f64::from(happen - n)).product()
    };
    let exactly = |happen: u32| {
        let rest = f64::from(trials - happen);
        ways(happen) * probability.powf(f64::from(happen)) * (1.0 - probability).powf(rest)
    };
    1.0 - (0..least).map(exactly).sum::<f64>()
}

/// That at least one challenge falls into a stretch in which `mean` are expected.
#[must_use]
pub fn challenged(mean: f64) -> f64 {
    1.0 - (-mean).exp()
}

/// What a seller gains by being absent, in prices of the mean time between two challenges.
///
/// `absence` is in the same unit, `cost` what delivering costs as a share of the price. It saves the cost;
/// when a challenge falls into it, the absence goes unpaid, the honest stretch since the challenge
/// before it, which is one mean time, and `after`: what passes until it is asked again.
#[must_use]
pub fn gain_of_absence(absence: f64, cost: f64, after: f64) -> f64 {
    cost * absence - challenged(absence) * (absence + 1.0 + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn odds_by_hand() {
        close(all_missed(16, 2, 2), 14.0 * 13.0 / (16.0 * 15.0));
        close(all_missed(4, 1, 2), 0.5);
        close(all_missed(3, 3, 1), 0.0);
        close(all_missed(5, 0, 5), 1.0);
        close(at_least(1, 3, 0.5), 7.0 / 8.0);
        close(at_least(4, 4, 0.5), 1.0 / 16.0);
        close(at_least(0, 9, 0.3), 1.0);
        close(challenged(0.0), 0.0);
    }

    /// PROOF-008: whatever the time away, the rate of challenges and the cost of delivering, which is
    /// at most the price: absence never pays.
    #[test]
    fn proof_008_absence_never_pays() {
        for step in 1..30_000_u32 {
            let absence = f64::from(step) / 1_000.0;
            for cost in [0.0, 0.5, 0.9, 1.0] {
                assert!(gain_of_absence(absence, cost, 0.0) < 0.0, "{absence} {cost}");
            }
        }
        close(gain_of_absence(0.0, 1.0, 1.0), 0.0);
    }
}
