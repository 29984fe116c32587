//! Openings as JSON: the object that passes from agent through exchange to verifier.
//!
//! ```text
//! {"roots":"<hex>","path":"<hex>","rows":["<hex of the first drawn segment>", ..]}
//! ```
//!
//! Hashes that belong together stand in one string, 64 digits each.
//!
//! Invariants:
//! - what was written is read back equal;
//! - anything else, an unknown field included, is [`Malformed`] and never a panic.

use serde::{Deserialize, Serialize};

use crate::challenge::SLOTS_DRAWN_MAX;
use crate::expand::Bytes32;
use crate::merkle;
use crate::profile::Shape;
use crate::program::Openings;

/// Largest text of openings that the exchange relays.
pub const OPENINGS_MAX: usize = 60 * 1024;

/// Why a text is not openings: a provider's fault, always.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Longer than the exchange relays.
    #[error("openings of {len} bytes, limit {OPENINGS_MAX}")]
    TooLong {
        /// How long.
        len: usize,
    },
    /// Not this JSON.
    #[error("openings are not the expected json: {0}")]
    Json(#[from] serde_json::Error),
    /// Not hashes in lower or upper case hexadecimal.
    #[error("{field} is not a sequence of 32-byte hashes in hexadecimal")]
    Hashes {
        /// Where.
        field: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireOpenings {
    roots: String,
    path: String,
    rows: Vec<String>,
}

/// Most bytes that openings of such a challenge take.
#[must_use]
pub fn openings_len_max(shape: &Shape, slots: u16, segments: u16) -> usize {
    const HEX: usize = 64;
    let drawn_slots = slots.min(SLOTS_DRAWN_MAX);
    let drawn = usize::from(drawn_slots) * (shape.open_segments as usize).min(segments.into());
    let (count, shown) = (usize::from(slots) * usize::from(segments), 2 * drawn);
    let of_segment = merkle::proof_len_max(shape.open_rows as usize, shape.rows as usize);
    let hashes = shown + merkle::proof_len_max(shown, count) + drawn * of_segment;
    // Quotes and commas, and the names of the fields.
    hashes * HEX + drawn * 3 + 64
}

/// Writes openings.
///
/// # Errors
/// [`Malformed::TooLong`] when there are more than the exchange relays.
pub fn openings_to_json(openings: &Openings) -> Result<String, Malformed> {
    let digits = |hashes: &Vec<Bytes32>| hex::encode(hashes.as_flattened());
    let wire = WireOpenings {
        roots: digits(&openings.roots),
        path: digits(&openings.path),
        rows: openings.rows.iter().map(digits).collect(),
    };
    let text = serde_json::to_string(&wire)?;
    if OPENINGS_MAX < text.len() {
        return Err(Malformed::TooLong { len: text.len() });
    }
    Ok(text)
}

/// Reads openings.
///
/// # Errors
/// [`Malformed`], which a verifier answers with an invalid verdict.
pub fn openings_from_json(text: &str) -> Result<Openings, Malformed> {
    if OPENINGS_MAX < text.len() {
        return Err(Malformed::TooLong { len: text.len() });
    }
    let WireOpenings { roots, path, rows } = serde_json::from_str(text)?;
    Ok(Openings {
        roots: hashes(&roots, "roots")?,
        path: hashes(&path, "path")?,
        rows: rows.iter().map(|path| hashes(path, "rows")).collect::<Result<_, _>>()?,
    })
}

/// A hash as the exchange writes it: hexadecimal, with or without `0x`.
pub(crate) fn hash_from_hex(text: &str) -> Option<Bytes32> {
    let mut hash = Bytes32::default();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut hash).ok().map(|()| hash)
}

/// Bytes as the exchange writes them.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn hashes(digits: &str, field: &'static str) -> Result<Vec<Bytes32>, Malformed> {
    let bytes = hex::decode(digits).unwrap_or_else(|_not_hex| vec![0]);
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(hashes.to_vec()) } else { Err(Malformed::Hashes { field }) }
}
