//! Salts: why a provider cannot choose the order in which it walks its pool.
//!
//! A provider that misses a part of the pool could change one leaf, look at the order that the next
//! segment would have, and try again until the order avoids what is missing. So every segment's seed
//! also takes a salt that the venue releases only when an earlier root has come: that of segment `g`
//! with the root of segment `g - d`, and the first `d` with the challenge itself.
//!
//! Invariants:
//! - salts follow from one key of 32 bytes, which the venue keeps until the claim and the verifier
//!   is then given;
//! - with `d` at least as large as the number of segments nobody waits for anything.

use crate::challenge::SegmentId;
use crate::expand::Bytes32;

/// The key of challenges whose salts are no secret: golden vectors and dry runs.
pub const NO_SECRET: Bytes32 = [0; 32];

/// The salt of one segment.
#[must_use]
pub fn salt(salt_key: &Bytes32, id: SegmentId) -> Bytes32 {
    let mut hasher = blake3::Hasher::new_keyed(salt_key);
    hasher.update(b"salt").update(&id.slot.to_le_bytes()).update(&id.segment.to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// Whoever asked for the work, while it is being done.
///
/// The program calls it from the thread it runs on: segments in ascending order, and of each segment
/// every slot, so that the answer for one slot is under way while the others compute.
pub trait Asker {
    /// A segment is finished. Its root may be sent on at once; should not block.
    ///
    /// # Errors
    /// [`Interrupted`] when nobody waits for the work any more.
    fn finished(&mut self, id: SegmentId, root: &Bytes32) -> Result<(), Interrupted>;

    /// The salt of a segment. May block until it has been released.
    ///
    /// # Errors
    /// [`Interrupted`] when it will not come.
    fn salt(&mut self, id: SegmentId) -> Result<Bytes32, Interrupted>;
}

/// The work is to be stopped: nobody waits for it any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("work interrupted: {why}")]
pub struct Interrupted {
    /// In words.
    pub why: String,
}

/// An asker whose salts are known from the beginning, and who wants nothing but the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSalts(pub Bytes32);

impl Asker for KnownSalts {
    fn finished(&mut self, _id: SegmentId, _root: &Bytes32) -> Result<(), Interrupted> {
        Ok(())
    }

    fn salt(&mut self, id: SegmentId) -> Result<Bytes32, Interrupted> {
        Ok(salt(&self.0, id))
    }
}
