//! What the exchange keeps on disk: the journal, snapshots of the state, and read models in an embedded store.
//!
//! Read `journal.rs` for the promise (what [`Journal::append`] has returned is durable), `scan.rs` for what is believed on the way back,
//! and `docs/determinism.md` for the bytes.
//!
//! Invariants:
//! - a command is opaque bytes here: nothing in this directory knows what an order is;
//! - the journal is the only truth; snapshots and stores are made from it again when they are lost or doubted;
//! - no clock is read: every instant comes from the caller.

mod data_dir;
mod disk;
mod frame;
mod journal;
mod journal_error;
mod lock;
mod memory_store;
mod scan;
mod segment;
mod simulated_disk;
#[cfg(feature = "store-sled")]
mod sled_store;
mod snapshot;
mod store;

pub use data_dir::DataDir;
pub use disk::{Disk, DiskFile, RealDisk};
pub use frame::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX, Record};
pub use journal::Journal;
pub use journal_error::{Damage, JournalError};
pub use lock::{DirLock, LockError};
pub use memory_store::MemoryStore;
pub use scan::{Position, ScanReport, scan};
pub use segment::{SEGMENT_BYTES, Settings};
pub use simulated_disk::{Fault, SimulatedDisk, SimulatedFile};
#[cfg(feature = "store-sled")]
pub use sled_store::{SledStore, UncheckedSled, is_guarded};
pub use snapshot::{KeptSnapshot, SNAPSHOTS_KEPT, SnapshotFileError};
pub use store::{
    Applied, Batch, Direction, Entry, KEY_BYTES_MAX, Scan, Store, StoreError, VALUE_BYTES_MAX,
    Verdict,
};
