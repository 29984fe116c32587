//! One task, judged: who is at fault when something is wrong with it.
//!
//! Invariants:
//! - what the provider wrote is the provider's fault, whatever it is;
//! - what the exchange or this build got wrong never is.

use api::wire::WireTask;

use crate::salt::NO_SECRET;
use crate::session::demand::{self, DemandError};
use crate::verify::{self, Claimed, Refutation, Verdict, VerifierFailure};
use crate::wire::openings_from_json;

/// A verdict and its reason in words.
#[derive(Debug)]
pub struct Judgement {
    verdict: Verdict,
    reason: String,
}

impl Judgement {
    fn new(verdict: Verdict) -> Self {
        let reason = match &verdict {
            Verdict::Valid => String::new(),
            Verdict::Invalid { why } => why.to_string(),
            Verdict::Unverifiable { why } => why.to_string(),
        };
        Self { verdict, reason }
    }

    /// The verifier itself has stopped.
    pub(super) fn stopped() -> Self {
        Self::new(Verdict::Unverifiable { why: VerifierFailure::Stopped })
    }

    /// `valid`, `invalid` or `unverifiable`.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match &self.verdict {
            Verdict::Valid => "valid",
            Verdict::Invalid { .. } => "invalid",
            Verdict::Unverifiable { .. } => "unverifiable",
        }
    }

    /// Why; empty when it is valid.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the work was done.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self.verdict, Verdict::Valid)
    }
}

/// Judges opened rows. Blocks for as long as it takes to compute them.
#[must_use]
pub fn judge(task: &WireTask) -> Judgement {
    let read = || {
        let WireTask { challenge_seed, profile, slots, segments, .. } = task;
        let seed = ("challenge_seed", challenge_seed.as_str());
        let challenge = demand::challenge(seed, profile, *slots, *segments)?;
        let work_root = demand::hash("work_root", &task.work_root)?;
        let draw_seed = demand::hash("draw_seed", &task.draw_seed)?;
        Ok::<_, DemandError>((challenge, work_root, draw_seed))
    };
    let (challenge, work_root, draw_seed) = match read() {
        Ok(read) => read,
        Err(error) => {
            let why = VerifierFailure::Task { why: error.to_string() };
            return Judgement::new(Verdict::Unverifiable { why });
        }
    };
    match openings_from_json(task.openings.get()) {
        Ok(openings) => {
            let claimed = Claimed { work_root, salt_key: NO_SECRET, draw_seed };
            Judgement::new(verify::verify(&challenge, &claimed, &openings))
        }
        Err(error) => Judgement {
            verdict: Verdict::Invalid { why: Refutation::Malformed },
            reason: error.to_string(),
        },
    }
}
