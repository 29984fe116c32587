//! The log and the store, one against the other.
//!
//! An append reaches the log first and the store second, and is acknowledged after both. So the store never has a row that the log has not,
//! and lacks at most the last append: anything else is no crash. What ends the log early, or wrong, was acknowledged exactly if the store
//! knows of it: that is how a torn append, a log that was cut off and a damaged one are told apart.

use std::path::Path;

use instruments::Seq;

use super::fault::{Fault, TapeError};
use super::log::Stored;
use super::scan::{FAULTS_MAX, Scan, scan};
use super::store::{Contents, Store};

/// What a comparison has shown.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) faults: Vec<Fault>,
    /// The last append, where it has not reached the store.
    pub(super) behind: Vec<Stored>,
}

/// Compares the store with the log, of which `contents` is what the store should hold.
pub(super) fn compare(
    scanned: &Scan,
    contents: Contents,
    store: &Store,
    log: &Path,
) -> Result<Compared, TapeError> {
    let known = store.applied.map_or(Seq(0), |applied| applied.seq);
    let end = scanned.end.last;
    let mut compared = Compared::default();
    if end < known {
        compared.faults = lost(scanned, known);
        return Ok(compared);
    }
    if known < end && known.next() < scanned.last_frame {
        compared.faults.push(Fault::StoreCut { first: known.next(), last: end });
    }
    let found = match store.contents() {
        Ok(found) => found,
        Err(error) => {
            compared.faults.push(Fault::of_store(&error));
            return Ok(compared);
        }
    };
    if known < end {
        scan(log, &mut |stored| {
            if known < stored.seq && scanned.last_frame <= stored.seq {
                compared.behind.push(stored);
            }
            Ok(())
        })?;
    }
    if !scanned.faults.is_empty() {
        // What the store should hold is not known as a whole, but row by row.
        compared.faults.extend(differing(store, known, log)?);
        return Ok(compared);
    }
    let expected = compared.behind.iter().fold(contents, Contents::without);
    let is_as_told = store.applied.map_or(Contents::default(), |it| it.contents) == found;
    if compared.faults.is_empty() && (found != expected || !is_as_told) {
        compared.faults = differing(store, known, log)?;
        if compared.faults.is_empty() {
            compared.faults.push(Fault::StoreEntries);
        }
    }
    Ok(compared)
}

/// Rows that the store knows of, and the log does not give any more.
fn lost(scanned: &Scan, known: Seq) -> Vec<Fault> {
    let first = scanned.end.last.next();
    match &scanned.tail {
        Some(tail) if !tail.faults.is_empty() => tail.faults.clone(),
        Some(tail) if !tail.is_short => vec![Fault::Rows { first, last: known }],
        Some(_) | None => vec![Fault::Cut { first, last: known }],
    }
}

/// The rows in which the store is not what the log says.
fn differing(store: &Store, known: Seq, log: &Path) -> Result<Vec<Fault>, TapeError> {
    let mut faults = Vec::new();
    scan(log, &mut |stored| {
        let seq = stored.seq;
        let is_same = known < seq || matches!(store.row(seq), Ok(Some(found)) if found == stored);
        if !is_same && faults.len() < FAULTS_MAX {
            faults.push(Fault::StoreRow { seq });
        }
        Ok(())
    })?;
    Ok(faults)
}
