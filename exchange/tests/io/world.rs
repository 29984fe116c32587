//! A data directory on a simulated disk, and commands that can be told apart.

use std::path::{Path, PathBuf};

use exchange::io::{
    DataDir, Disk, DiskFile, Journal, JournalError, Record, ScanReport, Settings, SimulatedDisk,
    scan,
};
use instruments::{Nanos, Seq};

pub(crate) type Commands = Vec<(u64, Vec<u8>)>;

pub(crate) const BLOCK: u64 = 4_096;

/// Segments so small that a test sees many.
pub(crate) fn settings() -> Settings {
    Settings { segment_bytes: 9 * BLOCK, ..Settings::new(1) }
}

pub(crate) fn place(disk: &SimulatedDisk) -> DataDir<SimulatedDisk> {
    DataDir::new(disk.clone(), "/data")
}

pub(crate) fn at(seq: u64) -> Nanos {
    Nanos::new(1_000 + seq)
}

/// The payload of a command: its own sequence, over and over.
pub(crate) fn payload(seq: u64, bytes: usize) -> Vec<u8> {
    seq.to_le_bytes().into_iter().cycle().take(bytes).collect()
}

pub(crate) fn command(seq: u64, payload: &[u8]) -> Record<'_> {
    Record::Command { seq: Seq(seq), at: at(seq), payload }
}

/// Appends `count` commands of `bytes` bytes in one batch.
pub(crate) fn append(
    journal: &mut Journal<SimulatedDisk>,
    count: u64,
    bytes: usize,
) -> Result<(), JournalError> {
    let first = journal.position().seq.0 + 1;
    let payloads: Commands = (first..first + count).map(|seq| (seq, payload(seq, bytes))).collect();
    let records: Vec<Record<'_>> =
        payloads.iter().map(|(seq, payload)| command(*seq, payload)).collect();
    let end = journal.append(&records)?;
    assert_eq!(end.seq, Seq(first + count - 1));
    Ok(())
}

pub(crate) fn create(disk: &SimulatedDisk) -> Journal<SimulatedDisk> {
    Journal::create(place(disk), settings(), at(0)).unwrap()
}

/// Opens the journal, and says what is in it.
pub(crate) fn open(
    disk: &SimulatedDisk,
) -> Result<(Journal<SimulatedDisk>, ScanReport, Commands), JournalError> {
    let mut commands = Vec::new();
    let (journal, report) = Journal::open(place(disk), settings(), None, |record| {
        collect(&mut commands, record);
        Ok::<(), JournalError>(())
    })?;
    Ok((journal, report, commands))
}

/// Reads the journal without the right to change it.
pub(crate) fn read(disk: &SimulatedDisk) -> Result<(ScanReport, Commands), JournalError> {
    let mut commands = Vec::new();
    let report = scan(&place(disk), &settings(), None, |record| {
        collect(&mut commands, record);
        Ok::<(), JournalError>(())
    })?;
    Ok((report, commands))
}

fn collect(commands: &mut Commands, record: Record<'_>) {
    match record {
        Record::Command { seq, at: when, payload } => {
            assert_eq!(when, at(seq.0));
            commands.push((seq.0, payload.to_vec()));
        }
        Record::StateHash { seq, hash, .. } => assert_eq!(hash, [seq.0.to_le_bytes()[0]; 32]),
    }
}

/// The segments, oldest first.
pub(crate) fn segments(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let dir = Path::new("/data/journal");
    disk.list(dir).unwrap().into_iter().map(|name| dir.join(name)).collect()
}

/// Changes one byte of a file, whatever it was.
pub(crate) fn flip(disk: &SimulatedDisk, path: &Path, offset: u64) {
    let byte = disk.read(path).unwrap()[usize::try_from(offset).unwrap()];
    let bit = 1 << (offset % 8);
    disk.open(path).unwrap().write_at(&[byte ^ bit], offset).unwrap();
}
