//! Why a journal cannot be read or written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a journal cannot be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk refused.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// The verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Bytes that were once durable are not what was written.
    #[error("journal is damaged in {file} at offset {offset}: {what}")]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where in it the first wrong frame begins.
        offset: u64,
        /// What is wrong there.
        what: Damage,
    },
    /// There is no journal to read.
    #[error("no journal in {dir}")]
    Missing {
        /// Where one was looked for.
        dir: PathBuf,
    },
    /// There is a journal where a new one was to begin.
    #[error("a journal exists in {dir}")]
    Exists {
        /// Where.
        dir: PathBuf,
    },
    /// Something in the journal's directory is not a segment.
    #[error("{file} is not a journal segment and must not lie there")]
    Stray {
        /// What.
        file: PathBuf,
    },
    /// A segment is written in a format that this binary does not know.
    #[error("{file} has journal format {found}, this binary reads format {known}")]
    Format {
        /// The segment.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A segment was written under other rules.
    #[error("{file} follows rules version {found}, this binary follows {expected}")]
    Rules {
        /// The segment.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// A segment belongs to another shard.
    #[error("{file} belongs to shard {found}, this is shard {expected}")]
    Shard {
        /// The segment.
        file: PathBuf,
        /// Its shard.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// The journal ends before a snapshot that was made from it.
    #[error(
        "journal ends at {last}, a snapshot was taken at {snapshot}: the journal has lost commands"
    )]
    Behind {
        /// The last sequence in the journal.
        last: u64,
        /// The snapshot's.
        snapshot: u64,
    },
    /// The journal tells another history than the one a snapshot was made from.
    #[error("journal and snapshot differ at sequence {seq}: they do not belong together")]
    Diverged {
        /// The snapshot's sequence.
        seq: u64,
    },
    /// A record does not fit into a frame.
    #[error("record of {bytes} bytes is over the limit of {limit}")]
    RecordTooLarge {
        /// Its payload.
        bytes: usize,
        /// The largest payload.
        limit: usize,
    },
    /// A write failed before, and what is on the disk since then is unknown.
    #[error("journal has stopped after a failed write; restart to recover")]
    Stopped,
}

impl JournalError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

/// What is wrong with bytes that were once durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// The file is shorter than a header, longer than its header says, or ends inside a block.
    #[error("length of {bytes} bytes is not one of a segment")]
    Length {
        /// The file's length.
        bytes: u64,
    },
    /// The header is not what was written.
    #[error("segment header fails its checksum")]
    Header,
    /// The file's name is not its first sequence.
    #[error("segment begins at sequence {found} and is named otherwise")]
    Name {
        /// The header's first sequence.
        found: u64,
    },
    /// Zeros or foreign bytes where a frame must stand.
    #[error("no frame begins here")]
    NoFrame,
    /// A frame's length is impossible.
    #[error("frame length is impossible")]
    FrameLength,
    /// A frame is not what was written.
    #[error("frame fails its checksum")]
    Checksum,
    /// A frame or segment does not continue where the one before ended.
    #[error("sequence {found} where {expected} must stand")]
    Sequence {
        /// Gapless continuation.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A frame or segment does not follow from the bytes before it.
    #[error("hash chain is broken")]
    Chain,
    /// A record is earlier than the one before.
    #[error("time runs backwards")]
    Clock,
    /// A whole frame holds a record that cannot be read.
    #[error("record cannot be read")]
    Record,
    /// The segment is complete, ends without an end marker, and nothing follows.
    #[error("the next segment is missing")]
    SegmentMissing,
}
