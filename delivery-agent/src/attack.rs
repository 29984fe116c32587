//! Every way of not delivering that we know, tried: how often it is caught, beside how often it should be.
//!
//! The attackers run the real program and are judged by the real verifier; only times come from a
//! simulated clock, on which a small segment stands for many of a data-centre card.
//!
//! Invariants:
//! - every probability is computed from the rules, never fitted to what was seen;
//! - a trial follows from the seed, the attack's name and its number, on any number of threads.

mod absence;
mod cheats;
mod court;
mod money;
pub mod odds;

use rayon::prelude::*;

use crate::expand::Bytes32;
use crate::verify::VerifierFailure;

pub use absence::{Absence, mean_gain};
pub use cheats::ATTACKS;
pub use court::{Asked, Finding, Setting};

/// Binomial standard deviations between what is seen and what is computed that pass.
const DEVIATIONS_MAX: f64 = 4.0;
/// Honest trials for each trial of an attack.
const HONEST_PER_ATTACK: u32 = 10;
/// Bounds a run to some hours.
pub const TRIALS_MAX: u32 = 1_000_000;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Of each attack.
    pub trials: u32,
    /// What everything follows from.
    pub seed: u64,
}

/// Why a plan is not run.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// Nothing, or too much.
    #[error("{trials} trials, outside 1..={TRIALS_MAX}")]
    Trials {
        /// What was asked for.
        trials: u32,
    },
    /// The machine failed, so nothing is shown.
    #[error("trial {trial} of `{attack}` failed: {source}")]
    Failed {
        /// Which attack.
        attack: &'static str,
        /// Which of its trials.
        trial: u32,
        /// On our side.
        source: VerifierFailure,
    },
}

/// A way of not delivering.
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// What the attacker does.
    pub does: &'static str,
    /// The probability that one challenge, or one pair of marks, catches it.
    pub expected: fn() -> f64,
    /// One attempt: whether it was caught.
    pub(crate) trial: fn(&mut Chance) -> Result<bool, VerifierFailure>,
}

/// What has come of one attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// What it is called.
    pub attack: &'static str,
    /// What the attacker does.
    pub does: &'static str,
    /// Attempts.
    pub trials: u32,
    /// Of them caught.
    pub caught: u32,
    /// The probability that was computed.
    pub expected: f64,
}

impl Row {
    /// How often it was caught.
    #[must_use]
    pub fn observed(&self) -> f64 {
        f64::from(self.caught) / f64::from(self.trials)
    }

    /// Binomial standard deviations between seen and computed; `None` where nothing is left to chance.
    #[must_use]
    pub fn deviations(&self) -> Option<f64> {
        let spread = (self.expected * (1.0 - self.expected) / f64::from(self.trials)).sqrt();
        (0.0 < spread).then(|| (self.observed() - self.expected) / spread)
    }

    /// Whether what was seen is what was computed.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.deviations() {
            Some(deviations) => deviations.abs() <= DEVIATIONS_MAX,
            None if self.expected < 0.5 => self.caught == 0,
            None => self.caught == self.trials,
        }
    }
}

/// Tries every attack, the honest provider among them.
///
/// # Errors
/// [`AttackError`].
pub fn run(plan: Plan) -> Result<Vec<Row>, AttackError> {
    let Plan { trials, .. } = plan;
    if trials == 0 || TRIALS_MAX < trials {
        return Err(AttackError::Trials { trials });
    }
    ATTACKS.iter().map(|attack| try_out(attack, plan)).collect()
}

/// Tries one attack.
///
/// # Errors
/// [`AttackError::Failed`].
pub fn try_out(attack: &Attack, Plan { trials, seed }: Plan) -> Result<Row, AttackError> {
    let &Attack { name, does, expected, trial } = attack;
    let expected = expected();
    let trials = if 0.0 < expected { trials } else { trials.saturating_mul(HONEST_PER_ATTACK) };
    let attempt = |number: u32| {
        let mut chance = Chance::of(seed, name, number);
        let failed = |source| AttackError::Failed { attack: name, trial: number, source };
        trial(&mut chance).map(u32::from).map_err(failed)
    };
    let caught = (0..trials).into_par_iter().map(attempt).sum::<Result<u32, AttackError>>()?;
    Ok(Row { attack: name, does, trials, caught, expected })
}

/// Numbers of one trial.
pub(crate) struct Chance(blake3::OutputReader);

impl Chance {
    fn of(seed: u64, attack: &str, trial: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes()).update(&trial.to_le_bytes()).update(attack.as_bytes());
        Self(hasher.finalize_xof())
    }

    pub(crate) fn bytes(&mut self) -> Bytes32 {
        let mut bytes = Bytes32::default();
        self.0.fill(&mut bytes);
        bytes
    }

    /// Uniform below `below`; the bias of a 64-bit remainder is nothing beside four deviations.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % below
    }

    /// `chosen` different numbers below `count`.
    pub(crate) fn choose(&mut self, chosen: usize, count: u32) -> Vec<u32> {
        let mut all: Vec<u32> = (0..count).collect();
        for at in 0..chosen.min(all.len()) {
            let other = at + self.below((all.len() - at) as u64) as usize;
            all.swap(at, other);
        }
        all.truncate(chosen);
        all
    }

    /// A waiting time of mean one.
    pub(crate) fn exponential(&mut self) -> f64 {
        let uniform = (self.below(1 << 52) as f64 + 0.5) / (1_u64 << 52) as f64;
        -uniform.ln()
    }
}
