//! Merkle trees.

use delivery_agent::merkle::{self, Place};
use proptest::prelude::*;

fn leaves(count: u32) -> Vec<[u8; 32]> {
    (0..count).map(|row| merkle::row_leaf(0, row, &[])).collect()
}

proptest! {
    /// WORK-009: a path proves its own leaf in its own place, and nothing else.
    #[test]
    fn a_path_proves_one_leaf_in_one_place(count in 1..40u32, at: prop::sample::Index, other: prop::sample::Index) {
        let leaves = leaves(count);
        let (root, count) = (merkle::root(&leaves), leaves.len());
        let (index, other) = (at.index(count), other.index(count));
        let path = merkle::path(&leaves, index).unwrap();
        let proves = |leaf: usize, index| {
            merkle::proves(&root, &leaves[leaf], Place { index, count }, &path)
        };
        prop_assert!(proves(index, index));
        prop_assert!(index == other || !proves(other, index));
        prop_assert!(index == other || !proves(index, other));
    }

    /// WORK-009: a path with any bit turned, or of any other length, proves nothing.
    #[test]
    fn a_damaged_path_proves_nothing(count in 2..40u32, at: prop::sample::Index, bit in 0..256usize) {
        let leaves = leaves(count);
        let (root, count) = (merkle::root(&leaves), leaves.len());
        let index = at.index(count);
        let path = merkle::path(&leaves, index).unwrap();
        let place = Place { index, count };
        for level in 0..path.len() {
            let mut damaged = path.clone();
            damaged[level][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!merkle::proves(&root, &leaves[index], place, &damaged));
        }
        let longer = [path.clone(), vec![[0; 32]]].concat();
        prop_assert!(!merkle::proves(&root, &leaves[index], place, &longer));
        prop_assert!(!merkle::proves(&root, &leaves[index], place, &path[1..]));
    }
}

#[test]
fn work_010_leaves_and_nodes_cannot_pose_as_each_other() {
    let (left, right) = ([1; 32], [2; 32]);
    let node = merkle::root(&[left, right]);
    assert_ne!(node, *blake3::hash(&[left, right].concat()).as_bytes());
    // The same bytes as a segment leaf and as a row leaf.
    let row = merkle::row_leaf(0, 0, &[0; 15]);
    let segment = merkle::segment_leaf(0, 0, &[0; 32]);
    assert_ne!(row, segment);
}

#[test]
fn work_010_a_node_without_a_sibling_moves_up_unchanged() {
    let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
    assert_eq!(merkle::root(&[a, b, c]), merkle::root(&[merkle::root(&[a, b]), c]));
    assert_ne!(merkle::root(&[a, b, c]), merkle::root(&[a, b, c, c]));
    assert_eq!(merkle::path(&[a, b, c], 2), Some(vec![merkle::root(&[a, b])]));
    assert_eq!(merkle::path(&[a, b, c], 3), None);
}
