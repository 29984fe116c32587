//! One task, judged: who is at fault when something is wrong with it.
//!
//! Invariants:
//! - what the provider wrote is the provider's fault, whatever it is;
//! - what the exchange or this build got wrong never is.

use api::wire::WireTask;

use crate::challenge::{Challenge, SegmentId};
use crate::expand::Bytes32;
use crate::merkle;
use crate::rate::{Timing, quality};
use crate::session::demand::{self, DemandError};
use crate::verify::{self, Claimed, Refutation, Verdict, VerifierFailure};
use crate::wire::openings_from_json;

/// A verdict and its reason in words.
#[derive(Debug)]
pub struct Judgement {
    verdict: Verdict,
    reason: String,
    /// Millionths of the grade.
    quality: u32,
}

impl Judgement {
    fn new(verdict: Verdict) -> Self {
        let reason = match &verdict {
            Verdict::Valid => String::new(),
            Verdict::Invalid { why } => why.to_string(),
            Verdict::Unverifiable { why } => why.to_string(),
        };
        Self { verdict, reason, quality: 0 }
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

    /// How fast it was, in millionths of the grade; of valid work only.
    #[must_use]
    pub fn quality(&self) -> u32 {
        self.quality
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
    let Demanded { challenge, claimed, roots } = match read(task) {
        Ok(demanded) => demanded,
        Err(error) => {
            let why = VerifierFailure::Task { why: error.to_string() };
            return Judgement::new(Verdict::Unverifiable { why });
        }
    };
    let openings = match openings_from_json(task.openings.get()) {
        Ok(openings) => openings,
        Err(error) => {
            let verdict = Verdict::Invalid { why: Refutation::Malformed };
            return Judgement { verdict, reason: error.to_string(), quality: 0 };
        }
    };
    let is_whole = roots.iter().all(|slot| slot.len() == usize::from(challenge.segments()));
    if is_whole && work_root(&roots) != claimed.work_root {
        // Roots that came early are worth nothing when others are claimed.
        return Judgement {
            verdict: Verdict::Invalid { why: Refutation::RootsNotCommitted },
            reason: "the roots that came are not those of the claim".to_owned(),
            quality: 0,
        };
    }
    let judgement = Judgement::new(verify::verify(&challenge, &claimed, &openings));
    // Of a slot that has not brought all its roots only the receipt says when it was done.
    let came = |(slot, times): (&Vec<_>, &Vec<u64>)| {
        let is_done = slot.len() == usize::from(challenge.segments());
        if is_done { times.clone() } else { Vec::new() }
    };
    let times: Vec<Vec<u64>> = roots.iter().zip(&task.root_times).map(came).collect();
    let timing = Timing { roots: &times, claimed_at: task.claimed_after };
    let (profile, segments) = (challenge.profile(), challenge.segments());
    Judgement { quality: quality(profile, segments, timing, task.reference_gflops), ..judgement }
}

/// What was demanded, and what has come of it.
struct Demanded {
    challenge: Challenge,
    claimed: Claimed,
    /// Slot by slot.
    roots: Vec<Vec<Bytes32>>,
}

fn read(task: &WireTask) -> Result<Demanded, DemandError> {
    let WireTask { challenge_seed, profile, slots, segments, .. } = task;
    let seed = ("challenge_seed", challenge_seed.as_str());
    let challenge = demand::challenge(seed, profile, *slots, *segments)?
        .in_session(&demand::hash("session_seed", &task.session_seed)?);
    let claimed = Claimed {
        work_root: demand::hash("work_root", &task.work_root)?,
        salt_key: demand::hash("salt_key", &task.salt_key)?,
        draw_seed: demand::hash("draw_seed", &task.draw_seed)?,
    };
    let roots: Result<Vec<Vec<Bytes32>>, DemandError> =
        task.roots.iter().map(|slot| demand::hashes("roots", slot)).collect();
    let roots = roots?;
    let slots = usize::from(challenge.slots());
    let is_timed = |(slot, times): (&Vec<Bytes32>, &Vec<u64>)| slot.len() == times.len();
    let is_of_shape = roots.len() == slots
        && task.root_times.len() == slots
        && roots.iter().zip(&task.root_times).all(is_timed);
    if !is_of_shape {
        return Err(DemandError::NotHashes { field: "roots" });
    }
    Ok(Demanded { challenge, claimed, roots })
}

/// The root over the roots of all segments, slot by slot.
fn work_root(roots: &[Vec<Bytes32>]) -> Bytes32 {
    let mut leaves = Vec::new();
    for (slot, chain) in (0..).zip(roots) {
        let leaf = |(segment, root)| merkle::segment_leaf(SegmentId { slot, segment }, root);
        leaves.extend((0..).zip(chain).map(leaf));
    }
    merkle::root(&leaves)
}
