//! A fingerprint of everything in the store.
//!
//! sled checks the pages that it finds and does not miss the ones that it no longer finds: with one wrong byte in its log it may open
//! without a word and lack a few keys. So the sum of what was put in is kept beside it, and compared when it is opened.

use borsh::{BorshDeserialize, BorshSerialize};
use sled::Db;

use crate::io::frame::encode;
use crate::io::store::{APPLIED_KEY, Applied};

/// What is in a store, whatever the order in which it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Contents {
    entries: u64,
    /// Every entry's hash, one over the other: what is put in and taken out again leaves no trace.
    mixed: [u8; 32],
}

impl Contents {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.saturating_add(1);
        self.mix(key, value);
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.saturating_sub(1);
        self.mix(key, value);
    }

    fn mix(&mut self, key: &[u8], value: &[u8]) {
        let hash = blake3::hash(&encode(&(key, value)));
        for (mixed, byte) in self.mixed.iter_mut().zip(hash.as_bytes()) {
            *mixed ^= byte;
        }
    }
}

/// What every batch writes beside its changes.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) struct Label {
    pub(super) applied: Applied,
    pub(super) contents: Contents,
}

/// Reads the whole store. Its label, if all that the label tells of is there; `None` when the store is new.
pub(super) fn check(db: &Db) -> sled::Result<Option<Label>> {
    let (mut label, mut found) = (None, Contents::default());
    for entry in db.iter() {
        let (key, value) = entry?;
        if key == APPLIED_KEY {
            let bytes: &[u8] = &value;
            label = Some(borsh::from_slice::<Label>(bytes).map_err(sled::Error::Io)?);
        } else {
            found.add(&key, &value);
        }
    }
    if found == label.map_or_else(Contents::default, |label| label.contents) {
        return Ok(label);
    }
    Err(sled::Error::Corruption { at: None, bt: () })
}
