//! The verifier's side: are the opened rows what the challenge asked for?
//!
//! ```text
//! openings -> shape -> roots hash to the work root -> rows are the drawn ones
//!          -> rows computed from the seed -> they hash along their paths to the roots
//! ```
//!
//! Invariants:
//! - whatever a provider sends ends in [`Verdict::Valid`] or [`Verdict::Invalid`];
//! - [`Verdict::Unverifiable`] is only ever our own failure, and costs the provider nothing.

use std::thread;

use candle_core::Device;

use crate::challenge::{Challenge, Draw, draw};
use crate::expand::{Bytes32, segment_seed};
use crate::merkle::{self, Place};
use crate::profile::Shape;
use crate::program::{self, OpenedRow, Openings, ProgramError, SegmentProgram};
use crate::stream;

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
    /// Not one root for each segment of each slot.
    #[error("roots are not {slots} slots of {segments} segments")]
    RootsMissing {
        /// Slots of the challenge.
        slots: u16,
        /// Segments of the challenge.
        segments: u16,
    },
    /// The roots are not those of the receipt.
    #[error("segment roots do not hash to the committed work root")]
    RootsNotCommitted,
    /// Not as many rows as were drawn.
    #[error("{opened} rows opened, {drawn} drawn")]
    WrongCount {
        /// Rows in the answer.
        opened: usize,
        /// Rows in the draw.
        drawn: usize,
    },
    /// Another row stands where a drawn one should.
    #[error("row {row} of segment {segment} in slot {slot} was drawn and is not opened")]
    RowMissing {
        /// Slot drawn.
        slot: u16,
        /// Segment drawn.
        segment: u16,
        /// Row drawn.
        row: u32,
    },
    /// What the seed gives was not committed in that place: the work was not done.
    #[error("row {row} of segment {segment} in slot {slot} as the seed gives it was not committed")]
    WrongRow {
        /// Slot opened.
        slot: u16,
        /// Segment opened.
        segment: u16,
        /// Row opened.
        row: u32,
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
pub fn verify(
    challenge: &Challenge,
    work_root: &Bytes32,
    draw_seed: &Bytes32,
    openings: &Openings,
) -> Verdict {
    verify_on(Kernel::Streaming, challenge, work_root, draw_seed, openings)
}

/// [`verify`] with a chosen kernel.
#[must_use]
pub fn verify_on(
    kernel: Kernel,
    challenge: &Challenge,
    work_root: &Bytes32,
    draw_seed: &Bytes32,
    openings: &Openings,
) -> Verdict {
    let draws = draw(draw_seed, challenge, work_root);
    let checked = check_commitment(challenge, work_root, &draws, openings);
    if let Err(why) = checked {
        return Verdict::Invalid { why };
    }
    verdict(first_wrong_row(kernel, challenge, openings))
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
    let (slots, segments) = (challenge.slots(), challenge.segments());
    let whole_chain = |chain: &Vec<Bytes32>| chain.len() == usize::from(segments);
    if openings.roots.len() != usize::from(slots) || !openings.roots.iter().all(whole_chain) {
        return Err(Refutation::RootsMissing { slots, segments });
    }
    if program::work_root(&openings.roots) != *work_root {
        return Err(Refutation::RootsNotCommitted);
    }
    let drawn: usize = draws.iter().map(|draw| draw.rows.len()).sum();
    if openings.rows.len() != drawn {
        return Err(Refutation::WrongCount { opened: openings.rows.len(), drawn });
    }
    let wanted = draws
        .iter()
        .flat_map(|draw| draw.rows.iter().map(move |row| (draw.slot, draw.segment, *row)));
    for ((slot, segment, row), opened) in wanted.zip(&openings.rows) {
        if (opened.slot, opened.segment, opened.row) != (slot, segment, row) {
            return Err(Refutation::RowMissing { slot, segment, row });
        }
    }
    Ok(())
}

/// Computes every opened row again, segment by segment, on all cores.
fn first_wrong_row(
    kernel: Kernel,
    challenge: &Challenge,
    openings: &Openings,
) -> Result<Option<Refutation>, VerifierFailure> {
    let same_segment = |a: &OpenedRow, b: &OpenedRow| (a.slot, a.segment) == (b.slot, b.segment);
    let opened: Vec<&[OpenedRow]> = openings.rows.chunk_by(same_segment).collect();
    let cores = thread::available_parallelism()?.get();
    let share = opened.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let mut checks = Vec::new();
        for mine in opened.chunks(share) {
            let check = move || wrong_row_in(kernel, challenge, &openings.roots, mine);
            checks.push(thread::Builder::new().spawn_scoped(scope, check)?);
        }
        let mut first = None;
        for check in checks {
            let found = check.join().map_err(|_panic| VerifierFailure::Stopped)??;
            first = first.or(found);
        }
        Ok(first)
    })
}

fn wrong_row_in(
    kernel: Kernel,
    challenge: &Challenge,
    roots: &[Vec<Bytes32>],
    segments: &[&[OpenedRow]],
) -> Result<Option<Refutation>, ProgramError> {
    let Shape { rows: count, inner, .. } = *challenge.profile().shape();
    for opened in segments {
        let Some(OpenedRow { slot, segment, .. }) = opened.first() else { continue };
        let chain = &roots[usize::from(*slot)];
        let previous_root = program::previous_root(chain.iter().copied(), usize::from(*segment));
        let seed = segment_seed(challenge.seed(), *slot, *segment, &previous_root);
        let rows: Vec<u32> = opened.iter().map(|opened| opened.row).collect();
        let expected = recompute(kernel, challenge, &seed, &rows)?;
        for (opened, expected) in opened.iter().zip(expected.chunks_exact(inner as usize)) {
            let OpenedRow { slot, segment, row, ref path } = *opened;
            let place = Place { index: row as usize, count: count as usize };
            let leaf = merkle::row_leaf(segment, row, expected);
            if !merkle::proves(&chain[usize::from(segment)], &leaf, place, path) {
                return Ok(Some(Refutation::WrongRow { slot, segment, row }));
            }
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
    let (seed, profile) = (challenge.seed(), challenge.profile());
    match kernel {
        Kernel::Streaming => Ok(stream::finished_rows(seed, segment_seed, rows, profile)),
        Kernel::Candle => {
            SegmentProgram::load(seed, profile, &Device::Cpu)?.finished_rows(segment_seed, rows)
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
