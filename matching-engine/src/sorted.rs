//! A sorted map from keys to slots that allocates nothing once it has been as large as it gets.
//!
//! Two levels: blocks of up to 32 entries, and a directory of the blocks by their first key. An insertion moves a few entries of one
//! block, and only a full block's split moves the directory. Blocks that fall empty are kept for the next split.

use crate::slab::Slot;

const BLOCK: usize = 32;

/// Entries in ascending order of their keys, which are unique.
#[derive(Debug, Clone)]
pub(crate) struct Sorted<K> {
    directory: Vec<Block<K>>,
    spare: Vec<Vec<(K, Slot)>>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Block<K> {
    first: K,
    entries: Vec<(K, Slot)>,
}

impl<K: Copy + Ord> Sorted<K> {
    pub(crate) const fn new() -> Self {
        Self { directory: Vec::new(), spare: Vec::new(), len: 0 }
    }

    /// An empty map with room for so many blocks.
    pub(crate) fn with_room(blocks: usize) -> Self {
        let spare = std::iter::repeat_with(|| Vec::with_capacity(BLOCK)).take(blocks).collect();
        Self { directory: Vec::with_capacity(blocks), spare, len: 0 }
    }

    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The entry with the smallest key.
    #[inline]
    pub(crate) fn first(&self) -> Option<(K, Slot)> {
        self.directory.first()?.entries.first().copied()
    }

    pub(crate) fn get(&self, key: K) -> Option<Slot> {
        let entries = &self.directory.get(self.block_of(key)?)?.entries;
        let at = entries.binary_search_by(|(other, _)| other.cmp(&key)).ok()?;
        entries.get(at).map(|(_, slot)| *slot)
    }

    /// Enters a key that is not there yet.
    pub(crate) fn insert(&mut self, key: K, slot: Slot) {
        self.len = self.len.wrapping_add(1);
        let at = self.block_of(key).unwrap_or(0);
        let Some(block) = self.directory.get_mut(at) else {
            let mut entries = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
            entries.push((key, slot));
            return self.directory.push(Block { first: key, entries });
        };
        let place = block.entries.partition_point(|(other, _)| *other < key);
        if block.entries.len() < BLOCK {
            block.entries.insert(place, (key, slot));
            block.first = block.first.min(key);
            return;
        }
        let mut upper = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
        upper.extend(block.entries.drain(BLOCK / 2..));
        let (half, place) = match place.checked_sub(BLOCK / 2) {
            Some(place) if place != 0 => (&mut upper, place),
            Some(_) | None => (&mut block.entries, place),
        };
        half.insert(place, (key, slot));
        block.first = block.first.min(key);
        if let Some(&(first, _)) = upper.first() {
            self.directory.insert(at.saturating_add(1), Block { first, entries: upper });
        }
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, key: K) -> Option<Slot> {
        let at = self.block_of(key)?;
        let entries = &mut self.directory.get_mut(at)?.entries;
        let place = entries.binary_search_by(|(other, _)| other.cmp(&key)).ok()?;
        let (_, slot) = entries.remove(place);
        self.len = self.len.wrapping_sub(1);
        self.tidy(at);
        Some(slot)
    }

    /// Takes the entry with the smallest key out.
    pub(crate) fn pop_first(&mut self) -> Option<(K, Slot)> {
        let first = self.first()?;
        self.remove(first.0);
        Some(first)
    }

    /// All entries, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, Slot)> {
        self.directory.iter().flat_map(|block| block.entries.iter().copied())
    }

    /// The block that holds `key` if any does.
    fn block_of(&self, key: K) -> Option<usize> {
        let after = self.directory.partition_point(|block| block.first <= key);
        if self.directory.is_empty() { None } else { Some(after.saturating_sub(1)) }
    }

    /// Restores the directory after a removal: an empty block leaves, a small one takes in a small neighbour.
    fn tidy(&mut self, at: usize) {
        let Some(block) = self.directory.get_mut(at) else { return };
        match block.entries.first() {
            Some((first, _)) => block.first = *first,
            None => {
                let block = self.directory.remove(at);
                return self.spare.push(block.entries);
            }
        }
        let here = block.entries.len();
        let next = at.saturating_add(1);
        let beside = self.directory.get(next).map_or(BLOCK, |block| block.entries.len());
        if here.saturating_add(beside) <= BLOCK / 2 {
            let mut gone = self.directory.remove(next).entries;
            if let Some(block) = self.directory.get_mut(at) {
                block.entries.append(&mut gone);
            }
            self.spare.push(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes and goes, it holds what a plain ordered map holds.
        #[test]
        fn it_is_an_ordered_map(steps in prop::collection::vec((any::<bool>(), 0..400i64), 1..2_000)) {
            let (mut sorted, mut plain) = (Sorted::new(), BTreeMap::new());
            for (slot, (comes, key)) in (0u32..).zip(steps) {
                if comes && !plain.contains_key(&key) {
                    sorted.insert(key, slot);
                    plain.insert(key, slot);
                } else {
                    prop_assert_eq!(sorted.remove(key), plain.remove(&key));
                }
                prop_assert_eq!(sorted.get(key), plain.get(&key).copied());
                prop_assert_eq!(sorted.first(), plain.first_key_value().map(|(k, s)| (*k, *s)));
                prop_assert_eq!(sorted.len(), plain.len());
            }
            prop_assert!(sorted.iter().eq(plain.iter().map(|(k, s)| (*k, *s))));
            while let Some(first) = sorted.pop_first() {
                prop_assert_eq!(Some(first), plain.pop_first());
            }
            prop_assert!(sorted.len() == 0 && plain.is_empty());
        }
    }
}
