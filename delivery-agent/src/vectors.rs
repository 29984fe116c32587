//! Golden vectors: challenges with the roots that every device must give for them.
//!
//! They lie in `vectors/*.json`, one file a profile, for anyone who builds another agent:
//!
//! ```text
//! {"profile":"ci","pool":4,"slots":2,"segments":3,"seed":"<hex>","pool_seed":"<hex>","salt_key":"<hex>",
//!  "roots":[["<root of slot 0, segment 0>", ..], ..],"work_root":"<hex>",
//!  "rows":[{"row":0,"leaf":"<hex>"}, ..]}
//! ```
//!
//! `rows` are some leaves of the last segment of slot 0, so that a vector can be checked by whoever has
//! no machine for the whole of it.
//!
//! Invariants:
//! - a vector is read whole or refused; what is checked in is read by a test;
//! - whoever checks one takes the time himself.

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::challenge::{Challenge, ChallengeError, SegmentId};
use crate::expand::{Bytes32, segment_seed};
use crate::fault::Fault;
use crate::merkle;
use crate::profile::{ClassProfile, ProfileError};
use crate::program::{ProgramError, SegmentProgram, Work};
use crate::salt::{KnownSalts, salt};
use crate::stream;
use crate::wire::hash_from_hex;

/// The files, smallest first.
const FILES: [&str; 5] = [
    include_str!("../vectors/ci.json"),
    include_str!("../vectors/cpu.json"),
    include_str!("../vectors/bw.json"),
    include_str!("../vectors/dc.json"),
    include_str!("../vectors/grade.json"),
];
/// Rows shown of a vector's last segment.
const ROWS_SHOWN: u32 = 4;

/// A challenge and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    challenge: Challenge,
    salt_key: Bytes32,
    roots: Vec<Vec<Bytes32>>,
    work_root: Bytes32,
    rows: Vec<(u32, Bytes32)>,
}

/// Why a text is not a vector.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// Not this JSON.
    #[error("not a golden vector: {0}")]
    Json(#[from] serde_json::Error),
    /// A profile that this build does not have.
    #[error("profile `{name}` is not known to this build")]
    UnknownProfile {
        /// Its name.
        name: String,
    },
    /// A pool that the profile cannot have.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A challenge that cannot be.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// Not a hash.
    #[error("{field} is not 32 bytes in hexadecimal")]
    NotAHash {
        /// Where.
        field: &'static str,
    },
    /// Not one root for every segment.
    #[error("roots are not {slots} slots of {segments} segments")]
    Roots {
        /// Slots of the challenge.
        slots: u16,
        /// Segments of the challenge.
        segments: u16,
    },
}

/// What a device gave instead.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// It failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Other bits.
    #[error("segment {} of slot {} has root {found}, expected {expected}", .id.segment, .id.slot)]
    Root {
        /// The first segment that differs.
        id: SegmentId,
        /// In the vector, hexadecimal.
        expected: String,
        /// On this device.
        found: String,
    },
    /// The same roots under another work root, or a row that is not the streaming kernel's.
    #[error("{what} is {found}, expected {expected}")]
    Hash {
        /// Which.
        what: &'static str,
        /// In the vector, hexadecimal.
        expected: String,
        /// Here.
        found: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireVector {
    profile: String,
    pool: u32,
    slots: u16,
    segments: u16,
    seed: String,
    pool_seed: String,
    salt_key: String,
    roots: Vec<Vec<String>>,
    work_root: String,
    rows: Vec<WireRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRow {
    row: u32,
    leaf: String,
}

/// Every vector that is checked in, smallest first.
///
/// # Errors
/// [`VectorError`]; never, as a test shows.
pub fn all() -> Result<Vec<Vector>, VectorError> {
    FILES.iter().map(|text| Vector::parse(text)).collect()
}

impl Vector {
    /// Reads a vector.
    ///
    /// # Errors
    /// [`VectorError`].
    pub fn parse(text: &str) -> Result<Self, VectorError> {
        let wire: WireVector = serde_json::from_str(text)?;
        let profile = ClassProfile::named(&wire.profile)
            .ok_or_else(|| VectorError::UnknownProfile { name: wire.profile.clone() })?
            .with_pool(wire.pool)?;
        let hash = |field: &'static str, text: &str| {
            hash_from_hex(text).ok_or(VectorError::NotAHash { field })
        };
        let (slots, segments) = (wire.slots, wire.segments);
        let challenge = Challenge::new(hash("seed", &wire.seed)?, profile, slots, segments)?
            .over_pool(hash("pool_seed", &wire.pool_seed)?);
        let chain = |chain: &Vec<String>| chain.iter().map(|root| hash("roots", root)).collect();
        let roots: Vec<Vec<Bytes32>> = wire.roots.iter().map(chain).collect::<Result<_, _>>()?;
        let is_whole = |chain: &Vec<Bytes32>| chain.len() == usize::from(segments);
        if roots.len() != usize::from(slots) || !roots.iter().all(is_whole) {
            return Err(VectorError::Roots { slots, segments });
        }
        let row = |row: &WireRow| Ok::<_, VectorError>((row.row, hash("leaf", &row.leaf)?));
        Ok(Self {
            challenge,
            salt_key: hash("salt_key", &wire.salt_key)?,
            roots,
            work_root: hash("work_root", &wire.work_root)?,
            rows: wire.rows.iter().map(row).collect::<Result<_, _>>()?,
        })
    }

    /// Makes the vector of a challenge by running it.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn record(
        challenge: &Challenge,
        salt_key: Bytes32,
        device: &Device,
    ) -> Result<Self, ProgramError> {
        let program = SegmentProgram::load(challenge.pool_seed(), challenge.profile(), device)?;
        let work = program.run(challenge, &mut KnownSalts(salt_key), Fault::None)?;
        let (roots, work_root) = (work.roots(), work.root());
        let mut vector =
            Self { challenge: *challenge, salt_key, roots, work_root, rows: Vec::new() };
        let rows = challenge.profile().shape().rows;
        // Spread over the whole matrix.
        let shown = (0..ROWS_SHOWN).map(|n| n * (rows - 1) / (ROWS_SHOWN - 1)).collect();
        vector.rows = vector.streamed(shown);
        Ok(vector)
    }

    /// What is to be run.
    #[must_use]
    pub const fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Runs the challenge over a resident pool and compares every root. Takes as long as the work.
    ///
    /// # Errors
    /// [`Mismatch`], the first.
    pub fn check(&self, program: &SegmentProgram) -> Result<(), Mismatch> {
        let mut asker = KnownSalts(self.salt_key);
        self.compare(&program.run(&self.challenge, &mut asker, Fault::None)?)
    }

    /// Compares work that was done elsewhere: by a worker, say.
    ///
    /// # Errors
    /// [`Mismatch`], the first.
    pub fn compare(&self, work: &Work) -> Result<(), Mismatch> {
        self.compare_roots(&work.roots(), &work.root())
    }

    /// Compares roots that were reported.
    ///
    /// # Errors
    /// [`Mismatch`], the first.
    pub fn compare_roots(
        &self,
        roots: &[Vec<Bytes32>],
        work_root: &Bytes32,
    ) -> Result<(), Mismatch> {
        for (slot, chain) in (0..).zip(&self.roots) {
            for (segment, expected) in (0..).zip(chain) {
                let id = SegmentId { slot, segment };
                let found =
                    roots.get(usize::from(slot)).and_then(|chain| chain.get(usize::from(segment)));
                if found != Some(expected) {
                    let found = found.map_or_else(|| "nothing".to_owned(), hex::encode);
                    return Err(Mismatch::Root { id, expected: hex::encode(expected), found });
                }
            }
        }
        equal("work root", &self.work_root, work_root)
    }

    /// Computes the shown rows with the streaming kernel and compares their leaves. Takes a fraction
    /// of a second, whatever the profile.
    ///
    /// # Errors
    /// [`Mismatch`], the first.
    pub fn check_rows(&self) -> Result<(), Mismatch> {
        let found = self.streamed(self.rows.iter().map(|(row, _)| *row).collect());
        for ((_, expected), (_, found)) in self.rows.iter().zip(&found) {
            equal("leaf of a row", expected, found)?;
        }
        Ok(())
    }

    /// Leaves of the last segment of slot 0, straight from the seeds and the root before it.
    fn streamed(&self, rows: Vec<u32>) -> Vec<(u32, Bytes32)> {
        let profile = self.challenge.profile();
        let id = SegmentId { slot: 0, segment: self.challenge.segments() - 1 };
        let before = id.segment.checked_sub(1).map(|before| self.roots[0][usize::from(before)]);
        let salt = salt(&self.salt_key, id);
        let seed = segment_seed(self.challenge.seed(), id, &before.unwrap_or_default(), &salt);
        let values = stream::finished_rows(self.challenge.pool_seed(), &seed, &rows, profile);
        let leaf = |(row, values): (u32, &[i16])| (row, merkle::row_leaf(id.segment, row, values));
        let inner = profile.shape().inner as usize;
        rows.into_iter().zip(values.chunks_exact(inner)).map(leaf).collect()
    }

    /// An asker with this vector's salts, for whoever runs it through a worker.
    #[must_use]
    pub const fn asker(&self) -> KnownSalts {
        KnownSalts(self.salt_key)
    }

    /// Writes it as it is read.
    ///
    /// # Errors
    /// Those of [`serde_json`]; never.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let challenge = &self.challenge;
        let chain = |chain: &Vec<Bytes32>| chain.iter().map(hex::encode).collect();
        let row = |(row, leaf): &(u32, Bytes32)| WireRow { row: *row, leaf: hex::encode(leaf) };
        serde_json::to_string_pretty(&WireVector {
            profile: challenge.profile().name().to_owned(),
            pool: challenge.profile().shape().pool,
            slots: challenge.slots(),
            segments: challenge.segments(),
            seed: hex::encode(challenge.seed()),
            pool_seed: hex::encode(challenge.pool_seed()),
            salt_key: hex::encode(self.salt_key),
            roots: self.roots.iter().map(chain).collect(),
            work_root: hex::encode(self.work_root),
            rows: self.rows.iter().map(row).collect(),
        })
    }
}

fn equal(what: &'static str, expected: &Bytes32, found: &Bytes32) -> Result<(), Mismatch> {
    if expected == found {
        return Ok(());
    }
    let [expected, found] = [expected, found].map(hex::encode);
    Err(Mismatch::Hash { what, expected, found })
}
