//! The store of read models: what can be asked about the past, kept in trees of sorted keys.
//!
//! Invariants:
//! - a store holds nothing that the journal cannot make again;
//! - every batch carries the command it was made from, so a store always knows how far it has come;
//! - a store that is ahead of the journal proves that the journal has lost commands, and stops the start.

use std::error::Error;
use std::path::PathBuf;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Seq;
use thiserror::Error;

/// The largest value. Larger ones would go to files of their own in some stores, and be slow in all.
pub const VALUE_BYTES_MAX: usize = 65_536;

/// The largest key, its tree's name included.
pub const KEY_BYTES_MAX: usize = 256;

/// Why a store cannot answer or take a batch. The exchange trades on without it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store behind the seam failed.
    #[error("store cannot {doing}: {source}")]
    Failed {
        /// The verb.
        doing: &'static str,
        /// Its own words.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store behind the seam panicked. It is rebuilt at the next start.
    #[error("store panicked while it was to {doing}; it is rebuilt at the next start")]
    Panicked {
        /// The verb.
        doing: &'static str,
    },
    /// A value over the limit.
    #[error("value of {bytes} bytes is over the limit of {VALUE_BYTES_MAX}")]
    ValueTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A key over the limit, or a tree without a name.
    #[error(
        "key of {bytes} bytes with its tree's name: the name must not be empty, the limit is {KEY_BYTES_MAX}"
    )]
    BadKey {
        /// Its size.
        bytes: usize,
    },
    /// The store has seen commands that the journal does not have.
    #[error(
        "store in {dir} is at sequence {store}, ahead of the journal: the journal has lost commands; refusing to start"
    )]
    Ahead {
        /// The store's directory.
        dir: PathBuf,
        /// How far the store has come.
        store: u64,
    },
}

/// How far a store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Applied {
    /// The last command whose events are in the store.
    pub seq: Seq,
    /// The fingerprint of the exchange after that command.
    pub state_hash: [u8; 32],
}

/// What the journal says about a store's [`Applied`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The exchange had this fingerprint after this command: the store goes on from there.
    Matches,
    /// It had another, or nobody knows: the store begins anew.
    Unknown,
    /// The journal ends before this command.
    Ahead,
}

impl Verdict {
    /// Judges a store by the end of the journal and by the fingerprint that replay has met at the store's command, if it has.
    #[must_use]
    pub fn of(applied: &Applied, journal_last: Seq, met: Option<[u8; 32]>) -> Self {
        if journal_last < applied.seq {
            return Self::Ahead;
        }
        if met == Some(applied.state_hash) { Self::Matches } else { Self::Unknown }
    }
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub(super) applied: Applied,
    pub(super) changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// An empty batch that brings the store to `applied`.
    #[must_use]
    pub const fn new(applied: Applied) -> Self {
        Self { applied, changes: Vec::new() }
    }

    /// Sets a key. Of several changes of one key the last holds.
    ///
    /// # Errors
    /// When the key or the value is over its limit.
    pub fn put(&mut self, tree: &str, key: &[u8], value: Vec<u8>) -> Result<(), StoreError> {
        if VALUE_BYTES_MAX < value.len() {
            return Err(StoreError::ValueTooLarge { bytes: value.len() });
        }
        self.changes.push((full_key(tree, key)?, Some(value)));
        Ok(())
    }

    /// Removes a key.
    ///
    /// # Errors
    /// When the key is over its limit.
    pub fn delete(&mut self, tree: &str, key: &[u8]) -> Result<(), StoreError> {
        self.changes.push((full_key(tree, key)?, None));
        Ok(())
    }
}

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// A question for a range of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan<'a> {
    /// In which tree.
    pub tree: &'a str,
    /// Only keys that begin with this.
    pub prefix: &'a [u8],
    /// Only keys behind this one, in the direction of the scan: where the page before ended.
    pub after: Option<&'a [u8]>,
    /// Which way.
    pub direction: Direction,
    /// At most so many.
    pub limit: usize,
}

/// A key without its tree, and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A store of read models.
pub trait Store: Send + Sync {
    /// How far the store has come; `None` before the first batch.
    ///
    /// # Errors
    /// When the store fails.
    fn applied(&self) -> Result<Option<Applied>, StoreError>;

    /// The value of a key.
    ///
    /// # Errors
    /// When the store fails, or the key is over its limit.
    fn get(&self, tree: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The keys and values of a range, in order.
    ///
    /// # Errors
    /// When the store fails, or a key is over its limit.
    fn scan(&self, scan: &Scan<'_>) -> Result<Vec<Entry>, StoreError>;

    /// Makes the changes of a batch, and its [`Applied`], together or not at all. Durable after [`Store::flush`].
    ///
    /// # Errors
    /// When the store fails. It is not to be believed any more then, and is rebuilt at the next start.
    fn apply(&self, batch: Batch) -> Result<(), StoreError>;

    /// Makes all batches before durable.
    ///
    /// # Errors
    /// When the store fails.
    fn flush(&self) -> Result<(), StoreError>;
}

/// Where [`Applied`] is kept. No tree's key begins with zero: their first byte is the length of a name.
pub(super) const APPLIED_KEY: &[u8] = &[0];

/// Trees share one space of keys, because a batch is atomic in one space only.
pub(super) fn full_key(tree: &str, key: &[u8]) -> Result<Vec<u8>, StoreError> {
    let bytes = tree.len().saturating_add(key.len()).saturating_add(1);
    let name_len = u8::try_from(tree.len()).unwrap_or(0);
    if name_len == 0 || KEY_BYTES_MAX < bytes {
        return Err(StoreError::BadKey { bytes });
    }
    let mut full = Vec::with_capacity(bytes);
    full.push(name_len);
    full.extend_from_slice(tree.as_bytes());
    full.extend_from_slice(key);
    Ok(full)
}

/// The range of keys that a scan asks for.
pub(super) struct KeyRange {
    pub(super) from: std::ops::Bound<Vec<u8>>,
    pub(super) to: std::ops::Bound<Vec<u8>>,
    /// How much of each key is its tree.
    pub(super) tree_bytes: usize,
}

impl KeyRange {
    /// `None` when no key can be in it.
    pub(super) fn of(scan: &Scan<'_>) -> Result<Option<Self>, StoreError> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let first = full_key(scan.tree, scan.prefix)?;
        let mut range = Self {
            to: successor(&first).map_or(Unbounded, Excluded),
            from: Included(first.clone()),
            tree_bytes: scan.tree.len().saturating_add(1),
        };
        let Some(after) = scan.after else { return Ok(Some(range)) };
        let after = full_key(scan.tree, after)?;
        let is_before_all = after < first;
        let is_behind_all = !is_before_all && !after.starts_with(&first);
        match scan.direction {
            Direction::Ascending if is_behind_all => return Ok(None),
            Direction::Descending if is_before_all => return Ok(None),
            Direction::Ascending if is_before_all => {}
            Direction::Descending if is_behind_all => {}
            Direction::Ascending => range.from = Excluded(after),
            // Nothing is before the first key, and a range that ends where it begins is none.
            Direction::Descending if after == first => return Ok(None),
            Direction::Descending => range.to = Excluded(after),
        }
        Ok(Some(range))
    }
}

/// The smallest key behind all that begin with `prefix`.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = prefix.get(..=last)?.to_vec();
    if let Some(byte) = next.last_mut() {
        *byte = byte.saturating_add(1);
    }
    Some(next)
}
