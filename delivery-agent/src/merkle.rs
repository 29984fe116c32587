//! Merkle trees over BLAKE3: commit to many leaves with one root, show one leaf with a path.
//!
//! Invariants:
//! - row leaves, segment leaves and inner nodes are hashed under different keys, so none can pose
//!   as another;
//! - a node without a sibling moves up unchanged; nothing is ever hashed with itself;
//! - index and number of leaves fix the length of a path, so a path proves a position as well.

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
pub fn segment_leaf(slot: u16, segment: u16, root: &Bytes32) -> Bytes32 {
    let mut bytes = [0; 36];
    bytes[..2].copy_from_slice(&slot.to_le_bytes());
    bytes[2..4].copy_from_slice(&segment.to_le_bytes());
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
    if leaves.len() <= index {
        return None;
    }
    let (mut level, mut at, mut siblings) = (leaves.to_vec(), index, Vec::new());
    while 1 < level.len() {
        siblings.extend(level.get(at ^ 1));
        level = parents(&level);
        at /= 2;
    }
    Some(siblings)
}

/// Whether `path` leads from `leaf`, as number `index` of `count`, to `root`.
#[must_use]
pub fn proves(root: &Bytes32, leaf: &Bytes32, place: Place, path: &[Bytes32]) -> bool {
    let Place { mut index, count: mut width } = place;
    if width <= index {
        return false;
    }
    let (mut hash, mut siblings) = (*leaf, path.iter());
    while 1 < width {
        // The last of an odd level has no sibling and moves up as it is.
        if index ^ 1 < width {
            let Some(sibling) = siblings.next() else { return false };
            hash = match index % 2 {
                0 => node(&hash, sibling),
                _ => node(sibling, &hash),
            };
        }
        index /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && hash == *root
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
