//! Signatures that were accepted: `DIR/used-signatures`, so that a recorded request is of no use after a restart either.
//!
//! ```text
//! file   "tenor used signatures 1\n", 36 bytes that name this run of the machine, "\n", records
//! record length of the client's id, the id, 32 bytes of the signature's digest, 8 bytes until when in nanoseconds, 4 bytes of their hash
//! ```
//!
//! A record is with the system before its request is answered, which outlives the process, and is not synced, which would outlive the
//! machine. Another run of the machine is therefore told apart, and nothing from before it is accepted.
//!
//! Invariant: what is still good for a replay is in the file; the file is written anew when most of it is not.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use instruments::Nanos;

use super::directory::{DirectoryError, OWNER_ONLY, replace_file};

const MAGIC: &[u8] = b"tenor used signatures 1\n";
const BOOT_LEN: usize = 36;
const TAIL_LEN: usize = 32 + 8 + 4;
/// Bytes beyond which the file is looked through for what has lapsed.
const FILE_LEN_MIN: u64 = 1 << 20;

/// A signature that must not be accepted again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Used {
    pub(crate) client: String,
    pub(crate) digest: [u8; 32],
    pub(crate) until: Nanos,
}

/// The file.
pub(crate) struct UsedSignatures {
    path: PathBuf,
    file: File,
    len: u64,
    /// Looked through when it is as long as this.
    sweep_at: u64,
    boot: [u8; BOOT_LEN],
}

/// What the file held.
pub(crate) struct Remembered {
    pub(crate) used: Vec<Used>,
    /// Whether others may have been used of which nothing is known: the machine has been started since.
    pub(crate) is_partial: bool,
}

impl UsedSignatures {
    /// Reads the file, forgets what has lapsed, and writes it anew.
    pub(crate) fn open(path: &Path, now: Nanos) -> Result<(Self, Remembered), DirectoryError> {
        let boot = boot();
        let found = match std::fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(DirectoryError::Io { action: "read", path: path.to_owned(), source });
            }
        };
        let (used, is_partial) = match &found {
            None => (Vec::new(), false),
            Some(bytes) => match body(bytes, &boot) {
                Some(records) => (read(records), false),
                None => (Vec::new(), true),
            },
        };
        let used: Vec<Used> = used.into_iter().filter(|used| now <= used.until).collect();
        let (file, len) = rewrite(path, &boot, used.iter())?;
        let it = Self { path: path.to_owned(), file, len, sweep_at: FILE_LEN_MIN, boot };
        Ok((it, Remembered { used, is_partial }))
    }

    /// Notes one. From then on it survives the process.
    pub(crate) fn note(&mut self, used: &Used) -> Result<(), DirectoryError> {
        let record = record(used);
        self.file.write_all(&record).map_err(|source| DirectoryError::Io {
            action: "write",
            path: self.path.clone(),
            source,
        })?;
        self.len = self.len.saturating_add(u64::try_from(record.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Whether the file has grown so far that it should be written anew.
    pub(crate) fn is_long(&self) -> bool {
        self.sweep_at <= self.len
    }

    /// Writes it anew with what still counts.
    pub(crate) fn keep(
        &mut self,
        used: &BTreeMap<String, BTreeMap<[u8; 32], Nanos>>,
    ) -> Result<(), DirectoryError> {
        let all: Vec<Used> = used
            .iter()
            .flat_map(|(client, used)| {
                used.iter().map(|(digest, until)| Used {
                    client: client.clone(),
                    digest: *digest,
                    until: *until,
                })
            })
            .collect();
        (self.file, self.len) = rewrite(&self.path, &self.boot, all.iter())?;
        self.sweep_at = self.len.saturating_mul(2).max(FILE_LEN_MIN);
        Ok(())
    }
}

fn rewrite<'a>(
    path: &Path,
    boot: &[u8; BOOT_LEN],
    used: impl Iterator<Item = &'a Used>,
) -> Result<(File, u64), DirectoryError> {
    let mut bytes = [MAGIC, boot, b"\n"].concat();
    for used in used {
        bytes.extend(record(used));
    }
    replace_file(path, &bytes)?;
    let opened = OpenOptions::new().append(true).mode(OWNER_ONLY).open(path);
    let file = opened.map_err(|source| DirectoryError::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    Ok((file, u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
}

fn record(used: &Used) -> Vec<u8> {
    let client = &used.client.as_bytes()[..used.client.len().min(255)];
    let mut bytes = vec![u8::try_from(client.len()).unwrap_or(u8::MAX)];
    bytes.extend(client);
    bytes.extend(used.digest);
    bytes.extend(used.until.nanos().to_le_bytes());
    let sum = check(&bytes);
    bytes.extend(sum);
    bytes
}

/// The first four bytes of a hash: enough to see that a record was cut short.
fn check(bytes: &[u8]) -> [u8; 4] {
    let hash = blake3::hash(bytes);
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

/// The records, when the file is of this run of the machine.
fn body<'a>(bytes: &'a [u8], boot: &[u8; BOOT_LEN]) -> Option<&'a [u8]> {
    bytes.strip_prefix(MAGIC)?.strip_prefix(boot)?.strip_prefix(b"\n")
}

/// Up to the first that is not whole: the one that was being written.
fn read(mut bytes: &[u8]) -> Vec<Used> {
    let mut all = Vec::new();
    while let Some((used, rest)) = read_one(bytes) {
        all.push(used);
        bytes = rest;
    }
    all
}

fn read_one(bytes: &[u8]) -> Option<(Used, &[u8])> {
    let client_len = usize::from(*bytes.first()?);
    let len = client_len.checked_add(1 + TAIL_LEN)?;
    let (record, rest) = bytes.split_at_checked(len)?;
    let (whole, sum) = record.split_at_checked(len.checked_sub(4)?)?;
    if check(whole) != sum {
        return None;
    }
    let (client, tail) = whole.get(1..)?.split_at_checked(client_len)?;
    let (digest, until) = tail.split_at_checked(32)?;
    let used = Used {
        client: String::from_utf8(client.to_vec()).ok()?,
        digest: digest.try_into().ok()?,
        until: Nanos::new(u64::from_le_bytes(until.try_into().ok()?)),
    };
    Some((used, rest))
}

/// Which run of the machine this is; zeros, which is none, when the system does not say.
fn boot() -> [u8; BOOT_LEN] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().as_bytes().try_into().unwrap_or_else(|_len| {
        // Nothing tells this run from another: none equals it.
        let mut bytes = [b'0'; BOOT_LEN];
        if let Ok(random) = super::directory::random_bytes() {
            bytes[..32].copy_from_slice(&random);
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(client: &str, digest: u8, until: u64) -> Used {
        Used { client: client.to_owned(), digest: [digest; 32], until: Nanos::from_seconds(until) }
    }

    #[test]
    fn auth_014_what_was_noted_is_remembered_until_it_lapses() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("used-signatures");
        let now = Nanos::from_seconds(100);
        let (mut file, remembered) = UsedSignatures::open(&path, now).unwrap();
        assert!(remembered.used.is_empty() && !remembered.is_partial);
        for (digest, until) in [(1, 110), (2, 105), (3, 120)] {
            file.note(&used("a", digest, until)).unwrap();
        }
        drop(file);
        // The last record was being written when the process was killed.
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let (_, remembered) = UsedSignatures::open(&path, Nanos::from_seconds(106)).unwrap();
        assert_eq!(remembered.used, [used("a", 1, 110)]);
        assert!(!remembered.is_partial);
    }

    #[test]
    fn api_062_another_run_of_the_machine_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("used-signatures");
        let now = Nanos::from_seconds(100);
        let (mut file, _) = UsedSignatures::open(&path, now).unwrap();
        file.note(&used("a", 1, 110)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[MAGIC.len()] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (_, remembered) = UsedSignatures::open(&path, now).unwrap();
        assert!(remembered.is_partial && remembered.used.is_empty());
    }
}
