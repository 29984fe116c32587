//! Pools that stay on the device between the challenges of a session.
//!
//! Invariants:
//! - all pools together keep to the limit, and a pool that alone does not is refused;
//! - the one used longest ago goes first.

use std::collections::VecDeque;
use std::time::Instant;

use borsh::{BorshDeserialize, BorshSerialize};
use candle_core::Device;

use super::WorkerError;
use crate::challenge::Challenge;
use crate::program::{Pool, SegmentProgram};

/// Room for pools in the memory of a machine without a GPU: three of the largest default ones.
const CPU_LIMIT: u64 = 3 << 30;
/// Room on a device of its own, which refuses by itself what it cannot hold.
const DEVICE_LIMIT: u64 = 1 << 40;

/// A pool has become resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Filled {
    /// Its bytes.
    pub bytes: u64,
    /// How long that took, zero when it was there; for people to read, nothing is decided on it.
    pub millis: u64,
}

/// The resident pools of one device.
#[derive(Debug)]
pub struct Residency {
    device: Device,
    limit: u64,
    /// The one used last at the end.
    resident: VecDeque<Pool>,
}

impl Residency {
    pub(super) fn on(device: Device) -> Self {
        let limit = if device.is_cpu() { CPU_LIMIT } else { DEVICE_LIMIT };
        Self { device, limit, resident: VecDeque::new() }
    }

    pub(super) fn with_limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// Bytes that are resident.
    pub(super) fn bytes(&self) -> u64 {
        self.resident.iter().map(Pool::bytes).sum()
    }

    /// Makes a challenge's pool resident, no more of it and no less; says how long it took.
    #[expect(clippy::disallowed_methods, reason = "measures itself, for people to read")]
    pub(super) fn fill(&mut self, challenge: &Challenge) -> Result<Filled, WorkerError> {
        let started = Instant::now();
        let matrices = challenge.profile().shape().pool as usize;
        self.pool(challenge)?.truncate(matrices);
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Filled { bytes: challenge.profile().pool_bytes(), millis })
    }

    /// The program over a challenge's pool, which is filled as far as it is not resident.
    pub(super) fn program(&mut self, challenge: &Challenge) -> Result<SegmentProgram, WorkerError> {
        let profile = *challenge.profile();
        Ok(SegmentProgram::over(self.pool(challenge)?, &profile))
    }

    fn pool(&mut self, challenge: &Challenge) -> Result<&mut Pool, WorkerError> {
        let (seed, profile) = (challenge.pool_seed(), challenge.profile());
        let is_it = |pool: &Pool| pool.is(seed, profile);
        let found = self.resident.iter().position(is_it).and_then(|at| self.resident.remove(at));
        let mut pool = found.unwrap_or_else(|| Pool::empty(seed, profile));
        self.make_room(profile.pool_bytes().max(pool.bytes()))?;
        pool.extend_for(profile, &self.device)?;
        Ok(self.resident.push_back_mut(pool))
    }

    fn make_room(&mut self, bytes: u64) -> Result<(), WorkerError> {
        let Some(room) = self.limit.checked_sub(bytes) else {
            return Err(WorkerError::PoolTooLarge { bytes, limit: self.limit });
        };
        while room < self.bytes() {
            self.resident.pop_front();
        }
        Ok(())
    }
}
