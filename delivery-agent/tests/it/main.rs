//! What the workload, the proof, the verifier, the receipt, the worker and the roles promise: WORK- rules.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod attack;
mod bits;
mod floor;
mod freivalds;
mod job;
mod proof;
mod roles;
mod signing;
mod text;
mod transcript;
mod tree;
mod venue_transcript;
mod workers;

use candle_core::Device;
use delivery_agent::challenge::Challenge;
use delivery_agent::fault::Fault;
use delivery_agent::profile::{ClassProfile, Renorm, Shape, Weights};
use delivery_agent::program::{SegmentProgram, Work};
use delivery_agent::salt::{KnownSalts, NO_SECRET};

/// Smaller than any real profile, and odd in its number of rows.
fn tiny() -> ClassProfile {
    let shape = Shape {
        rows: 13,
        inner: 64,
        steps: 3,
        pool: 3,
        weights: Weights::Byte,
        open_rows: 3,
        open_segments: 2,
        salt_delay: 2,
        renorm: Renorm { shift: 5, bits: 9 },
    };
    ClassProfile::new("tiny", shape).expect("within its bounds")
}

/// Work as a provider with `fault` does it, for a venue that keeps no secret.
fn work_of(challenge: &Challenge, fault: Fault) -> Work {
    let device = &Device::Cpu;
    let pool = SegmentProgram::load(challenge.pool_seed(), challenge.profile(), device);
    let work = pool.and_then(|pool| pool.run(challenge, &mut KnownSalts(NO_SECRET), fault));
    work.expect("a cpu never fails")
}

fn challenge_of(profile: ClassProfile, seed: u8) -> Challenge {
    Challenge::new([seed; 32], profile, 2, 3).expect("not empty, not too large")
}
