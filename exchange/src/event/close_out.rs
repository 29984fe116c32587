//! What happens between the last trade of a physical series and its close, beside the intervals of delivery.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, GradeId, InstrumentId, MicroUsd, Nanos, ObligationId, Qty};
use settlement::{Assigned, AssignmentInputs, Bought, Invoice, Verdict};

use super::Event;
use crate::nominate::{Node, Nomination};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CloseOutEvent {
    /// A holder has said where it delivers or wants to receive.
    Nominated {
        /// Who.
        account: AccountId,
        /// Of which series.
        instrument: InstrumentId,
        /// What it has said.
        nomination: Box<Nomination>,
    },
    /// A seller and a buyer deliver to each other by agreement, outside the assignment.
    MatchReported {
        /// Of which series.
        instrument: InstrumentId,
        /// Who delivers.
        seller: AccountId,
        /// Who receives.
        buyer: AccountId,
        /// How much.
        lots: Qty,
    },
    /// Sellers were assigned to buyers; with everything that it follows from.
    AssignmentPublished(Box<PublishedAssignment>),
    /// The burn-in of a delivery begins, and both sides may accept it.
    AcceptanceOpened {
        /// Which.
        obligation: ObligationId,
    },
    /// A side has accepted a delivery.
    DeliveryAccepted {
        /// Which.
        obligation: ObligationId,
        /// Its seller or its buyer.
        account: AccountId,
    },
    /// A verifier has judged a burn-in.
    BurnInJudged {
        /// Of which delivery.
        obligation: ObligationId,
        /// Who.
        verifier: AccountId,
        /// How.
        verdict: Verdict,
    },
    /// The time to accept is over, or a burn-in has failed.
    AcceptanceEnded {
        /// Of which delivery.
        obligation: ObligationId,
        /// Whether it is accepted; else it is short from its first interval on.
        is_accepted: bool,
    },
    /// A seller has said in time that intervals will be missing.
    OutageDeclared {
        /// Under which obligation.
        obligation: ObligationId,
        /// From this interval on,
        from: u32,
        /// until before this one.
        until: u32,
    },
    /// It has become clear what a failed challenge costs.
    FailureWeighed {
        /// Of which obligation.
        obligation: ObligationId,
        /// Which challenge.
        challenge: u32,
        /// Whether only the time until the next one is lost; else that on both of its sides.
        is_soft: bool,
    },
    /// A seller fails.
    OutageBegan {
        /// Under which obligation.
        obligation: ObligationId,
        /// The first interval that has failed.
        interval: u32,
        /// Until when it may bring other hardware; at once where it may not.
        substitute_by: Nanos,
    },
    /// A seller has brought other hardware in place of what failed.
    Substituted {
        /// Under which obligation.
        obligation: ObligationId,
        /// What hardware.
        grade: GradeId,
        /// The machines.
        nodes: Vec<Node>,
        /// What fails from this interval on is free of damages,
        excused_from: u32,
        /// until before this one.
        excused_until: u32,
    },
    /// A provider holds hardware ready; none any more where it is zero.
    StandbyOffered {
        /// Who.
        account: AccountId,
        /// What hardware.
        grade: GradeId,
        /// How many GPUs.
        gpus: Qty,
        /// Dollars per GPU-hour for it.
        fee: MicroUsd,
    },
    /// A provider was paid for holding hardware ready.
    StandbyPaid {
        /// Who.
        account: AccountId,
        /// How much.
        amount: MicroUsd,
    },
    /// A provider of the pool delivers in the seller's place.
    StandbyCalled {
        /// Which obligation.
        obligation: ObligationId,
        /// Who.
        provider: AccountId,
        /// From this interval on,
        from: u32,
        /// until before this one.
        until: u32,
    },
    /// A provider of the pool has failed: it delivers no more of this, and its offer is gone.
    StandbyDismissed {
        /// Which obligation.
        obligation: ObligationId,
        /// Who.
        provider: AccountId,
        /// The first interval that it does not deliver any more.
        until: u32,
    },
    /// Compute was bought for a buyer in place of what was missing; its trades stand before this.
    BoughtIn {
        /// Which obligation.
        obligation: ObligationId,
        /// Which hour.
        hour: u32,
        /// In which series.
        instrument: InstrumentId,
        /// What was bought, trade by trade.
        bought: Vec<Bought>,
    },
    /// What was missing of an hour has cost this.
    HourSettled(Box<HourSettled>),
    /// A buyer has prefunded more.
    Prefunded {
        /// Which obligation.
        obligation: ObligationId,
        /// All until before this interval is prefunded.
        until: u32,
        /// With how much.
        amount: MicroUsd,
    },
    /// A buyer could not prefund more: what is prefunded is all that is delivered.
    PrefundingEnded {
        /// Which obligation.
        obligation: ObligationId,
        /// How many intervals it has now.
        until: u32,
        /// What the others would have cost.
        given_up: MicroUsd,
        /// What the seller received for them.
        paid: MicroUsd,
    },
    /// An invoice was made.
    Invoiced(Box<Invoice>),
    /// A party disputes an invoice.
    InvoiceDisputed {
        /// Of which obligation.
        obligation: ObligationId,
        /// Who.
        account: AccountId,
        /// Its number.
        invoice: u32,
    },
}

impl From<CloseOutEvent> for Event {
    fn from(event: CloseOutEvent) -> Self {
        Self::CloseOut(event)
    }
}

/// An assignment and what it follows from: whoever puts the one through `settlement::assign` must get the other.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PublishedAssignment {
    /// What it follows from.
    pub inputs: AssignmentInputs,
    /// What equal parties were put in order by.
    pub seed: [u8; 32],
    /// The fingerprint of the inputs.
    pub inputs_hash: [u8; 32],
    /// Who delivers to whom.
    pub assigned: Assigned,
}

/// An hour's money beside that of its intervals.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HourSettled {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// Which.
    pub hour: u32,
    /// What compute cost elsewhere that nobody bought, dollars per GPU-hour, uncapped.
    pub replacement: MicroUsd,
    /// What was missing, and what that has cost whom.
    pub settled: settlement::HourSettled,
}
