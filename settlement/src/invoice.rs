//! What an obligation has come to, and the part of it that the next invoice says.
//!
//! An invoice is the difference of two sums, so that invoices add up to what has moved, whenever a late verdict moves it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GpuSeconds, MicroUsd, ObligationId};

use crate::obligation::Obligation;

/// Everything that an obligation has come to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sums {
    /// Compute that counted, whoever delivered it.
    pub delivered: GpuSeconds,
    /// Compute that is missing through the seller's fault, beyond what is tolerated.
    pub missed: GpuSeconds,
    /// Intervals that counted.
    pub intervals_delivered: u32,
    /// Intervals that failed.
    pub intervals_failed: u32,
    /// Intervals that nobody could judge.
    pub intervals_unverified: u32,
    /// From the escrow to the seller.
    pub paid_to_seller: MicroUsd,
    /// From the escrow to whoever stood in for it.
    pub paid_to_stand_ins: MicroUsd,
    /// From the escrow back to the buyer.
    pub returned_to_buyer: MicroUsd,
    /// Owed by the seller for replacements.
    pub compensation: MicroUsd,
    /// Owed by the seller on top of it.
    pub penalty: MicroUsd,
    /// What the seller has paid of these two.
    pub shortfall_paid: MicroUsd,
    /// What the insurance fund has paid of them.
    pub insured: MicroUsd,
    /// What nobody has paid of them.
    pub unpaid: MicroUsd,
}

/// What has come of an obligation since its last invoice, and in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Invoice {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// Its number, from 1.
    pub number: u32,
    /// Since the last one.
    pub since: Sums,
    /// In all.
    pub total: Sums,
}

impl Sums {
    /// What has been added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let compute = |now: GpuSeconds, then: GpuSeconds| {
            GpuSeconds::new(now.seconds().saturating_sub(then.seconds()))
        };
        Self {
            delivered: compute(self.delivered, earlier.delivered),
            missed: compute(self.missed, earlier.missed),
            intervals_delivered: self
                .intervals_delivered
                .saturating_sub(earlier.intervals_delivered),
            intervals_failed: self.intervals_failed.saturating_sub(earlier.intervals_failed),
            intervals_unverified: self
                .intervals_unverified
                .saturating_sub(earlier.intervals_unverified),
            paid_to_seller: self.paid_to_seller - earlier.paid_to_seller,
            paid_to_stand_ins: self.paid_to_stand_ins - earlier.paid_to_stand_ins,
            returned_to_buyer: self.returned_to_buyer - earlier.returned_to_buyer,
            compensation: self.compensation - earlier.compensation,
            penalty: self.penalty - earlier.penalty,
            shortfall_paid: self.shortfall_paid - earlier.shortfall_paid,
            insured: self.insured - earlier.insured,
            unpaid: self.unpaid - earlier.unpaid,
        }
    }
}

impl Obligation {
    /// What it has come to so far.
    #[must_use]
    pub fn sums(&self) -> Sums {
        Sums {
            delivered: self.delivered,
            missed: self.missed,
            intervals_delivered: self.delivered_count,
            intervals_failed: self.failed,
            intervals_unverified: self.unverified,
            paid_to_seller: self.paid_to_seller,
            paid_to_stand_ins: self.paid_to_stand_ins,
            returned_to_buyer: self.returned_to_buyer,
            compensation: self.compensation,
            penalty: self.penalty,
            shortfall_paid: self.shortfall_paid,
            insured: self.insured,
            unpaid: self.unpaid,
        }
    }

    /// Makes the next invoice.
    pub fn invoice(&mut self) -> Invoice {
        let total = self.sums();
        let since = total.since(&self.invoiced);
        self.invoiced = total;
        self.invoices = self.invoices.saturating_add(1);
        Invoice { obligation: self.id, number: self.invoices, since, total }
    }
}
