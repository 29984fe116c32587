//! A line of the audit log: an entry, or a signed head.

use ethers_core::utils::keccak256;
use instruments::Nanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::io::sign::{SIGNATURE_LEN, recover_digest};
use crate::venue::key::VenueKey;

/// Bytes of a field of an entry.
const FIELD_LEN_MAX: usize = 256;

const ENTRY_TAG: &[u8] = b"tenor audit entry 1";
const HEAD_TAG: &[u8] = b"tenor audit head 1";

/// What is to be noted. Texts are cut at 256 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEvent<'a> {
    /// Who: `account 7 key ab12`, `operator`, `203.0.113.9`.
    pub actor: &'a str,
    /// What: `login`, `key.create`, `ops.halt`.
    pub action: &'a str,
    /// To what.
    pub object: &'a str,
    /// `ok`, or why not.
    pub result: &'a str,
}

/// Bytes, in hexadecimal on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex<const LEN: usize>(pub(super) [u8; LEN]);

impl<const LEN: usize> Serialize for Hex<LEN> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de, const LEN: usize> Deserialize<'de> for Hex<LEN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; LEN];
        // One text for one value: a digit in the other case would be another line with the same meaning.
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(&text, &mut bytes) {
            Ok(()) if is_lower => Ok(Self(bytes)),
            _ => Err(serde::de::Error::custom(format!("not {LEN} bytes in hexadecimal"))),
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) seq: u64,
    /// Milliseconds since 1970.
    pub(super) time: u64,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) object: String,
    pub(super) result: String,
    pub(super) prev: Hex<32>,
    pub(super) hash: Hex<32>,
}

impl Entry {
    /// The entry that follows.
    pub(super) fn after((seq, prev): (u64, [u8; 32]), event: AuditEvent<'_>, now: Nanos) -> Self {
        let mut entry = Self {
            seq: seq.saturating_add(1),
            time: now.millis(),
            actor: cut(event.actor),
            action: cut(event.action),
            object: cut(event.object),
            result: cut(event.result),
            prev: Hex(prev),
            hash: Hex([0; 32]),
        };
        entry.hash = Hex(entry.digest());
        entry
    }

    /// What its hash must be: over every field, each with its length.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(ENTRY_TAG);
        hasher.update(&self.seq.to_le_bytes());
        hasher.update(&self.time.to_le_bytes());
        for text in [&self.actor, &self.action, &self.object, &self.result] {
            hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&self.prev.0);
        *hasher.finalize().as_bytes()
    }
}

fn cut(text: &str) -> String {
    text.chars()
        .scan(0_usize, |len, letter| {
            *len = len.saturating_add(letter.len_utf8());
            (*len <= FIELD_LEN_MAX).then_some(letter)
        })
        .collect()
}

/// A place in the chain, signed by the venue's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    /// The entry.
    pub seq: u64,
    /// Its hash, 32 bytes in hexadecimal.
    #[schemars(with = "String")]
    pub(super) hash: Hex<32>,
    /// When it was signed, in milliseconds since 1970.
    pub time: u64,
    /// Of the venue's key, 65 bytes in hexadecimal.
    #[schemars(with = "String")]
    pub(super) signature: Hex<SIGNATURE_LEN>,
}

impl AuditHead {
    pub(super) fn sign(key: &VenueKey, (seq, hash): (u64, [u8; 32]), now: Nanos) -> Self {
        let time = now.millis();
        let signature = key.countersign(head_digest(seq, hash, time));
        let signature = signature.try_into().unwrap_or([0; SIGNATURE_LEN]);
        Self { seq, hash: Hex(hash), time, signature: Hex(signature) }
    }

    /// Who signed it.
    pub(super) fn signer(&self) -> Option<[u8; 20]> {
        let digest = head_digest(self.seq, self.hash.0, self.time);
        recover_digest(digest, &self.signature.0).ok()
    }
}

fn head_digest(seq: u64, hash: [u8; 32], time: u64) -> [u8; 32] {
    keccak256([HEAD_TAG, &seq.to_le_bytes(), &hash, &time.to_le_bytes()].concat())
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// What happened.
    Entry(Entry),
    /// A signature over the entry before it.
    Head(AuditHead),
}
