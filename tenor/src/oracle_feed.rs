//! `tenor oracle feed`: what a venue says in public, as canonical records and as observations of the index.
//!
//! Everything that is decided about a body is decided in `oracle::io::feeds`; this file gets the body, reads the clock where nobody says the
//! time, and writes.

mod append;
mod show;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use api::venue::VenueClock;
use clap::Args;
use oracle::io::feeds::{
    BODY_LEN_MAX, Context, FeedError, Source, Terms, View, catalogue, factors, observations,
};

use crate::oracle_index::Timestamp;

/// What to do with which source.
#[derive(Debug, Clone, Args)]
pub(crate) struct FeedArgs {
    /// A source, or `list` for all of them.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// A body that was saved; `-` reads the input stream.
    #[arg(long, value_name = "BODY", conflicts_with = "live")]
    pub(crate) file: Option<PathBuf>,
    /// Ask the venue now. Needs a build with the feature `feeds`; mind the venue's terms.
    #[arg(long)]
    pub(crate) live: bool,
    /// When the body was fetched, for example 2026-09-10T07:37:02Z; now without it.
    #[arg(long, value_name = "TIME", value_parser = instant, conflicts_with = "live")]
    pub(crate) at: Option<Timestamp>,
    /// One observation for each owner instead of one for the venue.
    #[arg(long)]
    pub(crate) by_owner: bool,
    /// Append the observations of known classes to a file that `oracle index` reads.
    #[arg(long, value_name = "FILE")]
    pub(crate) observations: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

fn instant(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().or(Err("not a UTC time like 2026-09-10T07:37:02Z"))
}

/// Why there are no records.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedCommandError {
    /// Nothing of that name is read.
    #[error("no source {name:?}; there are list, {}", names())]
    Source {
        /// What was typed.
        name: String,
    },
    /// A body that has not been fetched yet.
    #[error("--at {at} is in the future; the clock says {now}")]
    Future {
        /// What was typed.
        at: Timestamp,
        /// What the machine says.
        now: Timestamp,
    },
    /// Nothing to read.
    #[error("give --file BODY or --live")]
    NoBody,
    /// This build cannot ask.
    #[cfg(not(feature = "feeds"))]
    #[error("this build has no feature feeds: build with --features feeds, or give --file BODY")]
    NoFetcher,
    /// The venue did not give a body.
    #[cfg(feature = "feeds")]
    #[error(transparent)]
    Fetch(#[from] oracle::io::feeds::fetch::FetchError),
    /// The saved body cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The body is not what the venue documents.
    #[error("source {source_name}: {source}")]
    Body {
        /// Which.
        source_name: &'static str,
        /// What is wrong.
        source: FeedError,
    },
    /// What is compiled in.
    #[error(transparent)]
    BuiltIn(FeedError),
    /// The file of observations.
    #[error(transparent)]
    Append(#[from] append::AppendError),
    /// The output failed.
    #[error("cannot write the records")]
    Write(#[from] io::Error),
}

fn names() -> String {
    Source::ALL.map(Source::name).join(", ")
}

/// Runs the command.
///
/// # Errors
/// [`FeedCommandError`]; a refused body names its field.
pub(crate) fn run(args: &FeedArgs, out: &mut impl Write) -> Result<(), FeedCommandError> {
    if args.source == "list" {
        return Ok(show::list(args.json, out)?);
    }
    let source = Source::named(&args.source)
        .ok_or_else(|| FeedCommandError::Source { name: args.source.clone() })?;
    let body = body(args, source)?;
    let now = VenueClock::System.now();
    let at = args.at.map_or(now, |Timestamp(at)| at);
    if now < at {
        return Err(FeedCommandError::Future { at: Timestamp(at), now: Timestamp(now) });
    }
    let catalogue = catalogue().map_err(FeedCommandError::BuiltIn)?;
    let factors = factors().map_err(FeedCommandError::BuiltIn)?;
    let context = Context { fetched_at: at, catalogue: &catalogue };
    let parsed = source
        .parse(&body, &context)
        .map_err(|error| FeedCommandError::Body { source_name: source.name(), source: error })?;
    let view = if args.by_owner { View::Owners } else { View::Venue };
    let observed = observations(&parsed.records, &Terms { at, factors: &factors, view });
    if let Some(path) = &args.observations {
        append::append(path, at, &observed.observations)?;
    }
    let shown = show::Shown { source, at, catalogue: &catalogue, parsed, observed };
    if args.json {
        show::json(&shown, out)?
    } else {
        show::text(&shown, out)?
    }
    Ok(())
}

fn body(args: &FeedArgs, source: Source) -> Result<Vec<u8>, FeedCommandError> {
    match &args.file {
        Some(path) => read(path),
        None if args.live => live(source),
        None => Err(FeedCommandError::NoBody),
    }
}

#[cfg(feature = "feeds")]
fn live(source: Source) -> Result<Vec<u8>, FeedCommandError> {
    use oracle::io::feeds::fetch::{Limits, fetch};
    Ok(fetch(source, &Limits::default())?)
}

#[cfg(not(feature = "feeds"))]
fn live(_: Source) -> Result<Vec<u8>, FeedCommandError> {
    Err(FeedCommandError::NoFetcher)
}

/// At most one byte more than a body may have, so that a longer one is refused as such.
fn read(path: &Path) -> Result<Vec<u8>, FeedCommandError> {
    let unread = |source| FeedCommandError::Read { path: path.to_owned(), source };
    let mut body = Vec::new();
    let limit = u64::try_from(BODY_LEN_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if path.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut body).map_err(unread)?;
    } else {
        File::open(path).map_err(unread)?.take(limit).read_to_end(&mut body).map_err(unread)?;
    }
    Ok(body)
}
