//! Merkle trees.

use std::collections::BTreeSet;

use delivery_agent::challenge::SegmentId;
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

    /// WORK-009: leaves that are proven together are so in their places, all of them, and no others.
    #[test]
    fn a_proof_of_several_leaves_proves_those(
        count in 1..40u32, chosen: [prop::sample::Index; 5], bit in 0..256usize,
    ) {
        let leaves = leaves(count);
        let (root, count) = (merkle::root(&leaves), leaves.len());
        let chosen: BTreeSet<usize> = chosen.iter().map(|index| index.index(count)).collect();
        let indices: Vec<usize> = chosen.into_iter().collect();
        let proof = merkle::proof(&leaves, &indices).unwrap();
        prop_assert!(proof.len() <= merkle::proof_len_max(indices.len(), count));
        let shown: Vec<(usize, [u8; 32])> = indices.iter().map(|at| (*at, leaves[*at])).collect();
        prop_assert_eq!(merkle::root_of(&shown, count, &proof), Some(root));
        for at in 0..shown.len() {
            let mut damaged = shown.clone();
            damaged[at].1[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(merkle::root_of(&damaged, count, &proof), Some(root));
            let mut moved = shown.clone();
            moved[at].0 ^= 1;
            prop_assert_ne!(merkle::root_of(&moved, count, &proof), Some(root));
        }
        for at in 0..proof.len() {
            let mut damaged = proof.clone();
            damaged[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(merkle::root_of(&shown, count, &damaged), Some(root));
        }
        let longer = [proof, vec![[0; 32]]].concat();
        prop_assert_eq!(merkle::root_of(&shown, count, &longer), None);
    }
}

#[test]
fn work_010_leaves_and_nodes_cannot_pose_as_each_other() {
    let (left, right) = ([1; 32], [2; 32]);
    let node = merkle::root(&[left, right]);
    assert_ne!(node, *blake3::hash(&[left, right].concat()).as_bytes());
    // The same bytes as a segment leaf and as a row leaf.
    let row = merkle::row_leaf(0, 0, &[0; 15]);
    let segment = merkle::segment_leaf(SegmentId { slot: 0, segment: 0 }, &[0; 32]);
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
