//! Merkle trees over BLAKE3: commit to many leaves with one root, show one leaf with a path.
//!
//! Invariants:
//! - row leaves, segment leaves and inner nodes are hashed under different keys, so none can pose
//!   as another;
//! - a node without a sibling moves up unchanged; nothing is ever hashed with itself;
//! - index and number of leaves fix the length of a path, so a path proves a position as well.

use crate::challenge::SegmentId;
use crate::expand::Bytes32;

const ROW_KEY: &Bytes32 = b"tenor merkle: row of segment  v1";
const SEGMENT_KEY: &Bytes32 = b"tenor merkle: root of segment v1";
const NODE_KEY: &Bytes32 = b"tenor merkle: two children    v1";

/// The leaf of one finished row.
#[must_use]
pub fn row_leaf(segment: u16, row: u32, values: &[i16]) -> Bytes32 {
    let mut bytes = Vec::with_capacity(6 + values.len() * 2);
    bytes.extend(segment.to_le_bytes());
    bytes.extend(row.to_le_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    *blake3::keyed_hash(ROW_KEY, &bytes).as_bytes()
}

/// The leaf of one segment's root in the tree over a whole challenge.
#[must_use]
pub fn segment_leaf(id: SegmentId, root: &Bytes32) -> Bytes32 {
    let mut bytes = [0; 36];
    bytes[..2].copy_from_slice(&id.slot.to_le_bytes());
    bytes[2..4].copy_from_slice(&id.segment.to_le_bytes());
    bytes[4..].copy_from_slice(root);
    *blake3::keyed_hash(SEGMENT_KEY, &bytes).as_bytes()
}

/// The root over `leaves`.
///
/// # Panics
/// On no leaves: every tree of ours has at least one, and a root of nothing would prove nothing.
#[must_use]
pub fn root(leaves: &[Bytes32]) -> Bytes32 {
    assert!(!leaves.is_empty(), "a Merkle tree needs a leaf");
    let mut level = leaves.to_vec();
    while 1 < level.len() {
        level = parents(&level);
    }
    level[0]
}

/// The siblings from leaf `index` up to the root; `None` when there is no such leaf.
#[must_use]
pub fn path(leaves: &[Bytes32], index: usize) -> Option<Vec<Bytes32>> {
    proof(leaves, &[index])
}

/// Whether `path` leads from `leaf`, as number `index` of `count`, to `root`.
#[must_use]
pub fn proves(root: &Bytes32, leaf: &Bytes32, place: Place, path: &[Bytes32]) -> bool {
    let Place { index, count } = place;
    root_of(&[(index, *leaf)], count, path) == Some(*root)
}

/// What leads from several leaves together to the root: every hash they do not give themselves,
/// level by level from the left. `None` unless `indices` ascend and there are such leaves.
#[must_use]
pub fn proof(leaves: &[Bytes32], indices: &[usize]) -> Option<Vec<Bytes32>> {
    let ascend = indices.is_sorted_by(|a, b| a < b);
    if !ascend || indices.last().is_none_or(|last| leaves.len() <= *last) {
        return None;
    }
    let (mut level, mut known, mut missing) = (leaves.to_vec(), indices.to_vec(), Vec::new());
    while 1 < level.len() {
        let lone = |at: &&usize| known.binary_search(&(**at ^ 1)).is_err();
        missing.extend(known.iter().filter(lone).filter_map(|at| level.get(at ^ 1)));
        level = parents(&level);
        known.iter_mut().for_each(|at| *at /= 2);
        known.dedup();
    }
    Some(missing)
}

/// The root that `leaves`, ascending by their places in a tree of `count`, have with a [`proof`].
///
/// `None` when the proof is not exactly as long as those places need it.
#[must_use]
pub fn root_of(leaves: &[(usize, Bytes32)], count: usize, proof: &[Bytes32]) -> Option<Bytes32> {
    let ascend = leaves.is_sorted_by(|(a, _), (b, _)| a < b);
    if !ascend || leaves.last().is_none_or(|(last, _)| count <= *last) {
        return None;
    }
    let (mut level, mut width, mut missing) = (leaves.to_vec(), count, proof.iter());
    while 1 < width {
        let (mut above, mut here) = (Vec::with_capacity(level.len()), level.into_iter().peekable());
        while let Some((at, hash)) = here.next() {
            // The last of an odd level has no sibling and moves up as it is.
            let parent = if width <= at ^ 1 {
                hash
            } else if at % 2 == 1 {
                node(missing.next()?, &hash)
            } else {
                let known = here.next_if(|(next, _)| *next == at + 1).map(|(_, sibling)| sibling);
                let sibling = match known {
                    Some(sibling) => sibling,
                    None => *missing.next()?,
                };
                node(&hash, &sibling)
            };
            above.push((at / 2, parent));
        }
        level = above;
        width = width.div_ceil(2);
    }
    let root = level.first().map(|(_, hash)| *hash);
    root.filter(|_| missing.next().is_none())
}

/// Most hashes in a proof of `chosen` leaves of `count`.
#[must_use]
pub fn proof_len_max(chosen: usize, count: usize) -> usize {
    let chosen = chosen.min(count).max(1);
    let levels = count.max(1).next_power_of_two().ilog2() - chosen.ilog2();
    chosen * levels as usize
}

/// Where a leaf stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From zero.
    pub index: usize,
    /// Leaves in the whole tree.
    pub count: usize,
}

pub(crate) fn parents(level: &[Bytes32]) -> Vec<Bytes32> {
    let parent = |pair: &[Bytes32]| match pair {
        [left, right] => node(left, right),
        [lone] => *lone,
        _ => unreachable!("chunks of two have one or two"),
    };
    level.chunks(2).map(parent).collect()
}

fn node(left: &Bytes32, right: &Bytes32) -> Bytes32 {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(left);
    bytes[32..].copy_from_slice(right);
    *blake3::keyed_hash(NODE_KEY, &bytes).as_bytes()
}
