//! Why a print of a tape is what it is: the rows before it through the index again, and its own tick with an explanation.

use std::path::Path;

use instruments::{Nanos, Seq};

use super::fault::TapeError;
use super::lock::Lock;
use super::replay::Replay;
use super::row::{Label, Printed, Revised, Row};
use super::scan::scan;
use super::seal::LOG;
use super::{Entry, holds_tape};
use crate::explain::Explanation;
use crate::index::Index;
use crate::observation::Observation;
use crate::print::Print;

/// A print of a tape, and why it is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The row of the print.
    pub seq: Seq,
    /// When it was written.
    pub written_at: Nanos,
    /// What its inputs give.
    pub print: Print,
    /// What it was shown, in order.
    pub shown: Vec<Observation>,
    /// Why.
    pub explanation: Explanation,
}

/// What a tape knows about a grade's ticks, and about the one that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The first and the last tick with a print of the grade.
    pub range: Option<(Nanos, Nanos)>,
    /// The print, and why; `None` when every tick is later.
    pub explained: Option<Explained>,
}

/// The print that answers so far, and all that it takes to make it again.
struct Candidate {
    seq: Seq,
    written_at: Nanos,
    tick: Nanos,
    before: Index,
    shown: Vec<Observation>,
}

/// Explains the print of the last tick at or before `at`, as it stands today.
///
/// # Errors
/// When another process writes, or the log is damaged.
pub fn explain(dir: &Path, grade: &Label, at: Nanos) -> Result<Asked, TapeError> {
    if !holds_tape(dir) {
        return Err(TapeError::NoTape { dir: dir.to_path_buf() });
    }
    let _lock = Lock::share(dir)?;
    let mut replay = Replay::default();
    let mut asked = Asked::default();
    let mut found: Option<Candidate> = None;
    let scanned = scan(&dir.join(LOG), &mut |stored| {
        let entry = Entry::of(&stored, dir)?;
        let said = said(&entry).filter(|(_, printed)| printed.grade == *grade);
        let Some((of, printed)) = said else {
            replay.take(&entry);
            return Ok(());
        };
        let tick = printed.print.at;
        asked.range = Some(asked.range.map_or((tick, tick), |(from, to)| (from, to.max(tick))));
        let shown = match &entry.row {
            Row::Revised(Revised { inputs, .. }) => replay.chosen(grade, inputs),
            Row::Printed(_)
            | Row::Observed(_)
            | Row::Refused(_)
            | Row::Judging(_)
            | Row::Marked(_)
            | Row::Reporting(_)
            | Row::Reported(_) => replay.waiting(grade),
        };
        replay.take(&entry);
        let is_newer = found.as_ref().is_none_or(|it| it.tick < tick || it.seq == of);
        if let (true, Some(before)) = (tick <= at && is_newer, replay.before(grade, entry.seq)) {
            let Entry { seq, written_at, .. } = entry;
            found = Some(Candidate { seq, written_at, tick, before, shown });
        }
        Ok(())
    })?;
    if let Some(fault) = scanned.faults.first() {
        return Err(TapeError::Damaged { dir: dir.to_path_buf(), fault: fault.clone() });
    }
    asked.explained = found.map(|Candidate { seq, written_at, tick, mut before, shown }| {
        let (print, explanation) = before.tick_explained(tick, &shown);
        Explained { seq, written_at, print, shown, explanation }
    });
    Ok(asked)
}

/// What a row prints, and the row that it stands for: itself, or the one that it replaces.
const fn said(entry: &Entry) -> Option<(Seq, &Printed)> {
    match &entry.row {
        Row::Printed(printed) => Some((entry.seq, printed)),
        Row::Revised(Revised { of, printed, .. }) => Some((*of, printed)),
        Row::Observed(_)
        | Row::Refused(_)
        | Row::Judging(_)
        | Row::Marked(_)
        | Row::Reporting(_)
        | Row::Reported(_) => None,
    }
}
