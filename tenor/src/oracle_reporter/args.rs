//! What one can type about reporters. The doc comments are the help texts.

use std::path::PathBuf;

use clap::Args;
use rust_decimal::Decimal;

/// A reporter process.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReporterArgs {
    /// Settings in TOML: listen, http, key, data, oracle; see docs/reporters.md.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Sign reports with a tenth more than it found, for tests of the others.
    #[arg(long, hide = true)]
    pub(crate) lie: bool,
}

/// One statement of one provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct ObserveArgs {
    /// The oracle's file in TOML, the same for everybody.
    #[arg(long, value_name = "FILE")]
    pub(crate) oracle: PathBuf,
    /// A file that holds the provider's key, 32 bytes in hex.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Where a reporter takes statements, for example 127.0.0.1:8101. Without it the signed statement is only printed.
    #[arg(long, value_name = "ADDR")]
    pub(crate) to: Vec<String>,
    /// Which grade, by its name.
    #[arg(long, value_name = "GRADE")]
    pub(crate) grade: String,
    /// The number of the region in the provider's own list.
    #[arg(long, default_value_t = 0)]
    pub(crate) region: u16,
    /// What is asked for a GPU-hour.
    #[arg(long, value_name = "USD")]
    pub(crate) ask: Decimal,
    /// GPUs there are.
    #[arg(long)]
    pub(crate) total: u32,
    /// GPUs of them that are leased.
    #[arg(long, default_value_t = 0)]
    pub(crate) leased: u32,
    /// What was paid for a GPU-hour since the statement before.
    #[arg(long, value_name = "USD", requires = "lease_seconds")]
    pub(crate) lease_price: Option<Decimal>,
    /// GPU-seconds leased at it.
    #[arg(long, value_name = "SECONDS", requires = "lease_price")]
    pub(crate) lease_seconds: Option<u64>,
    /// The root over the receipts of those leases, 32 bytes in hex.
    #[arg(long, value_name = "HEX")]
    pub(crate) receipts_root: Option<String>,
    /// When it was so, in nanoseconds since 1970; now when absent.
    #[arg(long, value_name = "NANOS")]
    pub(crate) observed_at: Option<u64>,
    /// Must rise with every statement; the observation's millisecond when absent.
    #[arg(long)]
    pub(crate) nonce: Option<u64>,
}

/// A proof against a provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct EquivocationArgs {
    /// One JSON object with domain, first and second; see docs/reporters.md.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reports of a reporter.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// JSON lines as a reporter writes them.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The oracle's file in TOML: whose signatures count.
    #[arg(long, value_name = "FILE")]
    pub(crate) oracle: PathBuf,
}
