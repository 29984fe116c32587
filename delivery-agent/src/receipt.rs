//! The receipt a provider signs for each interval it served.
//!
//! Invariants:
//! - `gpu_millis` and `challenges` count from the start of delivery, so the latest receipt alone
//!   says everything and a lost one does no harm;
//! - `prev` names the receipt before, so no provider can have two histories.

use instruments::ObligationId;

/// What a provider claims, cumulatively, at the end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// Which obligation is served.
    pub obligation: ObligationId,
    /// Which interval of its window, from zero.
    pub interval: u32,
    /// GPU time claimed so far, in milliseconds of one GPU.
    pub gpu_millis: u64,
    /// Challenges answered so far.
    pub challenges: u32,
    /// Root over all segments of this interval's challenge.
    pub work_root: [u8; 32],
    /// Digest of the receipt before this one; zero for the first.
    pub prev: [u8; 32],
    /// Hash of the terms under which the obligation was made.
    pub terms: [u8; 32],
}
