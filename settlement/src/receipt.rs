//! What a provider's agent signs: a cumulative claim, chained to the one before.
//!
//! Only the newest matters at settlement, so a lost one does no harm; the chain makes a changed one visible. The signature itself is made
//! and checked elsewhere.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Instrument, Nanos, ObligationId};
use thiserror::Error;

use crate::challenge::{ChallengeState, ChallengeStep};
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
    /// The cumulative claim does not grow, or by more than it may.
    #[error("receipt claims {sent} GPU-milliseconds, it must be above {above} and at most {limit}")]
    GpuMillis {
        /// What was sent.
        sent: u64,
        /// What was claimed before.
        above: u64,
        /// The most.
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
        let is_challenged = match &self.meter {
            Some(meter) => meter
                .asked(challenge)
                .is_some_and(|asked| matches!(asked.state, ChallengeState::Challenged { .. })),
            None => matches!(self.interval(challenge), Some(IntervalState::Challenged { .. })),
        };
        if !is_challenged || self.closed {
            return Err(ReceiptError::Challenge { challenge });
        }
        let expected = self.receipts.saturating_add(1);
        if receipt.challenges != expected {
            return Err(ReceiptError::Challenges { sent: receipt.challenges, expected });
        }
        let (sent, above) = (receipt.gpu_millis, self.claimed_millis);
        let limit = self.claim_limit_millis(instrument);
        // Two challenges can come at one instant, or at the first.
        let is_more = above < sent || self.meter.is_some() && above == sent;
        if !is_more || limit < sent {
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
        (now, verdict_by): (Nanos, Nanos),
    ) -> Result<(), IllegalStep> {
        let challenge = receipt.challenge;
        match &mut self.meter {
            Some(meter) => {
                let step = ChallengeStep::Receipt { verdict_by };
                let stepped = meter.step(challenge, step, now);
                stepped.ok_or(IllegalStep::NotChallenged { challenge })?;
            }
            None => drop(self.step(challenge, Step::Receipt { verdict_by })?),
        }

        // From here on nothing can fail.
        self.receipts = self.receipts.saturating_add(1);
        self.claimed_millis = receipt.gpu_millis;
        self.last_receipt = digest;
        Ok(())
    }

    /// The most that the next receipt may claim, in GPU-milliseconds: one whole interval more or, between challenges, all that has been due
    /// until the newest of them, rounded down.
    #[must_use]
    pub fn claim_limit_millis(&self, instrument: &Instrument) -> u64 {
        let whole = self.interval_compute(instrument).seconds().saturating_mul(1000);
        let Some(meter) = &self.meter else { return self.claimed_millis.saturating_add(whole) };
        let schedule = &instrument.schedule;
        let window = u128::from(schedule.deliver_until.since(schedule.deliver_from).nanos());
        let gone = u128::from(meter.asked_at.since(schedule.deliver_from).nanos()).min(window);
        let all = u128::from(whole).saturating_mul(u128::from(schedule.intervals));
        let due = all.saturating_mul(gone).checked_div(window).unwrap_or(0);
        self.claimed_millis.max(u64::try_from(due).unwrap_or(u64::MAX))
    }
}
