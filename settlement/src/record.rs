//! What a provider has delivered and failed so far, and the bond that it needs therefore.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GpuSeconds, Ppm};

use crate::obligation::BOND_RATE_FIRST;

/// A missing GPU-second undoes this many delivered ones: who delivers less than 95 % has no record.
const MISSED_WEIGHT: u64 = 20;
const HOUR: u64 = 3_600;

/// What a provider has delivered and failed under all its obligations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// Compute that was verified.
    pub verified: GpuSeconds,
    /// Compute that was missing through its fault.
    pub missed: GpuSeconds,
}

/// The bond by record, as a part of what is still to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BondRates {
    /// From so much compute on this rate, least first; before the first a quarter.
    pub tiers: Vec<(GpuSeconds, Ppm)>,
}

impl BondRates {
    /// A quarter at first; 20 % from 10,000 GPU-hours, 15 % from 50,000, 10 % from 200,000.
    #[must_use]
    pub fn standard() -> Self {
        let tier = |hours: u64, ppm| (GpuSeconds::new(hours.saturating_mul(HOUR)), Ppm::new(ppm));
        Self { tiers: vec![tier(10_000, 200_000), tier(50_000, 150_000), tier(200_000, 100_000)] }
    }

    /// The rate of a provider with this record.
    #[must_use]
    pub fn of(&self, record: &Record) -> Ppm {
        let counts = record.counts();
        let reached = self.tiers.iter().rev().find(|(from, _)| *from <= counts);
        reached.map_or(BOND_RATE_FIRST, |(_, rate)| *rate)
    }
}

impl Record {
    /// What was verified, less twenty times what was missing.
    #[must_use]
    pub fn counts(&self) -> GpuSeconds {
        let undone = self.missed.seconds().saturating_mul(MISSED_WEIGHT);
        GpuSeconds::new(self.verified.seconds().saturating_sub(undone))
    }
}
