//! Snapshot files: the state at a position of the journal, so that a restart need not apply everything before it.
//!
//! Invariants:
//! - a snapshot has its name only once it is durable, and it carries a hash of every byte before the hash;
//! - a snapshot is never the only copy of anything: one that does not check is put aside, and an older one or the journal serves.

use std::io;
use std::path::PathBuf;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Nanos, Seq};
use thiserror::Error;

use super::data_dir::DataDir;
use super::disk::{Disk, DiskFile};
use super::frame::encode;
use super::scan::Position;

/// How many snapshots are kept: the newest may be damaged, and the one before it too.
pub const SNAPSHOTS_KEPT: usize = 3;

const MAGIC: [u8; 8] = *b"TENORSNP";
const FORMAT: u32 = 1;
const HASH_BYTES: usize = 32;

/// The disk refused.
#[derive(Debug, Error)]
#[error("cannot {doing} snapshot {path}: {source}")]
pub struct SnapshotFileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A state, and where in the journal it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSnapshot {
    /// The version of the exchange's rules.
    pub rules: u32,
    /// After which command, and after which bytes of the journal.
    pub position: Position,
    /// What the restored state must hash to.
    pub state_hash: [u8; 32],
    /// The state as bytes.
    pub payload: Vec<u8>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Head {
    magic: [u8; 8],
    format: u32,
    rules: u32,
    seq: Seq,
    at: Nanos,
    chain: [u8; 32],
    state_hash: [u8; 32],
    payload_bytes: u64,
}

impl<D: Disk> DataDir<D> {
    /// Writes a snapshot, makes it durable, and removes all but the last [`SNAPSHOTS_KEPT`].
    ///
    /// # Errors
    /// When the disk refuses. The snapshots before are untouched then.
    pub fn keep_snapshot(&self, snapshot: &KeptSnapshot) -> Result<(), SnapshotFileError> {
        let (dir, unfinished) = (self.snapshot_dir(), self.unfinished("snapshot"));
        let path = dir.join(name(snapshot.position.seq));
        self.disk.create_dir(&dir).map_err(failed("make room for", &path))?;
        let mut file = self.disk.create(&unfinished).map_err(failed("create", &unfinished))?;
        let written = file.write_at(&snapshot.file_bytes(), 0).and_then(|()| file.sync_all());
        written.map_err(failed("write", &unfinished))?;
        let named = self.disk.rename(&unfinished, &path);
        let named = named.and_then(|()| self.disk.sync_dir(&dir));
        named.and_then(|()| self.disk.sync_dir(self.root())).map_err(failed("name", &path))?;

        let kept = self.snapshot_names()?;
        for surplus in kept.iter().rev().skip(SNAPSHOTS_KEPT) {
            let path = dir.join(surplus);
            self.disk.remove(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    /// The newest snapshot under `rules` that checks, not later than `at_most` where that is given. One that does not check gets a name
    /// that ends in `.bad`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn newest_snapshot(
        &self,
        rules: u32,
        at_most: Option<Seq>,
    ) -> Result<Option<KeptSnapshot>, SnapshotFileError> {
        for name in self.snapshot_names()?.iter().rev() {
            if at_most.is_some_and(|at_most| named_seq(name).is_none_or(|seq| at_most < seq)) {
                continue;
            }
            let path = self.snapshot_dir().join(name);
            let bytes = self.disk.read(&path).map_err(failed("read", &path))?;
            let Some(snapshot) = KeptSnapshot::from_file(&bytes, name) else {
                let aside = path.with_extension("snap.bad");
                self.disk.rename(&path, &aside).map_err(failed("put aside", &path))?;
                continue;
            };
            if snapshot.rules == rules {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }

    /// The snapshots' names, oldest first.
    fn snapshot_names(&self) -> Result<Vec<String>, SnapshotFileError> {
        let dir = self.snapshot_dir();
        let mut names = self.names(&dir).map_err(failed("list", &dir))?;
        names.retain(|name| named_seq(name).is_some());
        Ok(names)
    }
}

impl KeptSnapshot {
    fn file_bytes(&self) -> Vec<u8> {
        let mut bytes = encode(&Head {
            magic: MAGIC,
            format: FORMAT,
            rules: self.rules,
            seq: self.position.seq,
            at: self.position.at,
            chain: self.position.chain,
            state_hash: self.state_hash,
            payload_bytes: u64::try_from(self.payload.len()).unwrap_or(u64::MAX),
        });
        bytes.extend_from_slice(&self.payload);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    fn from_file(bytes: &[u8], name: &str) -> Option<Self> {
        let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>()?;
        let mut payload = content;
        let head = Head::deserialize(&mut payload).ok()?;
        let is_whole = *hash == *blake3::hash(content).as_bytes()
            && u64::try_from(payload.len()) == Ok(head.payload_bytes);
        let is_known = head.magic == MAGIC && head.format == FORMAT;
        if !is_whole || !is_known || named_seq(name) != Some(head.seq) {
            return None;
        }
        Some(Self {
            rules: head.rules,
            position: Position { seq: head.seq, at: head.at, chain: head.chain },
            state_hash: head.state_hash,
            payload: payload.to_vec(),
        })
    }
}

fn name(seq: Seq) -> String {
    format!("{:016x}.snap", seq.0)
}

fn named_seq(file_name: &str) -> Option<Seq> {
    let digits = file_name.strip_suffix(".snap")?;
    let seq = Seq(u64::from_str_radix(digits, 16).ok()?);
    (name(seq) == file_name).then_some(seq)
}

fn failed(
    doing: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> SnapshotFileError {
    let path = path.to_path_buf();
    move |source| SnapshotFileError { doing, path, source }
}
