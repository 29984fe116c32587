//! What a device really does, measured with the real program: exact products, reading the pool, filling memory, copying to the device.
//!
//! Invariants:
//! - what was measured was verified too: a device that is fast and wrong has no figure;
//! - the first run of everything is thrown away, because it pays for what is made only once.

use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};

use crate::challenge::{Challenge, ChallengeError, draw};
use crate::device::Path;
use crate::expand::Bytes32;
use crate::fault::Fault;
use crate::profile::{ClassProfile, ProfileError};
use crate::program::{Pool, ProgramError, SegmentProgram, Work};
use crate::salt::{KnownSalts, NO_SECRET};
use crate::verify::{Claimed, Verdict, verify};

/// Bytes that are copied at once to find the rate of copying.
const COPY_BYTES: usize = 256 * 1024 * 1024;
/// Pool matrices that filling adds at a time: 1 GiB of 64 MiB each.
const FILL_STEP: u32 = 16;
/// Matrices that are given back when the device is full: the program needs room for one step.
const FILL_SPARE: u32 = 24;
const MIB: u64 = 1024 * 1024;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The device failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// No such work.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// No such pool.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The device is wrong.
    #[error("what the device computed was not verified: {why}")]
    Wrong {
        /// What the verifier says.
        why: String,
    },
}

impl From<candle_core::Error> for MeasureError {
    fn from(error: candle_core::Error) -> Self {
        Self::Program(error.into())
    }
}

/// Work that was done, and how long it took.
#[derive(Debug)]
pub struct Timed<T> {
    /// What came of it.
    pub done: T,
    /// How long it took.
    pub took: Duration,
}

/// Does something and takes the time.
#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
pub fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<Timed<T>, E> {
    let started = Instant::now();
    let done = work()?;
    Ok(Timed { done, took: started.elapsed() })
}

/// How much of something was done in a second, rounded down; `per` of it are one unit.
#[must_use]
pub fn per_second(amount: u64, per: u64, took: Duration) -> u64 {
    let nanos = took.as_nanos().max(1);
    let rate = u128::from(amount) * 1_000_000_000 / (nanos * u128::from(per.max(1)));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The program of a profile on a device, ready to be run again and again.
pub struct Probe {
    program: SegmentProgram,
    profile: ClassProfile,
    pool_seed: Bytes32,
    runs: u32,
}

impl Probe {
    /// Fills the device with the pool.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn open(profile: ClassProfile, device: &Device, path: Path) -> Result<Self, MeasureError> {
        let pool_seed = *blake3::hash(b"tenor: a device is measured").as_bytes();
        let program = SegmentProgram::load(&pool_seed, &profile, device)?.by(path);
        Ok(Self { program, profile, pool_seed, runs: 0 })
    }

    /// One challenge of so many segments, fresh each time, verified.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn run(&mut self, segments: u16) -> Result<Duration, MeasureError> {
        self.runs = self.runs.saturating_add(1);
        let seed = *blake3::hash(&self.runs.to_le_bytes()).as_bytes();
        let challenge = Challenge::new(seed, self.profile, 1, segments)?.over_pool(self.pool_seed);
        let mut asker = KnownSalts(NO_SECRET);
        let work = timed(|| self.program.run(&challenge, &mut asker, Fault::None))?;
        check(&challenge, &work.done)?;
        Ok(work.took)
    }

    /// GFLOP/s of so many runs, after one that is thrown away.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn gflops(&mut self, segments: u16, runs: u32) -> Result<Vec<u64>, MeasureError> {
        let flop = self.profile.flop_per_segment().saturating_mul(segments.into());
        self.rates(segments, runs, (flop, 1_000_000_000))
    }

    /// MB/s at which so many runs read the pool, after one that is thrown away.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn pool_mbps(&mut self, segments: u16, runs: u32) -> Result<Vec<u64>, MeasureError> {
        let bytes = self.profile.bytes_per_segment().saturating_mul(segments.into());
        self.rates(segments, runs, (bytes, 1_000_000))
    }

    fn rates(
        &mut self,
        segments: u16,
        runs: u32,
        (amount, per): (u64, u64),
    ) -> Result<Vec<u64>, MeasureError> {
        self.run(segments)?;
        (0..runs).map(|_| Ok(per_second(amount, per, self.run(segments)?))).collect()
    }
}

/// Whether the work is right, by the rows that a draw picks.
fn check(challenge: &Challenge, work: &Work) -> Result<(), MeasureError> {
    let (work_root, draw_seed) = (work.root(), *blake3::hash(&work.root()).as_bytes());
    let openings = work.open(&draw(&draw_seed, challenge, &work_root));
    let claimed = Claimed { work_root, salt_key: NO_SECRET, draw_seed };
    match verify(challenge, &claimed, &openings) {
        Verdict::Valid => Ok(()),
        Verdict::Invalid { why } => Err(MeasureError::Wrong { why: why.to_string() }),
        Verdict::Unverifiable { why } => Err(MeasureError::Wrong { why: why.to_string() }),
    }
}

/// MB/s from host memory to the device, of so many copies after one that is thrown away.
///
/// # Errors
/// [`MeasureError`].
pub fn copy_mbps(device: &Device, runs: u32) -> Result<Vec<u64>, MeasureError> {
    let bytes = vec![7_u8; COPY_BYTES];
    let copy = || {
        let copied = Tensor::from_slice(&bytes, COPY_BYTES, device)?;
        device.synchronize()?;
        Ok::<_, candle_core::Error>(copied)
    };
    copy()?;
    (0..runs).map(|_| Ok(per_second(COPY_BYTES as u64, 1_000_000, timed(copy)?.took))).collect()
}

/// MiB of the device's memory that were filled with a pool and then verified, at most `limit_mib`.
///
/// # Errors
/// [`MeasureError`] when not even the smallest pool fits, or what is resident is not what was expanded.
pub fn fill_mib(device: &Device, limit_mib: u64, path: Path) -> Result<u64, MeasureError> {
    let bw = ClassProfile::BW;
    let matrix = u64::from(bw.shape().inner) * u64::from(bw.shape().inner);
    let most = u32::try_from(limit_mib.saturating_mul(MIB) / matrix).unwrap_or(u32::MAX);
    let seed = *blake3::hash(b"tenor: memory is filled").as_bytes();
    let mut pool = Pool::empty(&seed, &bw);
    let mut matrices = FILL_STEP.min(most).max(1);
    pool.extend_for(&bw.with_pool(matrices)?, device)?;
    while matrices < most {
        let next = matrices.saturating_add(FILL_STEP).min(most);
        let Ok(larger) = bw.with_pool(next) else { break };
        if pool.extend_for(&larger, device).is_err() {
            // The device is full. What the program works on must fit as well.
            matrices = matrices.saturating_sub(FILL_SPARE).max(1);
            pool.truncate(matrices as usize);
            break;
        }
        matrices = next;
    }
    let profile = bw.with_pool(matrices)?;
    let program = SegmentProgram::over(&pool, &profile).by(path);
    let challenge = Challenge::new(seed, profile, 1, 1)?.over_pool(seed);
    check(&challenge, &program.run(&challenge, &mut KnownSalts(NO_SECRET), Fault::None)?)?;
    Ok(u64::from(matrices) * matrix / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GRADE-004.
    #[test]
    fn grade_004_what_was_measured_was_verified() {
        let mut probe = Probe::open(ClassProfile::CI, &Device::Cpu, Path::default()).unwrap();
        let rates = probe.gflops(2, 3).unwrap();
        assert_eq!(rates.len(), 3);
        assert_eq!(probe.runs, 4);
        let seed = [3; 32];
        let challenge = Challenge::new(seed, ClassProfile::CI, 1, 1).unwrap();
        let program =
            SegmentProgram::load(challenge.pool_seed(), &ClassProfile::CI, &Device::Cpu).unwrap();
        let lie = program.run(&challenge, &mut KnownSalts(NO_SECRET), Fault::Lie).unwrap();
        assert!(matches!(check(&challenge, &lie), Err(MeasureError::Wrong { .. })));
    }

    /// GRADE-004.
    #[test]
    fn grade_004_rates_are_rounded_down() {
        let second = Duration::from_secs(1);
        assert_eq!(per_second(1_999_999_999, 1_000_000_000, second), 1);
        assert_eq!(per_second(3_000_000, 1_000_000, Duration::from_millis(500)), 6);
        assert_eq!(per_second(u64::MAX, 0, Duration::ZERO), u64::MAX);
    }
}
