//! `tenor oracle verify`: is what stands there what the inputs give?
//!
//! Of a tape everything is checked and nothing is changed: files, chain, store, signatures, Merkle roots, and every print by the method that
//! it names. Of a plain pair of files the prints are made again and compared line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use instruments::Nanos;
use oracle::io::tape::{Audit, Mismatch, TapeError, audit};
use serde_json::json;

use crate::oracle_index::{IndexArgs, IndexError, Timestamp};

/// What is verified.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyPrintsArgs {
    /// The tape's directory.
    #[arg(long, value_name = "DIR", required_unless_present = "observations")]
    pub(crate) tape: Option<PathBuf>,
    /// Without a tape: what providers asked.
    #[arg(long, value_name = "FILE", conflicts_with = "tape", requires = "index")]
    pub(crate) observations: Option<PathBuf>,
    /// Without a tape: what `oracle index` wrote.
    #[arg(long, value_name = "FILE", conflicts_with = "tape")]
    pub(crate) index: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// The tape.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The observations.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A file, or the scratch directory.
    #[error("cannot {doing}")]
    Io {
        /// The verb and its object.
        doing: &'static str,
        /// What failed.
        source: io::Error,
    },
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> VerifyError {
    move |source| VerifyError::Io { doing, source }
}

/// Verifies, says what was found, and returns whether all is well.
///
/// # Errors
/// [`VerifyError`] when it cannot be read.
pub(crate) fn run(
    args: &VerifyPrintsArgs,
    now: Nanos,
    stdout: &mut impl Write,
) -> Result<bool, VerifyError> {
    let scratch = tempfile::tempdir().map_err(failed("make a directory for the work"))?;
    match (&args.tape, &args.observations, &args.index) {
        (Some(tape), ..) => {
            let found = audit(tape, &scratch.path().join("store"))?;
            tell(&found, args.json, stdout).map_err(failed("write the answer"))?;
            Ok(found.is_sound())
        }
        (None, Some(observations), Some(index)) => {
            let again = scratch.path().join("index.csv");
            let wanted = IndexArgs {
                observations: observations.clone(),
                out: again.clone(),
                estimator: oracle::Estimator::Ours,
                json: false,
            };
            crate::oracle_index::run(&wanted, now, &mut io::sink())?;
            let compared = compare(&again, index)?;
            tell_pair(&compared, args.json, stdout).map_err(failed("write the answer"))?;
            Ok(compared.differing == 0)
        }
        (None, ..) => Ok(false),
    }
}

/// Two files of prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compared {
    rows: u64,
    differing: u64,
    /// Line, what the observations give, what stands there.
    first: Option<(u64, String, String)>,
}

fn compare(again: &Path, given: &Path) -> Result<Compared, VerifyError> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(failed("read the prints"))?;
        Ok::<_, VerifyError>(BufReader::new(file).lines())
    };
    let (mut again, mut given) = (open(again)?, open(given)?);
    let mut compared = Compared::default();
    for line in 1.. {
        let next = |lines: &mut dyn Iterator<Item = io::Result<String>>| {
            lines.next().transpose().map_err(failed("read the prints"))
        };
        let (due, found) = (next(&mut again)?, next(&mut given)?);
        if due.is_none() && found.is_none() {
            break;
        }
        compared.rows += u64::from(1 < line && found.is_some());
        if due != found {
            compared.differing += 1;
            let nothing = || "nothing".to_owned();
            let pair = (line, due.unwrap_or_else(nothing), found.unwrap_or_else(nothing));
            compared.first.get_or_insert(pair);
        }
    }
    Ok(compared)
}

fn tell_pair(compared: &Compared, is_json: bool, stdout: &mut impl Write) -> io::Result<()> {
    let Compared { rows, differing, first } = compared;
    if is_json {
        let first = first
            .as_ref()
            .map(|(line, due, found)| json!({ "line": line, "due": due, "found": found }));
        let whole = json!({
            "ok": *differing == 0, "rows": rows, "mismatches": differing, "first": first,
        });
        return writeln!(stdout, "{whole}");
    }
    writeln!(stdout, "{rows} rows, {differing} mismatches")?;
    if let Some((line, due, found)) = first {
        writeln!(stdout, "line {line}: the observations give {due}")?;
        writeln!(stdout, "line {line}: there stands          {found}")?;
    }
    writeln!(stdout, "{}", if *differing == 0 { "ok" } else { "NOT OK" })
}

fn tell(found: &Audit, is_json: bool, stdout: &mut impl Write) -> io::Result<()> {
    let mismatch = |mismatch: &Mismatch| {
        json!({
            "row": mismatch.seq.0, "grade": mismatch.grade.as_str(),
            "ts": Timestamp(mismatch.at).to_string(), "why": mismatch.why.to_string(),
        })
    };
    if is_json {
        let faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
        let mismatches: Vec<_> = found.mismatches.iter().map(mismatch).collect();
        let whole = json!({
            "ok": found.is_sound(), "rows": found.rows, "observations": found.observations,
            "signed": found.signed, "prints": found.prints, "revisions": found.revisions,
            "refusals": found.refusals, "reports": found.reports, "marks": found.marks, "ticks": found.ticks, "grades": found.grades,
            "sealed": found.is_sealed, "torn_bytes": found.torn_bytes,
            "not_in_store": found.behind, "head": hex::encode(found.head), "faults": faults,
            "mismatches": found.mismatches_count, "first_mismatches": mismatches,
        });
        return writeln!(stdout, "{whole}");
    }
    writeln!(stdout, "rows          {}", found.rows)?;
    writeln!(stdout, "observations  {} ({} signed)", found.observations, found.signed)?;
    writeln!(stdout, "prints        {} of {} grades", found.prints, found.grades)?;
    writeln!(stdout, "ticks         {}", found.ticks)?;
    writeln!(stdout, "revisions     {}", found.revisions)?;
    writeln!(stdout, "refusals      {}", found.refusals)?;
    writeln!(stdout, "reports       {}", found.reports)?;
    let sealed = if found.is_sealed { "sealed, and as it was closed" } else { "not sealed" };
    writeln!(stdout, "files         {sealed}")?;
    writeln!(stdout, "torn tail     {} bytes", found.torn_bytes)?;
    writeln!(stdout, "head          {}", hex::encode(found.head))?;
    writeln!(stdout, "faults        {}", found.faults.len())?;
    for fault in &found.faults {
        writeln!(stdout, "  {fault}")?;
    }
    writeln!(stdout, "mismatches    {}", found.mismatches_count)?;
    for Mismatch { seq, grade, at, why } in &found.mismatches {
        writeln!(stdout, "  row {}, {grade} at {}: {why}", seq.0, Timestamp(*at))?;
    }
    writeln!(stdout, "{}", if found.is_sound() { "ok" } else { "NOT OK" })
}
