//! What happens to a buyer's job, from its submission to the last money that moves for it.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{AccountId, JobId, MicroUsd, Nanos, ObligationId};
use settlement::{
    DisputePaid, HoursReturned, JobClaim, JobOutcome, JobTask, JobTerms, Party, Verdict,
};

/// Something happened to a job.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobEvent {
    /// Jobs are run and argued about on these terms from now on.
    TermsSet(JobTerms),
    /// A buyer asks for work.
    Submitted {
        /// Its id.
        job: JobId,
        /// On whose hardware.
        obligation: ObligationId,
        /// Who asks.
        buyer: AccountId,
        /// Who is to run it.
        prover: AccountId,
        /// What is asked.
        task: JobTask,
        /// What the declared time costs.
        value: MicroUsd,
        /// When a result must have come.
        claim_by: Nanos,
    },
    /// The deliverer will not run it.
    Declined {
        /// Which.
        job: JobId,
    },
    /// A result has come.
    Claimed {
        /// Of which job.
        job: JobId,
        /// What it is.
        claim: JobClaim,
        /// Whose key signed it.
        signer: [u8; 20],
        /// The signature itself.
        signature: Vec<u8>,
        /// Until when it may be disputed.
        accept_by: Nanos,
    },
    /// The buyer doubts it.
    Disputed {
        /// Which.
        job: JobId,
        /// The hash of what it says is wrong.
        claim: [u8; 32],
        /// What its own replay has cost.
        replay_cost: MicroUsd,
        /// What is held of it.
        stake: MicroUsd,
        /// When the prover must have moved.
        move_by: Nanos,
    },
    /// A party has moved.
    Moved {
        /// In which dispute.
        job: JobId,
        /// Who.
        party: Party,
        /// The move's place, from 0.
        number: u32,
        /// The hash of what was said.
        said: [u8; 32],
        /// When the other must have moved.
        move_by: Nanos,
    },
    /// The referee is to say who is right.
    RefereeCalled {
        /// In which dispute.
        job: JobId,
        /// Who called it; `None` after the last possible move.
        by: Option<Party>,
        /// When it must have ruled.
        rule_by: Nanos,
    },
    /// A verifier has ruled.
    Ruled {
        /// In which dispute.
        job: JobId,
        /// Who.
        verifier: AccountId,
        /// Whether the result is right.
        verdict: Verdict,
    },
    /// A job is over.
    Ended {
        /// Which.
        job: JobId,
        /// On whose hardware.
        obligation: ObligationId,
        /// How.
        outcome: JobOutcome,
        /// What the argument about it has cost, and whom.
        paid: DisputePaid,
    },
    /// Hours that went into nothing came back to the buyer.
    HoursReturned {
        /// Of which job.
        job: JobId,
        /// On whose hardware.
        obligation: ObligationId,
        /// How many dollars.
        hours: HoursReturned,
    },
}

impl JobEvent {
    /// Which job it is about.
    #[must_use]
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::TermsSet(_) => None,
            Self::Submitted { job, .. }
            | Self::Declined { job }
            | Self::Claimed { job, .. }
            | Self::Disputed { job, .. }
            | Self::Moved { job, .. }
            | Self::RefereeCalled { job, .. }
            | Self::Ruled { job, .. }
            | Self::Ended { job, .. }
            | Self::HoursReturned { job, .. } => Some(*job),
        }
    }
}
