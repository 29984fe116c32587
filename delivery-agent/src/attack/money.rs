//! What not delivering costs: said in advance, and not said.
//!
//! All sums are in millionths of a dollar and rounded up, against the seller.

use super::Chance;
use crate::verify::VerifierFailure;

/// Of the price of what is missing, what a seller pays on top, in hundredths: said in advance, and not.
const PENALTY_DECLARED: u64 = 2;
const PENALTY: u64 = 10;

/// Prices of one GPU-hour.
#[derive(Debug, Clone, Copy)]
struct Prices {
    /// What the buyer pays.
    settlement: u64,
    /// What a replacement costs.
    replacement: u64,
    /// What delivering costs the seller.
    cost: u64,
}

impl Prices {
    /// What a seller has less who does not deliver `hours`, than one who is paid for them: the pay, the
    /// difference to the replacement, and the penalty.
    const fn missing(self, hours: u64, penalty: u64) -> u64 {
        let Self { settlement, replacement, .. } = self;
        let dearer = replacement.saturating_sub(settlement);
        hours * (settlement + dearer) + (hours * settlement * penalty).div_ceil(100)
    }
}

/// An outage that is declared costs more than delivering, and less than the same outage in silence, which
/// also takes the stretches to the challenges on both sides.
pub(super) fn declared(chance: &mut Chance) -> Result<bool, VerifierFailure> {
    let settlement = 100_000 + chance.below(10_000_000);
    let replacement = settlement / 2 + chance.below(3 * settlement);
    let cost = chance.below(settlement);
    let prices = Prices { settlement, replacement, cost };
    let hours = 1 + chance.below(100);
    // Twelve challenges an hour: the stretches are ten minutes together, on average.
    let stretches = settlement / 6;
    let delivering = hours * prices.cost;
    let declared = prices.missing(hours, PENALTY_DECLARED);
    let silent = prices.missing(hours, PENALTY) + stretches;
    Ok(delivering < declared && declared < silent)
}
