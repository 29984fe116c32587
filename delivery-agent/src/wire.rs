//! Openings as JSON: the object that passes from agent through exchange to verifier.
//!
//! ```text
//! {"roots":["<roots of slot 0, hex>", ..],"rows":[{"slot":0,"segment":2,"row":17,"path":"<hex>"}, ..]}
//! ```
//!
//! Hashes that belong together stand in one string, 64 digits each.
//!
//! Invariants:
//! - what was written is read back equal;
//! - anything else, an unknown field included, is [`Malformed`] and never a panic.

use serde::{Deserialize, Serialize};

use crate::expand::Bytes32;
use crate::program::{OpenedRow, Openings};

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
    roots: Vec<String>,
    rows: Vec<WireRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRow {
    slot: u16,
    segment: u16,
    row: u32,
    path: String,
}

/// Writes openings.
///
/// # Errors
/// [`Malformed::TooLong`] when there are more than the exchange relays.
pub fn openings_to_json(openings: &Openings) -> Result<String, Malformed> {
    let row = |opened: &OpenedRow| WireRow {
        slot: opened.slot,
        segment: opened.segment,
        row: opened.row,
        path: hex::encode(opened.path.as_flattened()),
    };
    let roots = openings.roots.iter().map(|chain| hex::encode(chain.as_flattened())).collect();
    let wire = WireOpenings { roots, rows: openings.rows.iter().map(row).collect() };
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
    let wire: WireOpenings = serde_json::from_str(text)?;
    let roots = wire.roots.iter().map(|chain| hashes(chain, "roots")).collect::<Result<_, _>>()?;
    let row = |wire: WireRow| {
        let WireRow { slot, segment, row, path } = wire;
        hashes(&path, "path").map(|path| OpenedRow { slot, segment, row, path })
    };
    let rows = wire.rows.into_iter().map(row).collect::<Result<_, _>>()?;
    Ok(Openings { roots, rows })
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
