//! `tenor verify audit`: checks a venue's audit log offline.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use api::venue::{AuditHead, verify_audit};
use clap::Args;

/// What to check, and against what.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyAuditArgs {
    /// The venue's `DIR/audit`, or one of its files.
    pub(crate) path: PathBuf,
    /// A head that was kept elsewhere: what `public/get_audit_head` gave as `head`. Without one, entries that were cut off behind the last
    /// signed head of the file cannot be missed.
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
    /// Who signs the heads: what `public/get_audit_head` gave as `signer`. Without it, one key must have signed all.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) signer: Option<String>,
}

pub(crate) fn run(args: &VerifyAuditArgs, out: &mut impl Write) -> Result<ExitCode> {
    let signer = args.signer.as_deref().map(address).transpose().context("--signer")?;
    let head = args.head.as_deref().map(|file| -> Result<AuditHead> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("--head: cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("--head: {}", file.display()))
    });
    let report = verify_audit(&args.path, signer, head.transpose()?.as_ref())?;
    writeln!(
        out,
        "entries {} to {} hold; signed up to {} by {} heads",
        report.first, report.last, report.signed, report.heads
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Twenty bytes in hexadecimal.
pub(crate) fn address(text: &str) -> Result<[u8; 20]> {
    let mut bytes = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
        .context("must be 20 bytes in hexadecimal")?;
    Ok(bytes)
}
