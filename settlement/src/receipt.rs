//! What a provider's agent signs: a cumulative claim, chained to the one before.
//!
//! Only the newest matters at settlement, so a lost one does no harm; the chain makes a changed one visible. The signature itself is made
//! and checked elsewhere.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Instrument, Nanos, ObligationId};
use thiserror::Error;

use crate::obligation::{IllegalStep, IntervalState, Obligation, Step};

/// The claim that the work of one more challenge was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DeliveryReceipt {
    /// Under which duty.
    pub obligation: ObligationId,
    /// The challenge that is answered.
    pub challenge: u32,
    /// GPU-milliseconds claimed under this obligation so far, this challenge included.
    pub gpu_millis: u64,
    /// Challenges answered under this obligation so far, this one included.
    pub challenges: u32,
    /// The root over all the rows of the work.
    pub work_root: [u8; 32],
    /// The hash of the receipt before; zero in the first.
    pub prev: [u8; 32],
    /// The hash of the grade's terms.
    pub terms: [u8; 32],
}

/// Why a receipt is not the next of its chain. Variants stand in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// It belongs to another duty.
    #[error("receipt is for obligation {sent}, not {expected}")]
    Obligation {
        /// What was sent.
        sent: ObligationId,
        /// Where it was sent.
        expected: ObligationId,
    },
    /// No challenge of that number is waiting for an answer.
    #[error("challenge {challenge} does not wait for a receipt")]
    Challenge {
        /// What was sent.
        challenge: u32,
    },
    /// The number of challenges answered is not one more.
    #[error("receipt counts {sent} challenges, the next is {expected}")]
    Challenges {
        /// What was sent.
        sent: u32,
        /// What continues the chain.
        expected: u32,
    },
    /// The cumulative claim does not grow by at most one whole interval.
    #[error("receipt claims {sent} GPU-milliseconds, it must be above {above} and at most {limit}")]
    GpuMillis {
        /// What was sent.
        sent: u64,
        /// What was claimed before.
        above: u64,
        /// That and one whole interval.
        limit: u64,
    },
    /// It does not name the receipt before.
    #[error("receipt does not name the receipt before it")]
    Prev,
    /// It names other terms of the grade.
    #[error("receipt does not name the terms of the grade")]
    Terms,
}

impl Obligation {
    /// Whether a receipt is the next of the chain. Who signed it, and whether it came in time, the caller has checked.
    ///
    /// # Errors
    /// The first field that is not the next.
    pub fn check_receipt(
        &self,
        instrument: &Instrument,
        receipt: &DeliveryReceipt,
    ) -> Result<(), ReceiptError> {
        let challenge = receipt.challenge;
        if receipt.obligation != self.id {
            return Err(ReceiptError::Obligation { sent: receipt.obligation, expected: self.id });
        }
        match self.interval(challenge) {
            Some(IntervalState::Challenged { .. }) if !self.closed => {}
            _ => return Err(ReceiptError::Challenge { challenge }),
        }
        let expected = self.receipts.saturating_add(1);
        if receipt.challenges != expected {
            return Err(ReceiptError::Challenges { sent: receipt.challenges, expected });
        }
        let whole = self.interval_compute(instrument).seconds().saturating_mul(1000);
        let (sent, above) = (receipt.gpu_millis, self.claimed_millis);
        let limit = above.saturating_add(whole);
        if sent <= above || limit < sent {
            return Err(ReceiptError::GpuMillis { sent, above, limit });
        }
        if receipt.prev != self.last_receipt {
            return Err(ReceiptError::Prev);
        }
        if receipt.terms != instrument.grade_terms {
            return Err(ReceiptError::Terms);
        }
        Ok(())
    }

    /// Takes a receipt that [`Obligation::check_receipt`] has let pass. `digest` is what the next one must name.
    ///
    /// # Errors
    /// [`IllegalStep`]; nothing has changed then.
    pub fn accept_receipt(
        &mut self,
        receipt: &DeliveryReceipt,
        digest: [u8; 32],
        verdict_by: Nanos,
    ) -> Result<IntervalState, IllegalStep> {
        let state = self.step(receipt.challenge, Step::Receipt { verdict_by })?;

        // From here on nothing can fail.
        self.receipts = self.receipts.saturating_add(1);
        self.claimed_millis = receipt.gpu_millis;
        self.last_receipt = digest;
        Ok(state)
    }
}
