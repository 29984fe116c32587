//! A seller who is away between challenges, metered by the rule by which hours are paid.
//!
//! Challenges come at the times of a Poisson process, and again soon after one that was missed.

use instruments::{Nanos, NanosSpan, Ppm};
use settlement::{ChallengeOutcome, Ended, FailCause, credit, marks};

use super::Chance;
use super::odds::challenged;
use crate::verify::VerifierFailure;

/// Seconds between two challenges, on average: twelve an hour.
const GAP: f64 = 300.0;
/// Seconds of a session. An absence in the middle of it is some thirty gaps from both ends.
const SESSION: f64 = 21_600.0;
/// Seconds after which a challenge is known to be missed, and within which one that follows forgives it.
const ANSWER: f64 = 10.0;
const RECHECK: u64 = 60;

/// What came of an absence, in mean gaps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Absence {
    /// How long it was.
    pub away: f64,
    /// What went unpaid.
    pub unpaid: f64,
}

impl Absence {
    /// What is gained by a seller whose costs are the whole price.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.away - self.unpaid
    }
}

/// Meters a session with an absence of so many mean gaps, of which so many failures may be forgiven.
pub(super) fn metered(chance: &mut Chance, away: f64, forgiven: u32) -> Absence {
    let from = SESSION / 2.0 - away * GAP / 2.0;
    let is_away = |at: f64| (from..from + away * GAP).contains(&at);
    let mut asked = vec![0.0, SESSION];
    let mut at = 0.0;
    loop {
        at += chance.exponential() * GAP;
        if SESSION <= at {
            break;
        }
        asked.push(at);
        // Asked again until it answers.
        let mut missed = at;
        while is_away(missed) {
            missed += ANSWER + 5.0 + chance.below(45) as f64;
            asked.push(missed);
        }
    }
    asked.sort_by(f64::total_cmp);
    let ended = |at: &f64| {
        let is_missed = is_away(*at);
        let outcome = if is_missed {
            ChallengeOutcome::Failed { cause: FailCause::Silent }
        } else {
            ChallengeOutcome::Passed { quality: Ppm::ONE }
        };
        Ended { at: nanos(*at), known_at: nanos(*at + ANSWER), outcome }
    };
    let ended: Vec<Ended> = asked.iter().map(ended).collect();
    let (recheck, mut left) = (NanosSpan::from_seconds(RECHECK), forgiven);
    let marks = marks(&ended, recheck, |_at, is_used| {
        left -= u32::from(is_used);
        left
    });
    let session = (nanos(0.0), nanos(SESSION));
    let (_, missing) = credit(session, &marks, recheck, session).shares();
    Absence { away, unpaid: missing.ppm() as f64 / 1e6 * SESSION / GAP }
}

fn nanos(seconds: f64) -> Nanos {
    Nanos::new((seconds * 1e9) as u64)
}

/// Mean gains of absences of so many mean gaps, over seeded trials, nothing forgiven; and their standard error.
#[must_use]
pub fn mean_gain(away: f64, trials: u32, seed: u64) -> (f64, f64) {
    let gain = |trial| metered(&mut Chance::of(seed, "gain", trial), away, 0).gain();
    let gains: Vec<f64> = (0..trials).map(gain).collect();
    let mean = gains.iter().sum::<f64>() / f64::from(trials);
    let square = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>();
    (mean, square.sqrt() / f64::from(trials))
}

/// Five minutes away: found out when anything of the session goes unpaid.
pub(super) fn absent(chance: &mut Chance) -> Result<bool, VerifierFailure> {
    Ok(0.0 < metered(chance, 1.0, 2).unpaid)
}

pub(super) fn absent_odds() -> f64 {
    challenged(1.0)
}
