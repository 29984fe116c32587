//! The two files of a reporter: its own, and the oracle's, which must be the same for everybody.
//!
//! Everything that decides a value is in the oracle's file and in the hash that all sign. How long to wait is there too, but not in the hash.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use instruments::{GradeId, NanosSpan, Ppm};
use oracle::io::reporter::{Method, Patience, Settings};
use oracle::{
    Address, ClusterId, Params, ProviderId, PublicationTerms, Registered, Registry, ReporterSet,
    StatementTerms,
};
use serde::Deserialize;

/// The longest settings file: a full registry has 256 entries of less than a kilobyte.
const FILE_LEN_MAX: u64 = 1024 * 1024;
/// A day in milliseconds: no time in a settings file is longer.
const MILLIS_MAX: u64 = 31 * 86_400_000;

/// One reporter's own file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    /// Where the other reporters reach it. Nobody else should.
    pub(super) listen: SocketAddr,
    /// Where providers and readers reach it.
    pub(super) http: SocketAddr,
    /// Its key, 32 bytes in hex.
    pub(super) key: PathBuf,
    /// Its directory; created if absent.
    pub(super) data: PathBuf,
    /// The oracle's file.
    pub(super) oracle: PathBuf,
}

/// The oracle's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    chain_id: u64,
    /// A name: its Keccak hash is the oracle's id.
    oracle: String,
    #[serde(default = "five_minutes")]
    cadence_ms: u64,
    #[serde(default = "half_an_hour")]
    age_max_ms: u64,
    #[serde(default = "half_an_hour")]
    epoch_ms: u64,
    #[serde(default = "quarter_of_a_per_cent")]
    deviation_ppm: i64,
    #[serde(default = "five_minutes")]
    heartbeat_ms: u64,
    #[serde(default = "ten_seconds")]
    grace_ms: u64,
    #[serde(default = "ten_seconds")]
    round_ms: u64,
    #[serde(default = "ten_seconds")]
    repeat_ms: u64,
    grades: Vec<GradeEntry>,
    providers: Vec<ProviderEntry>,
    reporters: Vec<ReporterEntry>,
}

const fn five_minutes() -> u64 {
    300_000
}

const fn half_an_hour() -> u64 {
    1_800_000
}

const fn ten_seconds() -> u64 {
    10_000
}

const fn quarter_of_a_per_cent() -> i64 {
    2_500
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GradeEntry {
    class: u32,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderEntry {
    address: String,
    name: String,
    cluster: String,
    /// Bonded over required, in millionths.
    #[serde(default = "whole")]
    stake_ppm: i64,
}

const fn whole() -> i64 {
    1_000_000
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReporterEntry {
    address: String,
    /// Host and port.
    listen: String,
}

/// What the oracle's file says.
#[derive(Debug)]
pub(crate) struct OracleFile {
    /// What all have alike.
    pub(crate) settings: Settings,
    /// How long to wait.
    pub(super) patience: Patience,
    /// Where each reporter listens, in the order of the set.
    pub(super) listens: Vec<String>,
}

impl Own {
    /// Reads the file. Paths in it are relative to it.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let own: Self = read(file)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let at = |path: &Path| folder.join(path);
        Ok(Self { key: at(&own.key), data: at(&own.data), oracle: at(&own.oracle), ..own })
    }
}

impl OracleFile {
    /// Reads the file.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let shared: Shared = read(file)?;
        shared.check().with_context(|| file.display().to_string())
    }
}

fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> Result<T> {
    let name = || file.display().to_string();
    let len = std::fs::metadata(file).with_context(name)?.len();
    ensure!(len <= FILE_LEN_MAX, "{} has {len} bytes, the limit is {FILE_LEN_MAX}", name());
    let text = std::fs::read_to_string(file).with_context(name)?;
    toml::from_str(&text).with_context(name)
}

impl Shared {
    fn check(&self) -> Result<OracleFile> {
        ensure!((1..=64).contains(&self.oracle.len()), "oracle must be a name of 1 to 64 bytes");
        ensure!(
            (1..=1_000_000).contains(&self.deviation_ppm),
            "deviation_ppm must be 1 to 1000000, not {}",
            self.deviation_ppm
        );
        let method = Method {
            params: Params::default(),
            terms: StatementTerms {
                age_max: span("age_max_ms", self.age_max_ms)?,
                epoch: span("epoch_ms", self.epoch_ms)?,
            },
            publication: PublicationTerms {
                deviation: Ppm::new(self.deviation_ppm),
                heartbeat: span("heartbeat_ms", self.heartbeat_ms)?,
            },
            cadence: span("cadence_ms", self.cadence_ms)?,
        };
        let patience = Patience {
            grace: span("grace_ms", self.grace_ms)?,
            round: span("round_ms", self.round_ms)?,
            repeat: span("repeat_ms", self.repeat_ms)?,
        };
        ensure!(
            self.grace_ms < self.cadence_ms,
            "grace_ms must be below cadence_ms, or no tick ends"
        );
        let addresses: Result<Vec<Address>> = self
            .reporters
            .iter()
            .map(|it| address(&it.address).context("reporters.address"))
            .collect();
        let reporters = ReporterSet::new(addresses?).context("reporters")?;
        let id = (self.chain_id, oracle::io::sign::cluster_id(&self.oracle));
        Ok(OracleFile {
            settings: Settings::new(id, self.registry()?, reporters, method),
            patience,
            listens: self.reporters.iter().map(|it| it.listen.clone()).collect(),
        })
    }

    fn registry(&self) -> Result<Registry> {
        let mut providers = BTreeMap::new();
        for entry in &self.providers {
            let field = || format!("provider {}", entry.name);
            ensure!(
                (0..=1_000_000).contains(&entry.stake_ppm),
                "provider {}: stake_ppm must be 0 to 1000000, not {}",
                entry.name,
                entry.stake_ppm
            );
            let registered = Registered {
                provider: ProviderId::new(&entry.name).with_context(field)?,
                cluster: ClusterId::new(&entry.cluster).with_context(field)?,
                stake: Ppm::new(entry.stake_ppm),
            };
            let address = address(&entry.address).with_context(field)?;
            let before = providers.insert(address, registered);
            ensure!(before.is_none(), "{address} is two providers'");
        }
        let mut classes = BTreeMap::new();
        for entry in &self.grades {
            let name = GradeId::new(&entry.name);
            let name = name.with_context(|| format!("{} is not a grade's name", entry.name))?;
            let before = classes.insert(entry.class, name);
            ensure!(before.is_none(), "class {} is two grades'", entry.class);
        }
        Registry::new(providers, classes).context("registry")
    }
}

fn span(field: &str, millis: u64) -> Result<NanosSpan> {
    ensure!((1..=MILLIS_MAX).contains(&millis), "{field} must be 1 to {MILLIS_MAX}, not {millis}");
    Ok(NanosSpan::new(millis * 1_000_000))
}

fn address(text: &str) -> Result<Address> {
    Address::parse(text).with_context(|| format!("{text} is not 0x and 40 hexadecimal digits"))
}
