//! A challenge as the exchange makes it, and an answer as the exchange and its verifier judge it.

use super::Chance;
use crate::challenge::{Challenge, SegmentId, draw};
use crate::expand::Bytes32;
use crate::profile::{ClassProfile, Renorm, Shape, Weights};
use crate::program::{Openings, ProgramError, SegmentProgram, Work, run_by};
use crate::rate::{Timing, quality, share};
use crate::salt::KnownSalts;
use crate::verify::{Claimed, Refutation, Verdict, VerifierFailure, verify};

/// Segments of `dc` that a segment stands for on the simulated clock.
const STANDS_FOR: u16 = 85;
/// GFLOP/s that the grade promises: an H200's TF32 rate, about.
pub(super) const REFERENCE: u64 = 300_000;
/// Least share of the grade that counts, in millionths: DELIV-006.
const FLOOR: u32 = 900_000;
/// Microseconds for the network and the agent, beyond the work itself at 0.95 of the grade.
const GRACE: u64 = 450_000;

/// How large the challenges of an attack are.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub(super) profile: ClassProfile,
    pub(super) slots: u16,
    pub(super) segments: u16,
}

impl Setting {
    /// Sixteen rows, two opened in each of two of four segments.
    pub(super) fn usual() -> Self {
        Self { profile: small(16, 2, 4, 2), slots: 1, segments: 4 }
    }
}

/// A small profile.
pub(super) fn small(rows: u32, steps: u32, pool: u32, open_rows: u32) -> ClassProfile {
    let shape = Shape {
        rows,
        inner: 64,
        steps,
        pool,
        weights: Weights::Byte,
        open_rows,
        open_segments: 2,
        salt_delay: 1,
        renorm: Renorm { shift: 5, bits: 9 },
    };
    ClassProfile::new("small", shape).unwrap_or_else(|_| unreachable!("within its bounds"))
}

/// A challenge, and what the exchange keeps to itself until the claim.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub(super) challenge: Challenge,
    pub(super) salt_key: Bytes32,
    draw_seed: Bytes32,
}

/// What has come, and when, in microseconds after the challenge was sent.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) work_root: Bytes32,
    pub(super) openings: Openings,
    pub(super) claimed_at: u64,
}

/// Whether something that should have taken `whole` and has taken `took` is below the grade.
pub(super) fn is_below_floor(whole: u64, took: u64) -> bool {
    share(whole.into(), took.into()) < FLOOR
}

/// How the exchange finds it.
#[derive(Debug)]
pub enum Finding {
    /// Paid.
    Passed,
    /// Nothing came in time.
    Silent,
    /// Not the work.
    Refuted(Refutation),
    /// The work, too slowly.
    BelowGrade,
}

impl Finding {
    pub(super) const fn is_caught(&self) -> bool {
        !matches!(self, Self::Passed)
    }
}

impl Asked {
    pub(super) fn of(setting: Setting, chance: &mut Chance) -> Self {
        let Setting { profile, slots, segments } = setting;
        let challenge = Challenge::new(chance.bytes(), profile, slots, segments);
        let challenge = challenge.unwrap_or_else(|_| unreachable!("small, and not empty"));
        Self { challenge, salt_key: chance.bytes(), draw_seed: chance.bytes() }
    }

    /// The program over this challenge's pool.
    pub(super) fn program(&self) -> Result<SegmentProgram, ProgramError> {
        let (pool_seed, profile) = (self.challenge.pool_seed(), self.challenge.profile());
        SegmentProgram::load(pool_seed, profile, &candle_core::Device::Cpu)
    }

    /// Work whose rows come from `rows`, with the salts as they are released.
    pub(super) fn work_by(
        &self,
        rows: impl FnMut(SegmentId, &Bytes32) -> Result<Vec<i16>, ProgramError>,
    ) -> Result<Work, ProgramError> {
        run_by(&self.challenge, &mut KnownSalts(self.salt_key), rows)
    }

    /// Honest work.
    pub(super) fn work(&self) -> Result<Work, ProgramError> {
        let (program, rows) = (self.program()?, self.rows());
        self.work_by(|_id, seed| program.finished_rows(seed, &rows))
    }

    /// Every row of a segment.
    pub(super) fn rows(&self) -> Vec<u32> {
        (0..self.challenge.profile().shape().rows).collect()
    }

    /// Microseconds that the work takes a device with that share of the grade, in thousandths.
    pub(super) fn takes(&self, share: u64) -> u64 {
        let segments = u64::from(self.challenge.segments() * STANDS_FOR);
        // FLOP over GFLOP/s are nanoseconds.
        ClassProfile::DC.flop_per_segment() * segments / REFERENCE / share
    }

    /// The deadline.
    pub(super) fn answer_by(&self) -> u64 {
        self.takes(950) + GRACE
    }

    /// The answer of whoever has that work, `claimed_at` microseconds after it was asked.
    pub(super) fn answer(&self, work: &Work, claimed_at: u64) -> Answer {
        let work_root = work.root();
        Answer { work_root, openings: self.open(work, &work_root), claimed_at }
    }

    /// Opens what is drawn after a claim.
    pub(super) fn open(&self, work: &Work, work_root: &Bytes32) -> Openings {
        work.open(&draw(&self.draw_seed, &self.challenge, work_root))
    }

    /// Judges an answer as exchange and verifier do: in time, then right, then fast enough.
    pub(super) fn judge(&self, answer: Option<&Answer>) -> Result<Finding, VerifierFailure> {
        let Some(answer) = answer.filter(|answer| answer.claimed_at < self.answer_by()) else {
            return Ok(Finding::Silent);
        };
        let Self { salt_key, draw_seed, .. } = *self;
        let claimed = Claimed { work_root: answer.work_root, salt_key, draw_seed };
        match verify(&self.challenge, &claimed, &answer.openings) {
            Verdict::Valid => {}
            Verdict::Invalid { why } => return Ok(Finding::Refuted(why)),
            Verdict::Unverifiable { why } => return Err(why),
        }
        let timing = Timing { roots: &[], claimed_at: answer.claimed_at };
        let segments = self.challenge.segments() * STANDS_FOR;
        let is_fast = FLOOR <= quality(&ClassProfile::DC, segments, timing, Some(REFERENCE));
        Ok(if is_fast { Finding::Passed } else { Finding::BelowGrade })
    }
}
