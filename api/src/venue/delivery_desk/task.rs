//! What an agent and a verifier need to know of one challenge, and nothing else.

use exchange::{Exchange, OpenChallenge};
use instruments::{AccountId, Nanos, ObligationId, Qty};
use settlement::ChallengeState;

use super::work::Work;
use super::{DeliveryDesk, DeliveryOptions};

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
    /// The seed of the session's first challenge: what the resident pool is derived from.
    pub session_seed: [u8; 32],
    /// The salts of the first segments, slot by slot.
    pub salts: Vec<Vec<[u8; 32]>>,
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
    /// The root of the work, once claimed.
    pub work_root: Option<[u8; 32]>,
    /// What the salts are derived from: a secret until the work is claimed.
    pub salt_key: Option<[u8; 32]>,
    /// What the rows to open are derived from, once drawn.
    pub draw_seed: Option<[u8; 32]>,
}

impl ChallengeTask {
    /// The task of a challenge that has not been judged.
    pub(super) fn of(
        exchange: &Exchange,
        challenge: &OpenChallenge,
        work: &Work,
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
            slots: work.shape.slots.into(),
            profile: options.profile.clone(),
            segments: work.shape.segments,
            seed: challenge.seed,
            session_seed: challenge.session_seed,
            salts: work.first_salts(),
            answer_by,
            prev: delivery.obligation.last_receipt,
            gpu_millis: delivery.next_claim_millis(&series.instrument),
            challenges: delivery.obligation.receipts.saturating_add(1),
            terms: series.instrument.grade_terms,
            work_root: challenge.work_root,
            salt_key: challenge.work_root.map(|_claimed| work.salt_key()),
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
    /// What the resident pool is derived from.
    pub session_seed: [u8; 32],
    /// What the salts are derived from.
    pub salt_key: [u8; 32],
    /// When the challenge was sent.
    pub sent_at: Nanos,
    /// The segment roots that came before the receipt, slot by slot.
    pub roots: Vec<Vec<[u8; 32]>>,
    /// When each of them came, in microseconds after the challenge was sent.
    pub root_times: Vec<Vec<u64>>,
    /// When the receipt came, likewise.
    pub claimed_after: u64,
    /// GFLOP/s of one GPU that count as the whole grade, where it is calibrated.
    pub reference: Option<u64>,
    /// The rows, as the agent sent them.
    pub openings: String,
}

impl VerifierTask {
    /// The task of a claim whose rows are drawn; `None` before that.
    pub(super) fn of(
        desk: &DeliveryDesk,
        exchange: &Exchange,
        challenge: &OpenChallenge,
        work: &Work,
        openings: String,
    ) -> Option<Self> {
        if !matches!(challenge.state, ChallengeState::Claimed { .. }) {
            return None;
        }
        let delivery = exchange.delivery(challenge.obligation)?;
        let terms = &exchange.series_by_id(delivery.obligation.instrument)?.instrument;
        let sent_at = work.sent_at();
        Some(Self {
            obligation: challenge.obligation,
            challenge: challenge.challenge,
            slots: work.shape.slots.into(),
            profile: desk.options.profile.clone(),
            segments: work.shape.segments,
            challenge_seed: challenge.seed,
            draw_seed: challenge.draw_seed?,
            work_root: challenge.work_root?,
            session_seed: challenge.session_seed,
            salt_key: work.salt_key(),
            sent_at,
            roots: work.roots(),
            root_times: work.root_times(),
            claimed_after: work.claimed_at?.since(sent_at).nanos().div_euclid(1_000),
            reference: desk.reference(terms),
            openings,
        })
    }
}
