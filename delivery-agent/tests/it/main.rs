//! What the workload, the proof, the verifier, the receipt, the worker and the roles promise: WORK- rules.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod bits;
mod floor;
mod job;
mod proof;
mod roles;
mod signing;
mod text;
mod tree;
mod workers;

use delivery_agent::challenge::Challenge;
use delivery_agent::profile::{ClassProfile, Renorm, Shape};

/// Smaller than any real profile, and odd in its number of rows.
fn tiny() -> ClassProfile {
    let shape = Shape {
        rows: 13,
        inner: 64,
        steps: 3,
        pool: 3,
        open_rows: 3,
        open_segments: 2,
        renorm: Renorm { shift: 5, bits: 9 },
    };
    ClassProfile::new("tiny", shape).expect("within its bounds")
}

fn challenge_of(profile: ClassProfile, seed: u8) -> Challenge {
    Challenge::new([seed; 32], profile, 2, 3).expect("not empty, not too large")
}
