//! The Merkle root over a tick's signed statements, in Keccak so that a chain can open it.
//!
//! Pairs are hashed in their order; a last one without a partner goes up as it is. Leaves and nodes have different tags, so that no node passes
//! for a leaf.

use ethers_core::utils::keccak256;

use super::SignedObservation;

/// The root; zero for none.
#[must_use]
pub fn merkle_root(statements: &[SignedObservation]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = statements.iter().map(SignedObservation::leaf).collect();
    while 1 < level.len() {
        level = level.chunks(2).map(parent).collect();
    }
    level.first().copied().unwrap_or_default()
}

fn parent(pair: &[[u8; 32]]) -> [u8; 32] {
    match pair {
        [left, right] => keccak256([b"tenor oracle node 1".as_slice(), left, right].concat()),
        // `chunks` gives one or two.
        rest => rest.first().copied().unwrap_or_default(),
    }
}
