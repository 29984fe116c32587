//! A buyer's own work on the hardware that is being delivered to it: where it stands, and whose move it is in a dispute about its result.
//!
//! ```text
//! Submitted --claim--> Claimed --accept, deadline----------------------> Accepted
//!   |   |                 |
//!   |   +--refuse---------|--------------------------------------------> Declined
//!   +------deadline-------|--------------------------------------------> Missed
//!                         +--dispute--> Disputed --call--> Called --ruling--> Refuted, Upheld, Unruled
//!                                        |    ^               +-----deadline--------------> Unruled
//!                                        |    +--move: the other party's turn
//!                                        +-----deadline: whoever's turn it was has lost---> Refuted, Upheld
//! ```
//!
//! What is computed, and what a move says, is not known here: a specification, a result and a move are hashes. So this file knows who must
//! speak until when, and a verifier says who was right. The money is in `job/money.rs`.
//!
//! Invariants:
//! - an illegal step changes nothing;
//! - a dispute has at most [`MOVES_MAX`] moves, of which the prover makes the first, and the two take turns;
//! - once ended, nothing steps any more.

mod money;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::rounding::div_floor;
use instruments::{AccountId, GpuSeconds, JobId, MicroUsd, Nanos, NanosSpan, ObligationId};

use crate::obligation::Verdict;

pub use money::{
    DisputePaid, HoursReturned, end_dispute, hours_paid, open_dispute, return_hours, stake_of,
};

/// Moves of a dispute; with the last of them the referee is called.
pub const MOVES_MAX: usize = 64;
/// Checkpoints of a job: one root for so many steps.
pub const CHECKPOINTS_MAX: u32 = 1_024;

/// On what terms jobs are run and argued about. A venue whose days are minutes has other spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct JobTerms {
    /// What a deliverer has beside twice the declared time.
    pub start_within: NanosSpan,
    /// How long a buyer may look at a result; its silence is acceptance.
    pub accept_within: NanosSpan,
    /// How long a party has for a move.
    pub move_within: NanosSpan,
    /// How long the referee has.
    pub rule_within: NanosSpan,
    /// What the loser of a dispute pays for it.
    pub fee: MicroUsd,
}

impl JobTerms {
    /// Ten minutes to begin, a day to look, a minute a move, five minutes to rule, 25 dollars.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            start_within: NanosSpan::from_seconds(600),
            accept_within: NanosSpan::from_seconds(86_400),
            move_within: NanosSpan::from_seconds(60),
            rule_within: NanosSpan::from_seconds(300),
            fee: MicroUsd::new(25_000_000),
        }
    }

    /// Whether every number makes sense: spans from a millisecond to a month, a fee up to 10,000 dollars.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        let spans = NanosSpan::from_millis(1)..=NanosSpan::from_seconds(31 * 86_400);
        let all = [self.start_within, self.accept_within, self.move_within, self.rule_within];
        all.iter().all(|span| spans.contains(span))
            && (MicroUsd::ZERO..=MicroUsd::new(10_000_000_000)).contains(&self.fee)
    }
}

/// How a result can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobMode {
    /// To the last bit, so that one row of one product decides a dispute.
    Exact,
    /// Within bounds; advisory.
    Tolerant,
    /// Against another seller's result; advisory.
    Redundant,
}

/// One of the two who argue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Party {
    /// Who has claimed the result.
    Prover,
    /// Who doubts it: the buyer.
    Challenger,
}

impl Party {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Prover => Self::Challenger,
            Self::Challenger => Self::Prover,
        }
    }
}

/// What a buyer asks to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct JobTask {
    /// The hash of its specification's bytes.
    pub spec: [u8; 32],
    /// How its result can be checked.
    pub mode: JobMode,
    /// What it is declared to take.
    pub compute: GpuSeconds,
    /// How many steps it has.
    pub steps: u32,
    /// For how many steps there is one checkpoint.
    pub stride: u32,
}

impl JobTask {
    /// Roots that a result must name: one for every stride that has begun. `None` where the numbers make no job.
    #[must_use]
    pub fn checkpoints(&self) -> Option<u32> {
        let is_job = 0 < self.steps && 0 < self.stride && self.stride <= self.steps;
        let count = if is_job { self.steps.div_ceil(self.stride) } else { 0 };
        (1..=CHECKPOINTS_MAX).contains(&count).then_some(count)
    }
}

/// What the deliverer says has come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct JobClaim {
    /// The hash of the result: the document that names every checkpoint's root and the output.
    pub result: [u8; 32],
    /// Roots that it names.
    pub checkpoints: u32,
    /// What it would cost the deliverer to run the job once more, should it be disputed.
    pub replay_cost: MicroUsd,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobState {
    /// The deliverer has it.
    Submitted {
        /// A result must have come before this instant.
        claim_by: Nanos,
    },
    /// The buyer has its result.
    Claimed {
        /// Until when it may be disputed.
        accept_by: Nanos,
    },
    /// The two take turns.
    Disputed {
        /// Whose turn it is.
        turn: Party,
        /// The move must have come before this instant.
        move_by: Nanos,
    },
    /// The referee looks at what was said.
    Called {
        /// The ruling must have come before this instant.
        rule_by: Nanos,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: JobOutcome,
    },
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobOutcome {
    /// The buyer has taken its result, or said nothing.
    Accepted,
    /// The deliverer will not run it, and has said so.
    Declined,
    /// The deliverer has said nothing.
    Missed,
    /// The result is wrong, or its prover fell silent.
    Refuted,
    /// The result stands, or the challenger fell silent.
    Upheld,
    /// Nobody could say in time who was right.
    Unruled,
}

impl JobOutcome {
    /// Whether the hours of the job come back to the buyer.
    #[must_use]
    pub const fn returns_hours(self) -> bool {
        match self {
            Self::Missed | Self::Refuted => true,
            Self::Accepted | Self::Declined | Self::Upheld | Self::Unruled => false,
        }
    }
}

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobStep {
    /// The deliverer says what has come of it.
    Claim {
        /// Until when that may be disputed.
        accept_by: Nanos,
    },
    /// The deliverer will not run it.
    Decline,
    /// The buyer takes the result.
    Accept,
    /// The buyer doubts the result.
    Dispute {
        /// When the prover must have moved.
        move_by: Nanos,
    },
    /// Whoever's turn it is moves.
    Move {
        /// When the other must have moved.
        move_by: Nanos,
    },
    /// Whoever's turn it is calls the referee.
    Call {
        /// When the referee must have ruled.
        rule_by: Nanos,
    },
    /// The referee has ruled: a valid result, an invalid one, or nobody can say.
    Rule(Verdict),
    /// What was awaited has not come.
    Deadline,
}

impl JobState {
    /// When [`JobStep::Deadline`] is due; `None` once it is over.
    #[must_use]
    pub const fn deadline(self) -> Option<Nanos> {
        match self {
            Self::Submitted { claim_by: at }
            | Self::Claimed { accept_by: at }
            | Self::Disputed { move_by: at, .. }
            | Self::Called { rule_by: at } => Some(at),
            Self::Ended { .. } => None,
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        self.deadline().is_none()
    }

    /// The state after `step`; the table is the whole rule. `None` when it has no such entry.
    #[must_use]
    pub fn after(self, step: JobStep) -> Option<Self> {
        let ended = |outcome| Self::Ended { outcome };
        Some(match (self, step) {
            (Self::Submitted { .. }, JobStep::Claim { accept_by }) => Self::Claimed { accept_by },
            (Self::Submitted { .. }, JobStep::Decline) => ended(JobOutcome::Declined),
            (Self::Submitted { .. }, JobStep::Deadline) => ended(JobOutcome::Missed),
            (Self::Claimed { .. }, JobStep::Accept | JobStep::Deadline) => {
                ended(JobOutcome::Accepted)
            }
            (Self::Claimed { .. }, JobStep::Dispute { move_by }) => {
                Self::Disputed { turn: Party::Prover, move_by }
            }
            (Self::Disputed { turn, .. }, JobStep::Move { move_by }) => {
                Self::Disputed { turn: turn.other(), move_by }
            }
            (Self::Disputed { .. }, JobStep::Call { rule_by }) => Self::Called { rule_by },
            (Self::Disputed { turn: Party::Prover, .. }, JobStep::Deadline) => {
                ended(JobOutcome::Refuted)
            }
            (Self::Disputed { turn: Party::Challenger, .. }, JobStep::Deadline) => {
                ended(JobOutcome::Upheld)
            }
            (Self::Called { .. }, JobStep::Rule(verdict)) => ended(ruled(verdict)),
            // The referee's silence is not a party's fault.
            (Self::Called { .. }, JobStep::Deadline) => ended(JobOutcome::Unruled),
            _ => return None,
        })
    }
}

const fn ruled(verdict: Verdict) -> JobOutcome {
    match verdict {
        Verdict::Valid { .. } => JobOutcome::Upheld,
        Verdict::Invalid => JobOutcome::Refuted,
        Verdict::Unverifiable => JobOutcome::Unruled,
    }
}

/// An argument about a result.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Dispute {
    /// The hash of what the challenger says is wrong.
    pub claim: [u8; 32],
    /// What it has cost the challenger to run the job itself.
    pub replay_cost: MicroUsd,
    /// What is held of the challenger.
    pub stake: MicroUsd,
    /// The hashes of the moves so far, the prover's first.
    pub moves: Vec<[u8; 32]>,
    /// Who has called the referee; `None` where the last possible move did.
    pub called_by: Option<Party>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// On whose hardware.
    pub obligation: ObligationId,
    /// Who asks.
    pub buyer: AccountId,
    /// Who runs it: whoever delivered when it was submitted.
    pub prover: AccountId,
    /// What is asked.
    pub task: JobTask,
    /// What the declared time costs at the settlement price, rounded down.
    pub value: MicroUsd,
    /// When it was submitted.
    pub submitted_at: Nanos,
    /// The interval in which it was submitted, and the one in which its result came or ceased to be awaited.
    pub intervals: (u32, u32),
    /// Where it is.
    pub state: JobState,
    /// What has come of it.
    pub claim: Option<JobClaim>,
    /// What is said against that.
    pub dispute: Option<Dispute>,
    /// Whether hours of it are still to be returned.
    pub is_owing: bool,
    /// What came back of it.
    pub returned: MicroUsd,
}

impl Job {
    /// Which of the two an account is; `None` for a third.
    #[must_use]
    pub fn party(&self, account: AccountId) -> Option<Party> {
        match account {
            _ if account == self.prover => Some(Party::Prover),
            _ if account == self.buyer => Some(Party::Challenger),
            _ => None,
        }
    }

    /// What the job waits for at `now`. The timer may be late; deadlines are not.
    #[must_use]
    pub fn awaits(&self, now: Nanos) -> Option<JobState> {
        self.state.deadline().filter(|by| now < *by).map(|_| self.state)
    }

    /// Takes one step where the table has it. Returns whether it did.
    pub fn step(&mut self, step: JobStep) -> bool {
        let Some(next) = self.state.after(step) else { return false };
        self.state = next;
        if let JobState::Ended { outcome } = next {
            self.is_owing = outcome.returns_hours();
        }
        true
    }
}

/// What so much compute costs at so much a GPU-hour, rounded down: in favour of whoever owes it.
#[must_use]
pub fn job_value(compute: GpuSeconds, per_hour: MicroUsd) -> MicroUsd {
    let product = i128::from(compute.seconds()).saturating_mul(i128::from(per_hour.micros()));
    MicroUsd::new(i64::try_from(div_floor(product, 3_600)).unwrap_or(i64::MAX))
}

/// How long a deliverer has for a job: twice what is declared over all its GPUs, rounded up, and what it has to begin.
#[must_use]
pub fn claim_within(compute: GpuSeconds, gpus: u64, terms: &JobTerms) -> NanosSpan {
    let wall = compute.seconds().div_ceil(gpus.max(1));
    let run = NanosSpan::from_seconds(wall.saturating_mul(2).min(u64::from(u32::MAX)));
    NanosSpan::new(run.nanos().saturating_add(terms.start_within.nanos()))
}
