//! An index that writes what it is shown and what it says on a tape, tick by tick.
//!
//! Invariant: the index is what the tape gives: a recorder that opens a tape goes on exactly as the one that was killed would have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use instruments::{Nanos, Seq};

use super::fault::TapeError;
use super::log::Clock;
use super::replay::Replay;
use super::row::{Evidence, Label, Marked, Observed, Printed, Refused, Revised, Row};
use super::{Entry, Opening, Tape, holds_tape};
use crate::io::sign::{Intake, SignedReport};
use crate::observation::Observation;
use crate::report::ReporterSet;

/// What was observed of each grade for one tick, and how it is known.
pub type Shown = BTreeMap<Label, Vec<(Observation, Evidence)>>;

/// The indices of all grades, and their tape.
pub struct Recorder {
    tape: Tape,
    replay: Replay,
}

impl Recorder {
    /// Opens the tape in `dir`, or begins one at `begun_at`.
    ///
    /// # Errors
    /// [`TapeError::Damaged`] or [`TapeError::Mismatch`] when nothing should follow what is there; or when the disk refuses.
    pub fn open(dir: &Path, begun_at: Nanos, clock: Clock) -> Result<(Self, Opening), TapeError> {
        if !holds_tape(dir) {
            let tape = Tape::create(dir, begun_at, clock)?;
            return Ok((Self { tape, replay: Replay::default() }, Opening::default()));
        }
        let mut replay = Replay::default();
        let (tape, opening) = Tape::open(dir, &mut |entry| match replay.take(&entry) {
            None => Ok(()),
            Some(mismatch) => {
                Err(TapeError::Mismatch { seq: entry.seq, why: mismatch.why.to_string() })
            }
        })?;
        Ok((Self { tape, replay }, opening))
    }

    /// The last tick on the tape.
    #[must_use]
    pub const fn last_tick(&self) -> Option<Nanos> {
        self.replay.last_tick()
    }

    /// The tape.
    #[must_use]
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Takes what was observed for one tick. Every grade that has ever been seen has a print in every tick; all of it is durable when this
    /// returns.
    ///
    /// # Errors
    /// [`TapeError::TickNotLater`] for a tick that is not after the last; or as [`Tape::append`], and then nothing was taken.
    pub fn tick(
        &mut self,
        at: Nanos,
        written_at: Nanos,
        shown: &Shown,
    ) -> Result<Vec<Printed>, TapeError> {
        if let Some(last) = self.last_tick().filter(|last| at <= *last) {
            return Err(TapeError::TickNotLater { at, last });
        }
        let grades: BTreeSet<&Label> = self.replay.grades().chain(shown.keys()).collect();
        let (mut rows, mut prints) = (Vec::new(), Vec::new());
        for &grade in &grades {
            let shown = shown.get(grade).map_or(&[][..], Vec::as_slice);
            for (observation, evidence) in shown {
                let doubt = self.replay.doubt(grade, observation, evidence);
                if let Some(why) = doubt {
                    let seq = self.tape.last().next();
                    return Err(TapeError::Mismatch { seq, why: why.to_string() });
                }
            }
            let observations: Vec<Observation> = shown.iter().map(|(it, _)| it.clone()).collect();
            rows.extend(shown.iter().cloned().map(|(observation, evidence)| {
                Row::Observed(Observed { grade: grade.clone(), observation, evidence })
            }));
            let printed = self.replay.preview(grade, at, &observations);
            rows.push(Row::Printed(printed.clone()));
            prints.push(printed);
        }
        drop(grades);
        self.append(written_at, rows)?;
        Ok(prints)
    }

    /// Judges signed observations by `intake` from here on.
    ///
    /// # Errors
    /// As [`Tape::append`].
    pub fn judge_by(&mut self, written_at: Nanos, intake: Intake) -> Result<Seq, TapeError> {
        self.append(written_at, vec![Row::Judging(Box::new(intake))])
    }

    /// Takes a futures mark, which the index may lean on when quotes are too few.
    ///
    /// # Errors
    /// As [`Tape::append`].
    pub fn mark(&mut self, written_at: Nanos, marked: Marked) -> Result<Seq, TapeError> {
        self.append(written_at, vec![Row::Marked(marked)])
    }

    /// Believes the reports of `set` from here on.
    ///
    /// # Errors
    /// As [`Tape::append`].
    pub fn report_by(&mut self, written_at: Nanos, set: ReporterSet) -> Result<Seq, TapeError> {
        self.append(written_at, vec![Row::Reporting(set)])
    }

    /// Keeps a report of a print that is on the tape.
    ///
    /// # Errors
    /// [`TapeError::Mismatch`] when it is not what its reporters should have signed; or as [`Tape::append`].
    pub fn report(&mut self, written_at: Nanos, signed: SignedReport) -> Result<Seq, TapeError> {
        if let Some(why) = self.replay.doubt_report(&signed) {
            return Err(TapeError::Mismatch { seq: self.tape.last().next(), why: why.to_string() });
        }
        self.append(written_at, vec![Row::Reported(Box::new(signed))])
    }

    /// Writes down that an input was not taken, and why.
    ///
    /// # Errors
    /// As [`Tape::append`].
    pub fn refuse(&mut self, written_at: Nanos, refused: Refused) -> Result<Seq, TapeError> {
        self.append(written_at, vec![Row::Refused(refused)])
    }

    /// Replaces what the print in row `of` says by what the observations in the rows `inputs` give. The row stays, and is superseded.
    ///
    /// # Errors
    /// [`TapeError::Revision`] when `of` is no print that can still be revised, or an input no observation of its grade; or as
    /// [`Tape::append`].
    pub fn revise(
        &mut self,
        written_at: Nanos,
        of: Seq,
        (reason, inputs): (&str, Vec<Seq>),
    ) -> Result<Printed, TapeError> {
        let grade = match self.tape.row(of)?.row {
            Row::Printed(printed) | Row::Revised(Revised { printed, .. }) => printed.grade,
            Row::Observed(_)
            | Row::Refused(_)
            | Row::Judging(_)
            | Row::Marked(_)
            | Row::Reporting(_)
            | Row::Reported(_) => {
                return Err(TapeError::Revision { seq: of, why: "it is no print" });
            }
        };
        let printed = self.replay.preview_revision(&grade, of, &inputs)?;
        let reason = reason.to_owned();
        let row = Row::Revised(Revised { of, reason, inputs, printed: printed.clone() });
        self.append(written_at, vec![row])?;
        Ok(printed)
    }

    /// Closes the tape and seals it.
    ///
    /// # Errors
    /// As [`Tape::close`].
    pub fn close(self) -> Result<(), TapeError> {
        self.tape.close()
    }

    fn append(&mut self, written_at: Nanos, rows: Vec<Row>) -> Result<Seq, TapeError> {
        let first = self.tape.append(written_at, &rows)?;
        let mut seq = first;
        for row in rows {
            let entry = Entry { seq, written_at, link: self.tape.head(), row };
            if let Some(mismatch) = self.replay.take(&entry) {
                return Err(TapeError::Mismatch { seq, why: mismatch.why.to_string() });
            }
            seq = seq.next();
        }
        Ok(first)
    }
}
