//! Does this device give the bits of the golden vectors, and how fast?
//!
//! Invariants:
//! - every vector is held against this machine in one of two ways, and it is said in which: run whole, on every path, or some of its rows
//!   computed alone;
//! - a device that could compute a vector whole in the time there is does.

use std::path::{Path as File, PathBuf};
use std::time::Duration;

use candle_core::Device;

use crate::device::Path;
use crate::measure::{MeasureError, Timed, per_second, timed};
use crate::program::SegmentProgram;
use crate::vectors::{self, Mismatch, Vector, VectorError};

/// Bytes of a vector's file.
const FILE_LEN_MAX: u64 = 1024 * 1024;
/// Files in a directory of vectors.
const FILES_MAX: usize = 256;
/// A vector with more work than this is run whole on a processor only when asked to: 1 TFLOP takes two cores about ten seconds.
const WHOLE_ON_CPU_MAX: u64 = 1_000_000_000_000;

/// Why the vectors could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// The directory or a file in it.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too large, or too many.
    #[error("{}: {what}, limit {limit}", path.display())]
    TooMuch {
        /// Which.
        path: PathBuf,
        /// What there is.
        what: String,
        /// What there may be.
        limit: u64,
    },
    /// What is in it.
    #[error("{name}: {source}")]
    Vector {
        /// Which.
        name: String,
        /// What is wrong with it.
        source: VectorError,
    },
}

/// How vectors are held against a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Run everything whole, however long it takes.
    pub whole: bool,
    /// Nothing is begun whole any more when this much time has passed.
    pub within: Duration,
}

/// A vector by its name.
pub struct Named {
    /// Its profile and shape, or its file.
    pub name: String,
    /// What it says.
    pub vector: Vector,
}

/// What came of one vector.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub name: String,
    /// Some of its rows, computed alone in integers on the processor.
    pub rows: Result<Duration, String>,
    /// Run whole, path by path; empty when it was not.
    pub whole: Vec<Run>,
    /// Why it was not.
    pub skipped: Option<&'static str>,
}

/// One path.
#[derive(Debug)]
pub struct Run {
    /// Which.
    pub path: Path,
    /// What it took, or what was wrong.
    pub result: Result<Rates, String>,
}

/// How fast it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Expanding the pool and moving it to the device.
    pub fill: Duration,
    /// The work.
    pub work: Duration,
    /// MiB of the pool.
    pub pool_mib: u64,
    /// Exact products.
    pub gflops: u64,
    /// Reading the pool.
    pub pool_mbps: u64,
}

impl Outcome {
    /// Whether everything that was tried held.
    #[must_use]
    pub fn has_held(&self) -> bool {
        self.rows.is_ok() && self.whole.iter().all(|run| run.result.is_ok())
    }
}

/// The vectors of this build, or those of a directory.
///
/// # Errors
/// [`ConformanceError`].
pub fn read(directory: Option<&File>) -> Result<Vec<Named>, ConformanceError> {
    let Some(directory) = directory else {
        let built_in = vectors::all();
        let built_in = built_in.map_err(|source| ConformanceError::Vector {
            name: "a vector of this build".to_owned(),
            source,
        })?;
        return Ok(built_in.into_iter().map(named).collect());
    };
    let failed = |path: &File| {
        let path = path.to_owned();
        move |source| ConformanceError::File { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    if files.is_empty() || FILES_MAX < files.len() {
        let what = format!("{} files that end in .json", files.len());
        let path = directory.to_owned();
        return Err(ConformanceError::TooMuch { path, what, limit: FILES_MAX as u64 });
    }
    files.sort();
    files.into_iter().map(|path| read_one(&path)).collect()
}

fn read_one(path: &File) -> Result<Named, ConformanceError> {
    let failed = |source| ConformanceError::File { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if FILE_LEN_MAX < len {
        let what = format!("{len} bytes");
        return Err(ConformanceError::TooMuch { path: path.to_owned(), what, limit: FILE_LEN_MAX });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let name =
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    match Vector::parse(&text) {
        Ok(vector) => Ok(Named { name, vector }),
        Err(source) => Err(ConformanceError::Vector { name, source }),
    }
}

fn named(vector: Vector) -> Named {
    let challenge = vector.challenge();
    let (slots, segments) = (challenge.slots(), challenge.segments());
    let name = format!("{} {slots}x{segments}", challenge.profile().name());
    Named { name, vector }
}

/// Holds every vector against a device; `said` hears of each.
pub fn hold(
    vectors: &[Named],
    device: &Device,
    extent: Extent,
    mut said: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let mut passed = Duration::ZERO;
    let mut outcomes = Vec::new();
    for named in vectors {
        let is_long = device.is_cpu() && WHOLE_ON_CPU_MAX < named.vector.challenge().flop();
        let skipped = match (extent.whole, is_long, extent.within < passed) {
            (true, ..) => None,
            (false, true, _) => Some("more work than a processor is asked for"),
            (false, false, true) => Some("the time is over"),
            (false, false, false) => None,
        };
        let rows = timed(|| named.vector.check_rows());
        let rows = rows.map(|rows| rows.took).map_err(|error: Mismatch| error.to_string());
        let whole = match skipped {
            Some(_) => Vec::new(),
            None => paths(device).iter().map(|path| run(&named.vector, device, *path)).collect(),
        };
        let outcome = Outcome { name: named.name.clone(), rows, whole, skipped };
        passed = passed.saturating_add(time_of(&outcome));
        said(&outcome);
        outcomes.push(outcome);
    }
    outcomes
}

/// A processor has one path: all of them are the same loop there.
fn paths(device: &Device) -> &'static [Path] {
    if device.is_cpu() { &Path::ALL[..1] } else { &Path::ALL }
}

fn run(vector: &Vector, device: &Device, path: Path) -> Run {
    let result = rates(vector, device, path).map_err(|why| why.to_string());
    Run { path, result }
}

fn rates(vector: &Vector, device: &Device, path: Path) -> Result<Rates, Failed> {
    let challenge = vector.challenge();
    let profile = challenge.profile();
    let Timed { done: program, took: fill } = timed(|| {
        let loaded = SegmentProgram::load(challenge.pool_seed(), profile, device);
        loaded.map(|program| program.by(path)).map_err(MeasureError::from)
    })?;
    let Timed { took: work, .. } = timed(|| vector.check(&program))?;
    let segments = u64::from(challenge.segments_in_all());
    let read = profile.bytes_per_segment().saturating_mul(segments);
    Ok(Rates {
        fill,
        work,
        pool_mib: profile.pool_bytes() / (1024 * 1024),
        gflops: per_second(challenge.flop(), 1_000_000_000, work),
        pool_mbps: per_second(read, 1_000_000, work),
    })
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Measure(#[from] MeasureError),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

fn time_of(outcome: &Outcome) -> Duration {
    let rows = outcome.rows.as_ref().copied().unwrap_or_default();
    let whole = outcome.whole.iter().filter_map(|run| run.result.as_ref().ok());
    whole.fold(rows, |sum, rates| sum.saturating_add(rates.fill).saturating_add(rates.work))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { whole: false, within: Duration::from_secs(60) };

    fn ci() -> Named {
        read(None).unwrap().into_iter().next().unwrap()
    }

    fn outcome(named: Named) -> Outcome {
        hold(&[named], &Device::Cpu, EXTENT, |_| {}).remove(0)
    }

    /// GRADE-005.
    #[test]
    fn grade_005_a_changed_vector_is_found() {
        let held = outcome(ci());
        assert!(held.has_held() && held.whole.len() == 1 && held.skipped.is_none(), "{held:?}");
        let text = ci().vector.to_json().unwrap();
        // The last digit of the last thing that stands there: a leaf.
        let at = text.rfind(|c: char| c.is_ascii_hexdigit()).unwrap();
        let leaf = format!(
            "{}{}{}",
            &text[..at],
            if &text[at..=at] == "0" { 1 } else { 0 },
            &text[at + 1..]
        );
        let work_root = text.find("work_root").unwrap() + 20;
        let digit = if &text[work_root..=work_root] == "0" { 1 } else { 0 };
        let root = format!("{}{digit}{}", &text[..work_root], &text[work_root + 1..]);
        for changed in [leaf, root] {
            let vector = Vector::parse(&changed).unwrap();
            let found = outcome(Named { name: "changed".to_owned(), vector });
            assert!(!found.has_held(), "{found:?}");
        }
    }

    /// GRADE-005.
    #[test]
    fn grade_005_a_long_vector_is_held_by_its_rows_and_says_so() {
        let whole = Extent { within: Duration::ZERO, ..EXTENT };
        let vectors = || vec![ci(), ci()];
        let outcomes = hold(&vectors(), &Device::Cpu, whole, |_| {});
        assert_eq!(outcomes[0].skipped, None);
        assert_eq!(outcomes[1].skipped, Some("the time is over"));
        assert!(outcomes[1].has_held() && outcomes[1].whole.is_empty());
        let long = |named: &Named| WHOLE_ON_CPU_MAX < named.vector.challenge().flop();
        let names: Vec<String> =
            read(None).unwrap().iter().filter(|it| long(it)).map(|it| it.name.clone()).collect();
        assert_eq!(names, ["dc 1x1", "grade 1x1"]);
    }

    /// GRADE-005.
    #[test]
    fn grade_005_vectors_of_a_directory_are_read_whole_or_refused() {
        let directory = tempfile::tempdir().unwrap();
        let why = |directory: &File| match read(Some(directory)) {
            Ok(_) => panic!("read"),
            Err(error) => error.to_string(),
        };
        assert!(why(directory.path()).ends_with("0 files that end in .json, limit 256"));
        std::fs::write(directory.path().join("a.json"), ci().vector.to_json().unwrap()).unwrap();
        assert_eq!(read(Some(directory.path())).unwrap()[0].name, "a.json");
        std::fs::write(directory.path().join("b.json"), "{}").unwrap();
        assert!(why(directory.path()).starts_with("b.json: not a golden vector"));
    }
}
