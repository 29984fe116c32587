//! The verifier's side: are the opened rows what the challenge asked for?
//!
//! ```text
//! openings -> shape -> drawn roots hash to the work root
//!          -> drawn rows computed from the seed -> they hash to those roots
//! ```
//!
//! Invariants:
//! - whatever a provider sends ends in [`Verdict::Valid`] or [`Verdict::Invalid`];
//! - [`Verdict::Unverifiable`] is only ever our own failure, and costs the provider nothing.

use std::thread;

use candle_core::Device;

use crate::challenge::{Challenge, Draw, SegmentId, draw};
use crate::expand::{Bytes32, segment_seed};
use crate::merkle;
use crate::profile::Shape;
use crate::program::{Openings, ProgramError, SegmentProgram, place_of, shown};
use crate::salt::salt;
use crate::stream;

/// What was claimed, and what was a secret until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The root in the receipt.
    pub work_root: Bytes32,
    /// What the salts follow from.
    pub salt_key: Bytes32,
    /// What the rows are drawn with.
    pub draw_seed: Bytes32,
}

/// What the verifier found.
#[derive(Debug)]
pub enum Verdict {
    /// Every drawn row is exactly what the seed gives.
    Valid,
    /// The provider did not do the work, or did not show that it did.
    Invalid {
        /// The first thing that is wrong.
        why: Refutation,
    },
    /// We could not find out.
    Unverifiable {
        /// What failed on our side.
        why: VerifierFailure,
    },
}

/// What is wrong with a provider's answer. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refutation {
    /// The answer is not openings at all; for callers that parse.
    #[error("the answer cannot be read as openings")]
    Malformed,
    /// Not as many as the draw asks for.
    #[error("{shown} {what} shown, {drawn} drawn")]
    WrongCount {
        /// Roots, or segments with rows.
        what: &'static str,
        /// In the answer.
        shown: usize,
        /// In the draw.
        drawn: usize,
    },
    /// The roots are not those of the receipt.
    #[error("segment roots do not hash to the committed work root")]
    RootsNotCommitted,
    /// What the seed gives was not committed in that place: the work was not done.
    #[error("drawn rows of segment {} in slot {} as the seed gives them were not committed", .id.segment, .id.slot)]
    WrongRows {
        /// Segment opened.
        id: SegmentId,
    },
}

/// What failed on our side.
#[derive(Debug, thiserror::Error)]
pub enum VerifierFailure {
    /// The device of [`Kernel::Candle`].
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The machine gave no thread.
    #[error("no thread to verify on: {0}")]
    NoThread(#[from] std::io::Error),
    /// The exchange asks for something that this build does not know.
    #[error("task not understood: {why}")]
    Task {
        /// In words.
        why: String,
    },
    /// Our own code stopped.
    #[error("a verifying thread stopped before it was done")]
    Stopped,
}

/// How rows are computed again. Both give the same bits; the streaming one never holds a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernel {
    /// Integers, straight from the hash stream.
    #[default]
    Streaming,
    /// The provider's own program on few rows.
    Candle,
}

/// Judges an answer against the work root that was committed before the draw.
#[must_use]
pub fn verify(challenge: &Challenge, claimed: &Claimed, openings: &Openings) -> Verdict {
    verify_on(Kernel::Streaming, challenge, claimed, openings)
}

/// [`verify`] with a chosen kernel.
#[must_use]
pub fn verify_on(
    kernel: Kernel,
    challenge: &Challenge,
    claimed: &Claimed,
    openings: &Openings,
) -> Verdict {
    let draws = draw(&claimed.draw_seed, challenge, &claimed.work_root);
    let shown = shown(&draws);
    if let Err(why) = check_commitment(challenge, &claimed.work_root, &draws, openings) {
        return Verdict::Invalid { why };
    }
    let root_of = |id: SegmentId| {
        let at = shown.binary_search(&id).unwrap_or_else(|_| unreachable!("drawn, so shown"));
        openings.roots[at]
    };
    let checks: Vec<Check> = draws
        .iter()
        .zip(&openings.rows)
        .map(|(draw, path)| {
            let id = draw.id;
            let before = id.segment.checked_sub(1).map(|segment| SegmentId { segment, ..id });
            let previous_root = before.map_or_else(Bytes32::default, root_of);
            let salt = salt(&claimed.salt_key, id);
            let seed = segment_seed(challenge.seed(), id, &previous_root, &salt);
            Check { draw, seed, root: root_of(id), path }
        })
        .collect();
    verdict(first_wrong(kernel, challenge, &checks))
}

/// One drawn segment: its rows are to be computed from `seed`, and to lead along `path` to `root`.
struct Check<'a> {
    draw: &'a Draw,
    seed: Bytes32,
    root: Bytes32,
    path: &'a [Bytes32],
}

fn verdict(found: Result<Option<Refutation>, VerifierFailure>) -> Verdict {
    match found {
        Ok(None) => Verdict::Valid,
        Ok(Some(why)) => Verdict::Invalid { why },
        Err(why) => Verdict::Unverifiable { why },
    }
}

/// Everything that needs hashes only.
fn check_commitment(
    challenge: &Challenge,
    work_root: &Bytes32,
    draws: &[Draw],
    openings: &Openings,
) -> Result<(), Refutation> {
    let ids = shown(draws);
    let counts = [
        ("roots", openings.roots.len(), ids.len()),
        ("segments", openings.rows.len(), draws.len()),
    ];
    for (what, shown, drawn) in counts {
        if shown != drawn {
            return Err(Refutation::WrongCount { what, shown, drawn });
        }
    }
    let segments = usize::from(challenge.segments());
    let leaf = |(id, root): (&SegmentId, &Bytes32)| {
        (place_of(*id, segments), merkle::segment_leaf(*id, root))
    };
    let leaves: Vec<(usize, Bytes32)> = ids.iter().zip(&openings.roots).map(leaf).collect();
    let count = usize::from(challenge.slots()) * segments;
    if merkle::root_of(&leaves, count, &openings.path) != Some(*work_root) {
        return Err(Refutation::RootsNotCommitted);
    }
    Ok(())
}

/// Computes every opened row again, segment by segment, on all cores.
fn first_wrong(
    kernel: Kernel,
    challenge: &Challenge,
    checks: &[Check],
) -> Result<Option<Refutation>, VerifierFailure> {
    let cores = thread::available_parallelism()?.get();
    let share = checks.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let mut running = Vec::new();
        for mine in checks.chunks(share) {
            let check = move || wrong_among(kernel, challenge, mine);
            running.push(thread::Builder::new().spawn_scoped(scope, check)?);
        }
        let mut first = None;
        for check in running {
            let found = check.join().map_err(|_panic| VerifierFailure::Stopped)??;
            first = first.or(found);
        }
        Ok(first)
    })
}

fn wrong_among(
    kernel: Kernel,
    challenge: &Challenge,
    checks: &[Check],
) -> Result<Option<Refutation>, ProgramError> {
    let Shape { rows: count, inner, .. } = *challenge.profile().shape();
    for Check { draw, seed, root, path } in checks {
        let expected = recompute(kernel, challenge, seed, &draw.rows)?;
        let leaf = |(row, values): (&u32, &[i16])| {
            (*row as usize, merkle::row_leaf(draw.id.segment, *row, values))
        };
        let leaves: Vec<(usize, Bytes32)> =
            draw.rows.iter().zip(expected.chunks_exact(inner as usize)).map(leaf).collect();
        if merkle::root_of(&leaves, count as usize, path) != Some(*root) {
            return Ok(Some(Refutation::WrongRows { id: draw.id }));
        }
    }
    Ok(None)
}

fn recompute(
    kernel: Kernel,
    challenge: &Challenge,
    segment_seed: &Bytes32,
    rows: &[u32],
) -> Result<Vec<i16>, ProgramError> {
    let (pool_seed, profile) = (challenge.pool_seed(), challenge.profile());
    match kernel {
        Kernel::Streaming => Ok(stream::finished_rows(pool_seed, segment_seed, rows, profile)),
        Kernel::Candle => {
            let program = SegmentProgram::load(pool_seed, profile, &Device::Cpu)?;
            program.finished_rows(segment_seed, rows)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_014_our_own_failure_is_unverifiable() {
        let failure = VerifierFailure::from(std::io::Error::other("out of threads"));
        assert!(matches!(verdict(Err(failure)), Verdict::Unverifiable { .. }));
        assert!(matches!(verdict(Ok(None)), Verdict::Valid));
    }
}
