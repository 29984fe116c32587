//! What an agent and a verifier need to know of one challenge, and nothing else.

use exchange::{Exchange, OpenChallenge};
use instruments::{AccountId, Nanos, ObligationId, Qty};
use settlement::ChallengeState;

use super::DeliveryOptions;

/// GPUs that are challenged under one obligation at a time at most: a sample of a large delivery, all of a small one.
pub const SLOTS_MAX: u64 = 4;

/// A challenge as its agent sees it, with all that the next receipt must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeTask {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// Its number.
    pub challenge: u32,
    /// Who must work.
    pub seller: AccountId,
    /// How many GPUs are owed.
    pub lots: Qty,
    /// How many of them must work now.
    pub slots: u32,
    /// Which program.
    pub profile: String,
    /// How many segments of it.
    pub segments: u16,
    /// What the work is derived from.
    pub seed: [u8; 32],
    /// When the receipt must have arrived; `None` once it has.
    pub answer_by: Option<Nanos>,
    /// The hash of the receipt before; zero before the first.
    pub prev: [u8; 32],
    /// GPU-milliseconds that the receipt must claim in all.
    pub gpu_millis: u64,
    /// Challenges that the receipt must count in all.
    pub challenges: u32,
    /// The hash of the grade's terms.
    pub terms: [u8; 32],
    /// What the rows to open are derived from, once drawn.
    pub draw_seed: Option<[u8; 32]>,
}

impl ChallengeTask {
    /// The task of a challenge that has not been judged.
    pub(crate) fn of(
        exchange: &Exchange,
        challenge: &OpenChallenge,
        options: &DeliveryOptions,
    ) -> Option<Self> {
        let delivery = exchange.delivery(challenge.obligation)?;
        let series = exchange.series_by_id(delivery.obligation.instrument)?;
        let answer_by = match challenge.state {
            ChallengeState::Challenged { answer_by } => Some(answer_by),
            ChallengeState::Claimed { .. } | ChallengeState::Ended(_) => None,
        };
        Some(Self {
            obligation: challenge.obligation,
            challenge: challenge.challenge,
            seller: challenge.seller,
            lots: challenge.lots,
            slots: slots(challenge.lots),
            profile: options.profile.clone(),
            segments: options.segments,
            seed: challenge.seed,
            answer_by,
            prev: delivery.obligation.last_receipt,
            gpu_millis: delivery.next_claim_millis(&series.instrument),
            challenges: delivery.obligation.receipts.saturating_add(1),
            terms: series.instrument.grade_terms,
            draw_seed: challenge.draw_seed,
        })
    }
}

/// Opened rows as a verifier sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierTask {
    /// Of which obligation.
    pub obligation: ObligationId,
    /// Of which challenge.
    pub challenge: u32,
    /// How many GPUs worked.
    pub slots: u32,
    /// Which program.
    pub profile: String,
    /// How many segments of it.
    pub segments: u16,
    /// What the work is derived from.
    pub challenge_seed: [u8; 32],
    /// What the rows are derived from.
    pub draw_seed: [u8; 32],
    /// The root over all the rows that the agent has signed.
    pub work_root: [u8; 32],
    /// The rows, as the agent sent them.
    pub openings: String,
}

impl VerifierTask {
    /// The task of a claim whose rows are drawn; `None` before that.
    pub(super) fn of(
        challenge: &OpenChallenge,
        options: &DeliveryOptions,
        openings: String,
    ) -> Option<Self> {
        if !matches!(challenge.state, ChallengeState::Claimed { .. }) {
            return None;
        }
        Some(Self {
            obligation: challenge.obligation,
            challenge: challenge.challenge,
            slots: slots(challenge.lots),
            profile: options.profile.clone(),
            segments: options.segments,
            challenge_seed: challenge.seed,
            draw_seed: challenge.draw_seed?,
            work_root: challenge.work_root?,
            openings,
        })
    }
}

fn slots(lots: Qty) -> u32 {
    u32::try_from(lots.lots().min(SLOTS_MAX)).unwrap_or(u32::MAX)
}
