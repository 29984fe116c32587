//! The store in memory: for the simulator, for tests, and for a server that keeps no history.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::frame::encode;
use super::store::{
    APPLIED_KEY, Applied, Batch, Direction, Entry, KeyRange, Scan, Store, StoreError, full_key,
};

/// Trees in memory. Gone with the process, and made again from the journal like any other.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryStore {
    fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

impl Store for MemoryStore {
    fn applied(&self) -> Result<Option<Applied>, StoreError> {
        Ok(self.value(APPLIED_KEY).and_then(|bytes| borsh::from_slice(&bytes).ok()))
    }

    fn get(&self, tree: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.value(&full_key(tree, key)?))
    }

    fn scan(&self, scan: &Scan<'_>) -> Result<Vec<Entry>, StoreError> {
        let Some(range) = KeyRange::of(scan)? else { return Ok(Vec::new()) };
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let found = entries.range((range.from, range.to));
        let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            (key.get(range.tree_bytes..).unwrap_or_default().to_vec(), value.clone())
        };
        Ok(match scan.direction {
            Direction::Ascending => found.take(scan.limit).map(entry).collect(),
            Direction::Descending => found.rev().take(scan.limit).map(entry).collect(),
        })
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in batch.changes {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        entries.insert(APPLIED_KEY.to_vec(), encode(&batch.applied));
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
