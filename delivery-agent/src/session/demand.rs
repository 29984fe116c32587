//! What the exchange says to an agent, read into what the agent works with.

use std::fmt;

use api::wire::{WireChallenge, WireDraw};
use instruments::ObligationId;
use serde::Deserialize;
use settlement::DeliveryReceipt;

use crate::challenge::{Challenge, ChallengeError};
use crate::expand::Bytes32;
use crate::profile::ClassProfile;
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

/// A hash by the name of its field.
pub(crate) fn hash(field: &'static str, text: &str) -> Result<Bytes32, DemandError> {
    hash_from_hex(text).ok_or(DemandError::NotAHash { field })
}

impl TryFrom<&WireChallenge> for Demand {
    type Error = DemandError;

    fn try_from(wire: &WireChallenge) -> Result<Self, DemandError> {
        let key = Key { obligation: wire.obligation_id, challenge: wire.number };
        let challenge = challenge(("seed", &wire.seed), &wire.profile, wire.slots, wire.segments)?;
        Ok(Self { key, challenge, answer_by: wire.answer_by, claim: claim(wire)? })
    }
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
