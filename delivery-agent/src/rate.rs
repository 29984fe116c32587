//! How fast a challenge was done, and what share of its grade that is.
//!
//! The only clock is the exchange's: from the instant the challenge was sent to the arrival of the last root of each slot. The slowest slot
//! speaks for all, because every GPU of an obligation is owed the whole grade. What the network may have taken is allowed for: fifty
//! milliseconds, but no more than half of the time, so that an allowance never doubles a rate.
//!
//! Invariants:
//! - whole numbers only, rounded down, so that exchange, verifier and anybody else find the same quality;
//! - a grade that is not calibrated has no floor: its valid answers are whole.

use crate::profile::ClassProfile;

/// A whole grade, in millionths.
pub const WHOLE: u32 = 1_000_000;

/// Microseconds that the way to the agent and back may have taken.
const ROUND_TRIP: u64 = 50_000;

/// When the roots of a challenge came, in microseconds after it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// Slot by slot, segment by segment; empty where roots were not sent one by one.
    pub roots: &'a [Vec<u64>],
    /// When the receipt came.
    pub claimed_at: u64,
}

impl Timing<'_> {
    /// How long the slowest slot has worked: until the receipt where no root has a time of its own, less the allowance for the round trip.
    #[must_use]
    pub fn slowest(&self) -> u64 {
        let ends = self.roots.iter().map(|slot| slot.last().copied().unwrap_or(self.claimed_at));
        let end = ends.max().unwrap_or(self.claimed_at);
        end.saturating_sub(ROUND_TRIP.min(end / 2)).max(1)
    }
}

/// GFLOP/s of the slowest slot of a challenge of `segments` on each, rounded down.
#[must_use]
pub fn rate_gflops(profile: &ClassProfile, segments: u16, timing: Timing<'_>) -> u64 {
    let flop = u128::from(profile.flop_per_segment()) * u128::from(segments);
    // FLOP per microsecond are MFLOP/s.
    let rate = flop / (u128::from(timing.slowest()) * 1_000);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// What share of the reference a challenge was done at, in millionths, rounded down once, at most the whole.
#[must_use]
pub fn quality(
    profile: &ClassProfile,
    segments: u16,
    timing: Timing<'_>,
    reference_gflops: Option<u64>,
) -> u32 {
    let Some(reference) = reference_gflops.filter(|reference| 0 < *reference) else { return WHOLE };
    let flop = u128::from(profile.flop_per_segment()) * u128::from(segments);
    share(flop, u128::from(timing.slowest()) * 1_000 * u128::from(reference))
}

/// A part of a whole that is not zero, in millionths, rounded down, at most the whole.
pub(crate) fn share(part: u128, whole: u128) -> u32 {
    let share = part.saturating_mul(u128::from(WHOLE)) / whole;
    u32::try_from(share).unwrap_or(WHOLE).min(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GRADE-001: by hand, 16 dc segments are 70,368,744,177,664 FLOP; done in 150 ms, 50 of them
    /// for the network, that is 703,687 GFLOP/s.
    #[test]
    fn grade_001_the_slowest_slot_speaks_for_all() {
        let rate = |roots: &[Vec<u64>], claimed_at| {
            rate_gflops(&ClassProfile::DC, 16, Timing { roots, claimed_at })
        };
        assert_eq!(ClassProfile::DC.flop_per_segment() * 16, 70_368_744_177_664);
        assert_eq!(rate(&[], 150_000), 703_687);
        assert_eq!(rate(&[vec![5, 150_000]], 300_000), 703_687);
        assert_eq!(rate(&[vec![150_000], vec![250_000], vec![90_000]], 300_000), 351_843);
        assert_eq!(rate(&[vec![150_000], vec![]], 450_000), 175_921);
        // Of 60 ms no more than half is the network's.
        assert_eq!(rate(&[vec![60_000]], 0), 2_345_624);
        // No answer is faster than one microsecond: nothing divides by zero.
        assert_eq!(rate(&[vec![0]], 0), rate(&[vec![1]], 0));
    }

    /// GRADE-001: rounded down once, never above the whole, and whole without a reference.
    #[test]
    fn grade_001_quality_is_a_share_of_the_reference_rounded_down() {
        // 16 segments in 100 ms, as above: 703,687.4 GFLOP/s.
        let of = |reference| {
            let timing = Timing { roots: &[], claimed_at: 150_000 };
            quality(&ClassProfile::DC, 16, timing, reference)
        };
        assert_eq!(of(None), WHOLE);
        assert_eq!(of(Some(0)), WHOLE);
        assert_eq!(of(Some(703_687)), WHOLE);
        assert_eq!(of(Some(1)), WHOLE);
        assert_eq!(of(Some(703_688)), 999_999);
        assert_eq!(of(Some(u64::MAX)), 0);
        // Two segments of a profile for tests, 134 MFLOP in 100 ms, are more than one GFLOP/s and less than two.
        let timing = Timing { roots: &[], claimed_at: 150_000 };
        assert_eq!(quality(&ClassProfile::CI, 2, timing, Some(2)), 671_088);
    }
}
