//! What the exchange says to an agent, read into what the agent works with.

use std::fmt;

use api::wire::{WireChallenge, WireDraw, WireSalts};
use instruments::ObligationId;
use serde::Deserialize;
use settlement::DeliveryReceipt;

use super::relay::Salts;
use crate::challenge::{Challenge, ChallengeError, SegmentId};
use crate::expand::Bytes32;
use crate::profile::ClassProfile;
use crate::salt::salt;
use crate::wire::hash_from_hex;

/// One challenge of one obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) obligation: u64,
    pub(crate) challenge: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.obligation, self.challenge)
    }
}

/// A demand for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) key: Key,
    pub(super) challenge: Challenge,
    /// Milliseconds since 1970, on the exchange's clock.
    pub(super) answer_by: u64,
    pub(super) claim: Claim,
}

/// What the next receipt of an obligation must say, whichever challenge it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) gpu_millis: u64,
    pub(super) challenges: u32,
    pub(super) prev: Bytes32,
    pub(super) terms: Bytes32,
}

impl Claim {
    pub(super) fn receipt(self, key: Key, work_root: Bytes32) -> DeliveryReceipt {
        let Self { gpu_millis, challenges, prev, terms } = self;
        let Key { obligation, challenge } = key;
        let obligation = ObligationId(obligation);
        DeliveryReceipt { obligation, challenge, gpu_millis, challenges, work_root, prev, terms }
    }
}

/// Why a demand cannot be met by this build of the agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemandError {
    #[error("{field} is not 32 bytes in hexadecimal")]
    NotAHash { field: &'static str },
    #[error("{field} is not whole hashes in hexadecimal")]
    NotHashes { field: &'static str },
    #[error("profile `{name}` is not known to this build")]
    UnknownProfile { name: String },
    #[error("{slots} slots, limit {}", u16::MAX)]
    TooManySlots { slots: u64 },
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
}

/// Work as agents and verifiers are told of it.
pub(crate) fn challenge(
    seed: (&'static str, &str),
    profile: &str,
    slots: u64,
    segments: u16,
) -> Result<Challenge, DemandError> {
    let (field, seed) = seed;
    let seed = hash(field, seed)?;
    let profile = ClassProfile::named(profile)
        .ok_or_else(|| DemandError::UnknownProfile { name: profile.to_owned() })?;
    let slots = u16::try_from(slots).map_err(|_wide| DemandError::TooManySlots { slots })?;
    Ok(Challenge::new(seed, profile, slots, segments)?)
}

/// Hashes in one text, one after the other, by the name of their field.
pub(crate) fn hashes(field: &'static str, text: &str) -> Result<Vec<Bytes32>, DemandError> {
    let wrong = DemandError::NotHashes { field };
    let mut bytes = vec![0; text.len().saturating_sub(2) / 2];
    let digits = text.strip_prefix("0x").ok_or(DemandError::NotHashes { field })?;
    hex::decode_to_slice(digits, &mut bytes).map_err(|_kind| DemandError::NotHashes { field })?;
    let (hashes, []) = bytes.as_chunks() else { return Err(wrong) };
    Ok(hashes.to_vec())
}

/// A hash by the name of its field.
pub(crate) fn hash(field: &'static str, text: &str) -> Result<Bytes32, DemandError> {
    hash_from_hex(text).ok_or(DemandError::NotAHash { field })
}

/// A demand for work, with the salts that come with it.
pub(super) fn demand(wire: &WireChallenge) -> Result<(Demand, Salts), DemandError> {
    let key = Key { obligation: wire.obligation_id, challenge: wire.number };
    let challenge = challenge(("seed", &wire.seed), &wire.profile, wire.slots, wire.segments)?
        .in_session(&hash("session_seed", &wire.session_seed)?);
    let mut salts = Salts::new();
    for (slot, text) in (0..challenge.slots()).zip(&wire.salts) {
        let of_slot = hashes("salts", text)?;
        salts.extend((0..).zip(of_slot).map(|(segment, salt)| (SegmentId { slot, segment }, salt)));
    }
    Ok((Demand { key, challenge, answer_by: wire.answer_by, claim: claim(wire)? }, salts))
}

/// Rows to open.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub(super) key: Key,
    pub(super) challenge: Challenge,
    pub(super) work_root: Bytes32,
    pub(super) draw_seed: Bytes32,
    /// All of them: whoever has lost the work can do it again.
    pub(super) salts: Salts,
}

/// A demand to open rows.
pub(super) fn drawn(wire: &WireDraw) -> Result<Drawn, DemandError> {
    let key = Key { obligation: wire.obligation_id, challenge: wire.challenge };
    let challenge = challenge(("seed", &wire.seed), &wire.profile, wire.slots, wire.segments)?
        .in_session(&hash("session_seed", &wire.session_seed)?);
    let salt_key = hash("salt_key", &wire.salt_key)?;
    let segments = 0..challenge.segments();
    let ids = (0..challenge.slots())
        .flat_map(|slot| segments.clone().map(move |segment| SegmentId { slot, segment }));
    Ok(Drawn {
        key,
        challenge,
        work_root: hash("work_root", &wire.work_root)?,
        draw_seed: hash("draw_seed", &wire.draw_seed)?,
        salts: ids.map(|id| (id, salt(&salt_key, id))).collect(),
    })
}

/// What came back for the roots of a slot.
pub(super) fn salts(slot: u16, wire: &WireSalts) -> Result<Salts, DemandError> {
    let id = |segment| SegmentId { slot, segment };
    let salts = (wire.first_segment..).zip(&wire.salts);
    salts.map(|(segment, text)| Ok((id(segment), hash("salts", text)?))).collect()
}

/// What the next receipt must say.
pub(super) fn claim(wire: &WireChallenge) -> Result<Claim, DemandError> {
    Ok(Claim {
        gpu_millis: wire.gpu_millis,
        challenges: wire.challenges,
        prev: hash("prev", &wire.prev)?,
        terms: hash("terms", &wire.terms)?,
    })
}

/// A message of `user.delivery`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    Challenge(WireChallenge),
    Draw(WireDraw),
    Judged {
        obligation_id: u64,
        challenge: u32,
        outcome: String,
    },
    /// The burn-in has begun.
    AcceptanceOpened {
        obligation_id: u64,
    },
    Closed {
        obligation_id: u64,
    },
    /// Nothing to do.
    #[serde(other)]
    Other,
}

/// An obligation of `private/get_obligations`, as far as an agent has to know it.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) obligation_id: u64,
    pub(super) role: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) acceptance: String,
    #[serde(default)]
    pub(super) challenge: Option<WireChallenge>,
    #[serde(default)]
    pub(super) draw: Option<WireDraw>,
}
