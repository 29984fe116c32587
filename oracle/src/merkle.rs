//! One hash for all that went into a print.
//!
//! A binary tree of blake3 hashes. Leaves and inner nodes are hashed in domains of their own, so that no node passes for a leaf; a node
//! without a neighbour goes up as it is. The order of the observations counts: they stand as they came.

use blake3::Hasher;
use borsh::BorshSerialize;

use crate::observation::Observation;

const LEAF: &str = "tenor oracle 2026 input leaf";
const NODE: &str = "tenor oracle 2026 input node";
const NOTHING: &str = "tenor oracle 2026 no inputs";

/// The root over `observations`; that of no observations is a constant of its own.
#[must_use]
pub fn merkle_root(observations: &[Observation]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = observations.iter().map(leaf).collect();
    while 1 < level.len() {
        level = level.chunks(2).map(node).collect();
    }
    level.first().copied().unwrap_or_else(|| *Hasher::new_derive_key(NOTHING).finalize().as_bytes())
}

fn leaf(observation: &Observation) -> [u8; 32] {
    let mut hasher = Hasher::new_derive_key(LEAF);
    hasher.update(&encode(observation));
    *hasher.finalize().as_bytes()
}

fn node(children: &[[u8; 32]]) -> [u8; 32] {
    match children {
        [only] => *only,
        children => {
            let mut hasher = Hasher::new_derive_key(NODE);
            for child in children {
                hasher.update(child);
            }
            *hasher.finalize().as_bytes()
        }
    }
}

#[expect(clippy::expect_used, reason = "writing borsh into a Vec cannot fail")]
fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("an observation encodes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ProviderId;
    use instruments::{MicroUsd, Nanos};
    use std::collections::BTreeSet;

    fn observations(count: i64) -> Vec<Observation> {
        let one = |n: i64| {
            let provider = ProviderId::new(&format!("p{n}")).unwrap();
            Observation::new(Nanos::new(1), provider, MicroUsd::new(n + 1), 1).unwrap()
        };
        (0..count).map(one).collect()
    }

    /// TAPE-006: whoever has the root knows what went in, how much of it, and in which order.
    #[test]
    fn tape_006_every_change_of_the_inputs_changes_the_root() {
        let mut roots = BTreeSet::new();
        for count in 0..20 {
            let inputs = observations(count);
            assert!(roots.insert(merkle_root(&inputs)), "{count}");
            for at in 0..inputs.len() {
                let mut fewer = inputs.clone();
                fewer.remove(at);
                assert_ne!(merkle_root(&fewer), merkle_root(&inputs), "{count} without {at}");
                let mut other = inputs.clone();
                other.rotate_left(1);
                assert!(other == inputs || merkle_root(&other) != merkle_root(&inputs));
            }
        }
    }
}
