//! Calibration files: what a grade really measures on known hardware, and the terms that follow.
//!
//! ```text
//! {"version":1,"calibrations":[{"grade":"H100","grade_version":2,"device":"..","method":"..","compute_gflops":{..}, .., "hash":"0x.."}, ..]}
//! ```
//!
//! A datasheet has never run a workload, so a grade has no floor until it is calibrated. The reference of a grade is the median of its runs
//! of the real program, on the fastest path that is exact.
//!
//! Invariants:
//! - a file that was changed by hand does not hash to what it says, and is refused;
//! - figures that no such hardware can have are refused by their field and their limit.

use std::path::{Path, PathBuf};

use instruments::{Grade, GradeId};
use serde::{Deserialize, Serialize};

use crate::profile::ClassProfile;
use crate::wire::to_hex;

/// The version of the file's format.
const VERSION: u16 = 1;
/// Bytes of a file.
const FILE_LEN_MAX: u64 = 65_536;
/// Calibrations in one file.
const CALIBRATIONS_MAX: usize = 64;
/// Fewer runs have no spread worth the name.
pub const RUNS_MIN: u32 = 3;
/// More only cost time.
pub const RUNS_MAX: u32 = 101;
/// Characters of a device's name, of versions and of the method.
const TEXT_LEN_MAX: usize = 128;
/// Of the median: a machine whose runs lie further apart was not alone on the device.
const SPREAD_MAX_PERCENT: u64 = 25;
/// Of the maker's figure, which clocks at their highest may pass by a little.
const NOMINAL_MAX_PERCENT: u64 = 110;
/// 10 PFLOP/s, for grades whose maker has no figure.
const GFLOPS_MAX: u64 = 10_000_000;
/// 100 TB/s.
const MBPS_MAX: u64 = 100_000_000;
/// 4 TiB.
const MIB_MAX: u64 = 4 * 1024 * 1024;

/// A file of calibrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationFile {
    /// Of the format.
    pub version: u16,
    /// One a grade.
    pub calibrations: Vec<Calibration>,
}

/// What one grade measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Of which grade.
    pub grade: String,
    /// The version that the grade's terms have from now on.
    pub grade_version: u16,
    /// The device as its driver names it, or the processor.
    pub device: String,
    /// The driver or the system that it ran on.
    pub system: String,
    /// The version of this program.
    pub program: String,
    /// What was run, in one line.
    pub method: String,
    /// The size of the work that the compute was measured with: it must be the venue's.
    pub profile: String,
    /// The fastest exact path: `f32`, `tf32` or `bf16`.
    pub path: String,
    /// Runs of each.
    pub runs: u32,
    /// Exact products, in GFLOP/s. The median is the grade's reference.
    pub compute_gflops: Spread,
    /// Reading the resident pool, in MB/s; absent where it was not measured.
    pub bandwidth_mbps: Option<Spread>,
    /// From host memory to the device, in MB/s; absent where it was not measured.
    pub host_to_device_mbps: Option<Spread>,
    /// Device memory that was filled and verified, in MiB; absent where it was not measured.
    pub vram_mib: Option<u64>,
    /// When, in seconds since 1970.
    pub measured_at: u64,
    /// The hash of everything above.
    pub hash: String,
}

/// Several runs of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The slowest.
    pub min: u64,
    /// The middle one, the lower of two.
    pub median: u64,
    /// The fastest.
    pub max: u64,
}

/// Why a calibration is not used.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not one of these.
    #[error("{}: {source}", path.display())]
    Json {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A figure that cannot be.
    #[error("{field} is {value}, {limit}")]
    Nonsense {
        /// Which field of which grade.
        field: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        limit: String,
    },
}

fn nonsense(
    field: impl Into<String>,
    value: impl ToString,
    limit: impl Into<String>,
) -> CalibrationError {
    CalibrationError::Nonsense {
        field: field.into(),
        value: value.to_string(),
        limit: limit.into(),
    }
}

impl Spread {
    /// Of some runs; `None` of none.
    #[must_use]
    pub fn of(mut runs: Vec<u64>) -> Option<Self> {
        runs.sort_unstable();
        let median = *runs.get(runs.len().checked_sub(1)? / 2)?;
        Some(Self { min: *runs.first()?, median, max: *runs.last()? })
    }

    /// How far the runs lie apart, in hundredths of the median, rounded up.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let apart = u128::from(self.max.saturating_sub(self.min)) * 100;
        u64::try_from(apart.div_ceil(u128::from(self.median.max(1)))).unwrap_or(u64::MAX)
    }

    fn check(&self, field: &str, limit: u64) -> Result<(), CalibrationError> {
        let shown = format!("{} .. {} .. {}", self.min, self.median, self.max);
        if self.median < self.min || self.max < self.median {
            return Err(nonsense(field, shown, "must be min, median and max in this order"));
        }
        if self.min == 0 || limit < self.max {
            return Err(nonsense(field, shown, format!("must be 1 to {limit}")));
        }
        if SPREAD_MAX_PERCENT < self.percent() {
            let limit = format!("must lie within {SPREAD_MAX_PERCENT} % of the median");
            return Err(nonsense(field, shown, limit));
        }
        Ok(())
    }
}

impl Calibration {
    /// With the hash of what it says.
    #[must_use]
    pub fn sealed(self) -> Self {
        let hash = self.hash();
        Self { hash, ..self }
    }

    /// The hash of everything but the hash.
    fn hash(&self) -> String {
        let unsealed = Self { hash: String::new(), ..self.clone() };
        // Writing integers and strings cannot fail; nothing hashes to what a failure gives.
        let text = serde_json::to_vec(&unsealed).unwrap_or_default();
        to_hex(blake3::keyed_hash(b"tenor grade: a calibration    v1", &text).as_bytes())
    }

    /// Whether it can be true of `grade`.
    ///
    /// # Errors
    /// [`CalibrationError::Nonsense`], the first.
    pub fn check(&self, grade: &Grade) -> Result<(), CalibrationError> {
        let of = |field: &str| format!("{}.{field}", self.grade);
        if self.grade_version <= grade.version {
            let limit = format!("must be above {}, the version it follows", grade.version);
            return Err(nonsense(of("grade_version"), self.grade_version, limit));
        }
        let texts = [
            ("device", &self.device),
            ("system", &self.system),
            ("program", &self.program),
            ("method", &self.method),
        ];
        for (field, text) in texts {
            let len = text.chars().count();
            if len == 0 || TEXT_LEN_MAX < len || text.chars().any(char::is_control) {
                let limit = format!("must be 1 to {TEXT_LEN_MAX} characters that can be shown");
                return Err(nonsense(of(field), text.escape_debug(), limit));
            }
        }
        if ClassProfile::named(&self.profile).is_none() {
            return Err(nonsense(of("profile"), &self.profile, "must be a profile of this build"));
        }
        if !["f32", "tf32", "bf16"].contains(&self.path.as_str()) {
            return Err(nonsense(of("path"), &self.path, "must be f32, tf32 or bf16"));
        }
        if !(RUNS_MIN..=RUNS_MAX).contains(&self.runs) {
            let limit = format!("must be {RUNS_MIN} to {RUNS_MAX}");
            return Err(nonsense(of("runs"), self.runs, limit));
        }
        let nominal = |figure: u64, limit: u64| match figure {
            0 => limit,
            figure => (figure / 100).saturating_mul(NOMINAL_MAX_PERCENT),
        };
        let compute = nominal(grade.nominal_gflops, GFLOPS_MAX);
        self.compute_gflops.check(&of("compute_gflops"), compute)?;
        if let Some(bandwidth) = &self.bandwidth_mbps {
            let limit = nominal(grade.nominal_bandwidth_mbps, MBPS_MAX);
            bandwidth.check(&of("bandwidth_mbps"), limit)?;
        }
        if let Some(copied) = &self.host_to_device_mbps {
            copied.check(&of("host_to_device_mbps"), MBPS_MAX)?;
        }
        if let Some(vram) = self.vram_mib
            && !(1..=MIB_MAX).contains(&vram)
        {
            return Err(nonsense(of("vram_mib"), vram, format!("must be 1 to {MIB_MAX}")));
        }
        if self.hash != self.hash() {
            let limit = "not the hash of what stands there: the file was changed";
            return Err(nonsense(of("hash"), &self.hash, limit));
        }
        Ok(())
    }
}

impl CalibrationFile {
    /// A file with nothing in it.
    #[must_use]
    pub const fn empty() -> Self {
        Self { version: VERSION, calibrations: Vec::new() }
    }

    /// Reads a file. What stands in it is checked by [`CalibrationFile::apply`].
    ///
    /// # Errors
    /// [`CalibrationError`].
    pub fn read(path: &Path) -> Result<Self, CalibrationError> {
        let failed = |source| CalibrationError::File { path: path.to_owned(), source };
        let len = std::fs::metadata(path).map_err(failed)?.len();
        if FILE_LEN_MAX < len {
            let limit = format!("must have at most {FILE_LEN_MAX} bytes");
            return Err(nonsense(path.display().to_string(), format!("{len} bytes"), limit));
        }
        let text = std::fs::read(path).map_err(failed)?;
        let not_json = |source| CalibrationError::Json { path: path.to_owned(), source };
        let file: Self = serde_json::from_slice(&text).map_err(not_json)?;
        if file.version != VERSION {
            return Err(nonsense("version", file.version, format!("must be {VERSION}")));
        }
        if CALIBRATIONS_MAX < file.calibrations.len() {
            let (count, limit) = (file.calibrations.len(), CALIBRATIONS_MAX);
            return Err(nonsense("calibrations", count, format!("must be at most {limit}")));
        }
        Ok(file)
    }

    /// Puts a calibration in the place of an older one of the same grade.
    pub fn put(&mut self, calibration: Calibration) {
        self.calibrations.retain(|older| older.grade != calibration.grade);
        self.calibrations.push(calibration);
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`CalibrationError::File`].
    pub fn write(&self, path: &Path) -> Result<(), CalibrationError> {
        let failed = |source| CalibrationError::File { path: path.to_owned(), source };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        std::fs::write(path, text + "\n").map_err(failed)
    }

    /// The grades with the references of this file: new terms, a new hash, for series that are listed from now on.
    ///
    /// # Errors
    /// [`CalibrationError::Nonsense`], the first.
    pub fn apply(&self, grades: &mut [Grade]) -> Result<(), CalibrationError> {
        let mut seen = Vec::new();
        for calibration in &self.calibrations {
            let name = &calibration.grade;
            if seen.contains(&name) {
                return Err(nonsense("calibrations", name, "must stand once"));
            }
            seen.push(name);
            let id = GradeId::new(name);
            let grade = grades.iter_mut().find(|grade| Some(&grade.id) == id.as_ref());
            let Some(grade) = grade else {
                return Err(nonsense(
                    "grade",
                    name.escape_debug(),
                    "must be a grade of this venue",
                ));
            };
            calibration.check(grade)?;
            grade.version = calibration.grade_version;
            grade.reference_gflops = Some(calibration.compute_gflops.median);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use instruments::launch_grades;

    use super::*;

    /// Of no real card: half of the maker's figure.
    fn h100() -> Calibration {
        Calibration {
            grade: "H100".to_owned(),
            grade_version: 2,
            device: "a test".to_owned(),
            system: "none".to_owned(),
            program: "0.0.0".to_owned(),
            method: "by hand".to_owned(),
            profile: "dc".to_owned(),
            path: "bf16".to_owned(),
            runs: 5,
            compute_gflops: Spread { min: 490_000, median: 500_000, max: 505_000 },
            bandwidth_mbps: Some(Spread { min: 2_900_000, median: 3_000_000, max: 3_000_000 }),
            host_to_device_mbps: None,
            vram_mib: Some(77_000),
            measured_at: 1_795_000_000,
            hash: String::new(),
        }
        .sealed()
    }

    fn applied(calibration: Calibration) -> Result<Vec<Grade>, String> {
        let mut grades = launch_grades();
        let file = CalibrationFile { version: VERSION, calibrations: vec![calibration] };
        file.apply(&mut grades).map_err(|error| error.to_string())?;
        Ok(grades)
    }

    #[test]
    fn grade_002_a_calibrated_grade_carries_its_reference_and_has_other_terms() {
        let (before, after) = (launch_grades(), applied(h100()).unwrap());
        assert_eq!(after[0].reference_gflops, Some(500_000));
        assert_eq!((before[0].version, after[0].version), (1, 2));
        assert_ne!(before[0].terms_hash(), after[0].terms_hash());
        assert_eq!(before[1..], after[1..]);
    }

    #[test]
    fn grade_003_nonsense_is_refused_by_its_field_and_its_limit() {
        let refused = |change: &dyn Fn(&mut Calibration)| {
            let mut calibration = h100();
            change(&mut calibration);
            applied(calibration.sealed()).unwrap_err()
        };
        assert_eq!(
            refused(&|it| it.grade = "H9000".to_owned()),
            "grade is H9000, must be a grade of this venue"
        );
        assert_eq!(
            refused(&|it| it.grade_version = 1),
            "H100.grade_version is 1, must be above 1, the version it follows"
        );
        assert_eq!(
            refused(&|it| it.compute_gflops.max = 2_000_000),
            "H100.compute_gflops is 490000 .. 500000 .. 2000000, must be 1 to 1087900"
        );
        assert_eq!(
            refused(&|it| it.compute_gflops.min = 100_000),
            "H100.compute_gflops is 100000 .. 500000 .. 505000, must lie within 25 % of the median"
        );
        assert_eq!(
            refused(&|it| it.compute_gflops.median = 1),
            "H100.compute_gflops is 490000 .. 1 .. 505000, must be min, median and max in this order"
        );
        assert_eq!(refused(&|it| it.runs = 2), "H100.runs is 2, must be 3 to 101");
        assert_eq!(
            refused(&|it| it.path = "fp8".to_owned()),
            "H100.path is fp8, must be f32, tf32 or bf16"
        );
        assert_eq!(
            refused(&|it| it.profile = "huge".to_owned()),
            "H100.profile is huge, must be a profile of this build"
        );
        assert!(refused(&|it| it.vram_mib = Some(0)).starts_with("H100.vram_mib is 0, "));
        assert!(refused(&|it| it.device = "\u{1b}[2J".to_owned()).starts_with("H100.device is "));
        let by_hand = Calibration { vram_mib: Some(81_000), ..h100() };
        assert!(applied(by_hand).unwrap_err().ends_with("the file was changed"));
    }

    #[test]
    fn grade_003_a_file_is_read_as_it_was_written_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grades.json");
        let mut file = CalibrationFile::empty();
        file.put(h100());
        file.put(Calibration { runs: 7, ..h100() }.sealed());
        assert_eq!(file.calibrations.len(), 1);
        file.write(&path).unwrap();
        assert_eq!(CalibrationFile::read(&path).unwrap(), file);
        std::fs::write(&path, r#"{"version":1,"calibrations":[],"more":1}"#).unwrap();
        let error = CalibrationFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("unknown field `more`"), "{error}");
        std::fs::write(&path, r#"{"version":2,"calibrations":[]}"#).unwrap();
        assert_eq!(
            CalibrationFile::read(&path).unwrap_err().to_string(),
            "version is 2, must be 1"
        );
        std::fs::write(&path, " ".repeat(70_000)).unwrap();
        let error = CalibrationFile::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("is 70000 bytes, must have at most 65536 bytes"), "{error}");
    }

    #[test]
    fn grade_002_the_reference_is_the_median() {
        let spread = |runs: &[u64]| Spread::of(runs.to_vec());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[5]), Some(Spread { min: 5, median: 5, max: 5 }));
        assert_eq!(spread(&[9, 1, 5, 7]), Some(Spread { min: 1, median: 5, max: 9 }));
        assert_eq!(Spread { min: 99, median: 100, max: 101 }.percent(), 2);
        assert_eq!(Spread { min: 0, median: 0, max: u64::MAX }.percent(), u64::MAX);
    }
}
