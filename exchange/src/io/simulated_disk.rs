//! A disk in memory that loses what was not made durable: the test's disk and the simulator's.
//!
//! It is as unkind as a real one may be. At a power cut, of every file's writes since its last sync any subset of sectors survives; of
//! the changes of length and of name, any number of the first. A sync that fails loses the writes for good, though reads go on showing
//! them. Which of all that happens comes from a seed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, DiskFile};

/// What a device writes at once or not at all.
const SECTOR: usize = 512;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation may have begun; no later one does.
    PowerCut,
    /// Nothing more can be written or extended.
    DiskFull,
    /// The next sync fails.
    SyncFails,
}

/// A disk in memory. Clones are handles to the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// An open file of a [`SimulatedDisk`].
#[derive(Debug)]
pub struct SimulatedFile {
    id: u64,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    files: BTreeMap<u64, FileState>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// Changes of names since the last sync of a directory they touch.
    renames: Vec<NameChange>,
    next_id: u64,
    operations: u64,
    fault: Option<(u64, Fault)>,
    is_dead: bool,
}

#[derive(Debug, Clone, Default)]
struct FileState {
    shown: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Create { path: PathBuf, id: u64 },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
}

impl SimulatedDisk {
    /// Lets `fault` happen at the operation with this number, counted from zero over everything that changes the disk.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().fault = Some((operation, fault));
    }

    /// How many operations have changed the disk, or tried to.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The disk as the next process finds it when this one is killed: everything written is there, durable or not.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let mut state = self.state().clone();
        (state.is_dead, state.fault, state.operations) = (false, None, 0);
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The disk as it is found after a power cut: what was made durable, and of the rest what `seed` says.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let mut state = self.state().clone();
        let mut choices = Choices(seed);
        for file in state.files.values_mut() {
            file.lose_pending(&mut choices);
        }
        let renames = std::mem::take(&mut state.renames);
        let kept = choices.up_to(renames.len());
        for change in renames.into_iter().take(kept) {
            change.apply(&mut state.durable_names);
        }
        state.names = state.durable_names.clone();
        (state.is_dead, state.fault, state.operations) = (false, None, 0);
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        // A directory is there when a file is in it.
        self.state().check_alive()
    }

    fn create(&self, path: &Path) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        state.operate()?;
        let id = state.next_id;
        state.next_id = id.saturating_add(1);
        state.files.insert(id, FileState::default());
        state.change_name(NameChange::Create { path: path.to_path_buf(), id });
        Ok(SimulatedFile { id, state: Arc::clone(&self.state) })
    }

    fn open(&self, path: &Path) -> io::Result<SimulatedFile> {
        let state = self.state();
        state.check_alive()?;
        let id = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimulatedFile { id, state: Arc::clone(&self.state) })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        state.check_alive()?;
        let file = state.names.get(path).and_then(|id| state.files.get(id));
        Ok(file.ok_or(io::ErrorKind::NotFound)?.shown.clone())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check_alive()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| path.file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Remove { path: path.to_path_buf() });
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        state.check_sync()?;
        // Names are journaled in order by the file system: one that is durable makes all before it durable.
        let last = state.renames.iter().rposition(|change| change.touches(dir));
        let durable = last.map_or(0, |index| index.saturating_add(1));
        let changes: Vec<NameChange> = state.renames.drain(..durable).collect();
        for change in changes {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.change(Change::Write { offset, bytes: bytes.to_vec() })
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(usize::try_from(len).map_err(io::Error::other)?))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.sync_all()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.operate()?;
        let outcome = state.check_sync();
        let file = state.files.entry(self.id).or_default();
        let pending = std::mem::take(&mut file.pending);
        if outcome.is_ok() {
            for change in pending {
                change.apply(&mut file.durable);
            }
        }
        outcome
    }
}

impl SimulatedFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = lock(&self.state);
        let outcome = state.operate().and_then(|()| state.check_space());
        let has_begun = outcome.is_ok() || state.is_dying();
        if has_begun {
            let file = state.files.entry(self.id).or_default();
            change.apply(&mut file.shown);
            file.pending.push(change);
        }
        outcome
    }
}

impl State {
    fn check_alive(&self) -> io::Result<()> {
        if self.is_dead { Err(io::Error::other("power is cut")) } else { Ok(()) }
    }

    /// Counts an operation; fails from the power cut on.
    fn operate(&mut self) -> io::Result<()> {
        self.check_alive()?;
        self.operations = self.operations.saturating_add(1);
        self.is_dead = self.due(Fault::PowerCut);
        self.check_alive()
    }

    /// Whether the operation that was just counted is the one in which the power is cut.
    fn is_dying(&self) -> bool {
        let cut = self.operations.checked_sub(1).map(|operation| (operation, Fault::PowerCut));
        self.is_dead && self.fault == cut
    }

    fn due(&self, kind: Fault) -> bool {
        self.fault.is_some_and(|(operation, fault)| fault == kind && operation < self.operations)
    }

    fn check_space(&self) -> io::Result<()> {
        if self.due(Fault::DiskFull) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn check_sync(&mut self) -> io::Result<()> {
        if !self.due(Fault::SyncFails) {
            return Ok(());
        }
        // Once: a second sync reports success and has saved nothing of what the first one lost.
        self.fault = None;
        Err(io::Error::other("input/output error"))
    }

    fn change_name(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.renames.push(change);
    }
}

impl FileState {
    fn lose_pending(&mut self, choices: &mut Choices) {
        let pending = std::mem::take(&mut self.pending);
        let lengths = pending.iter().filter(|change| matches!(change, Change::SetLen(_))).count();
        let mut lengths_kept = choices.up_to(lengths);
        for change in pending {
            match change {
                Change::SetLen(_) if lengths_kept == 0 => {}
                Change::SetLen(_) => {
                    lengths_kept = lengths_kept.saturating_sub(1);
                    change.apply(&mut self.durable);
                }
                Change::Write { offset, bytes } => {
                    for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                        if choices.up_to(1) == 0 {
                            continue;
                        }
                        let offset = index.saturating_mul(SECTOR).saturating_add(offset);
                        Change::Write { offset, bytes: sector.to_vec() }.apply(&mut self.durable);
                    }
                }
            }
        }
        self.shown = self.durable.clone();
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => content.resize(*len, 0),
            Self::Write { offset, bytes } => {
                let end = offset.saturating_add(bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(*offset..end) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Create { path, id } => {
                names.insert(path, id);
            }
            Self::Rename { from, to } => {
                if let Some(id) = names.remove(&from) {
                    names.insert(to, id);
                }
            }
            Self::Remove { path } => {
                names.remove(&path);
            }
        }
    }

    fn touches(&self, dir: &Path) -> bool {
        match self {
            Self::Create { path, .. } | Self::Remove { path } => path.parent() == Some(dir),
            Self::Rename { from, to } => from.parent() == Some(dir) || to.parent() == Some(dir),
        }
    }
}

/// A seeded stream of choices (splitmix64).
struct Choices(u64);

impl Choices {
    fn up_to(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let outcomes = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        usize::try_from(mixed.checked_rem(outcomes).unwrap_or(0)).unwrap_or(0)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // The state is whole between operations; a test that failed elsewhere need not fail here again.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
