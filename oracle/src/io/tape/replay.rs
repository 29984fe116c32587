//! A tape's rows through the index again: every print from its inputs, by the method it names.
//!
//! The inputs of a print are the observations of its grade that came since the print before it, in order. A revision names its inputs
//! itself; it is computed from the state before the tick that it revises, and the prints after that tick stand unless they are revised too.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::Path;

use instruments::{Nanos, Seq};

use super::fault::{Fault, TapeError};
use super::lock::Lock;
use super::log::{BATCH_ROWS_MAX, scan};
use super::row::{Evidence, Label, Observed, Printed, Revised, Row};
use super::seal::LOG;
use super::{Entry, holds_tape};
use crate::explain::Explanation;
use crate::index::Index;
use crate::io::sign::{Intake, Refusal};
use crate::merkle::merkle_root;
use crate::observation::Observation;
use crate::params::Params;
use crate::print::{METHODOLOGY, Print};

/// How many ticks of a grade can still be revised: a day of five minutes each.
const REVISABLE_TICKS: usize = 288;

/// Runs the index over rows, as they come.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    grades: BTreeMap<Label, GradeReplay>,
    last_tick: Option<Nanos>,
    intake: Option<Intake>,
}

/// One grade.
#[derive(Debug, Clone)]
struct GradeReplay {
    index: Index,
    waiting: Vec<Input>,
    /// The last ticks, oldest first.
    past: VecDeque<PastTick>,
}

type Input = (Seq, Observation);

#[derive(Debug, Clone)]
struct PastTick {
    seq: Seq,
    at: Nanos,
    before: Index,
    inputs: Vec<Input>,
}

/// A row that does not follow from its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which row.
    pub seq: Seq,
    /// Of which grade.
    pub grade: Label,
    /// Of which tick.
    pub at: Nanos,
    /// What is wrong.
    pub why: Why,
}

/// Why a print does not follow from its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Made by rules that nobody has registered.
    Methodology(u16),
    /// From another number of inputs.
    Inputs {
        /// What the print says.
        said: u32,
        /// What is on the tape.
        found: usize,
    },
    /// From other inputs.
    Root,
    /// Of a tick before the last one.
    TimeRunsBackwards,
    /// The inputs give another print.
    Print(Box<Print>),
    /// It revises what is no print of its grade and tick, or what cannot be revised any more.
    RevisionOf(Seq),
    /// It is made from a row that is no recent observation of its grade.
    RevisionInput(Seq),
    /// Nothing on the tape says what signed observations are judged by.
    NoIntake,
    /// The statement behind it is not taken.
    NotTaken(Refusal),
    /// The statement behind it says something else.
    OtherStatement,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Methodology(version) => write!(f, "methodology {version} is not registered"),
            Self::Inputs { said, found } => write!(f, "says {said} inputs, the tape has {found}"),
            Self::Root => f.write_str("the Merkle root of its inputs is another"),
            Self::TimeRunsBackwards => f.write_str("its tick is before the last one"),
            Self::Print(print) => {
                let value =
                    print.value.map_or_else(|| "no value".to_owned(), |v| v.micros().to_string());
                write!(
                    f,
                    "its inputs give {value} micro-dollars, {}, or differ beside",
                    print.state
                )
            }
            Self::RevisionOf(of) => write!(f, "row {} is no print that it can revise", of.0),
            Self::NoIntake => {
                f.write_str("signed, and nothing before it says whose signatures count")
            }
            Self::NotTaken(refusal) => write!(f, "its statement is not taken: {refusal}"),
            Self::OtherStatement => f.write_str("its statement says something else"),
            Self::RevisionInput(of) => write!(f, "row {} is no recent observation", of.0),
        }
    }
}

/// The index that a registered methodology begins with.
fn registered(version: u16) -> Option<Index> {
    (version == METHODOLOGY).then(|| Index::new(Params::default()))
}

impl Replay {
    /// The last tick of any grade.
    #[must_use]
    pub const fn last_tick(&self) -> Option<Nanos> {
        self.last_tick
    }

    /// The grades that have been seen.
    pub fn grades(&self) -> impl Iterator<Item = &Label> {
        self.grades.keys()
    }

    /// Takes the next row, and says what is wrong with it.
    ///
    /// After a mismatch it goes on from what the inputs give.
    pub fn take(&mut self, entry: &Entry) -> Option<Mismatch> {
        match &entry.row {
            Row::Observed(Observed { grade, observation, evidence }) => {
                let doubt = self.doubt(grade, observation, evidence);
                let mismatch = doubt.map(|why| Mismatch {
                    seq: entry.seq,
                    grade: grade.clone(),
                    at: observation.at(),
                    why,
                });
                // More than one batch can hold is no tick: the print that follows will say another number.
                let grade = self.grade(grade, METHODOLOGY);
                if let Some(grade) = grade.filter(|it| it.waiting.len() <= BATCH_ROWS_MAX) {
                    grade.waiting.push((entry.seq, observation.clone()));
                }
                mismatch
            }
            Row::Refused(_) => None,
            Row::Judging(intake) => {
                self.intake = Some((**intake).clone());
                None
            }
            Row::Printed(printed) => self.print(entry.seq, printed),
            Row::Revised(revised) => self.revise(entry.seq, revised),
        }
    }

    /// Why an observation does not follow from its evidence.
    pub(super) fn doubt(
        &self,
        grade: &Label,
        observation: &Observation,
        evidence: &Evidence,
    ) -> Option<Why> {
        let Evidence::Signed { signed, taken_at } = evidence else { return None };
        let Some(intake) = &self.intake else { return Some(Why::NoIntake) };
        match intake.take(signed, *taken_at) {
            Err(refusal) => Some(Why::NotTaken(refusal)),
            Ok((of, said)) => {
                let is_same = of.as_str() == grade.as_str() && said == *observation;
                (!is_same).then_some(Why::OtherStatement)
            }
        }
    }

    /// What the index says of `observations`, which have not been written yet.
    pub(super) fn preview(
        &self,
        grade: &Label,
        at: Nanos,
        observations: &[Observation],
    ) -> Printed {
        let fresh = || Index::new(Params::default());
        let mut index = self.grades.get(grade).map_or_else(fresh, |grade| grade.index.clone());
        let print = index.tick(at, observations);
        printed(grade, print, observations)
    }

    /// What the index says of the tick of row `of`, made from the observations in the rows `inputs`.
    pub(super) fn preview_revision(
        &self,
        grade: &Label,
        of: Seq,
        inputs: &[Seq],
    ) -> Result<Printed, TapeError> {
        let refused = |seq, why| TapeError::Revision { seq, why };
        let no_print = "it is no recent print of the grade";
        let known = self.grades.get(grade).ok_or(refused(of, no_print))?;
        let past = known.past.iter().find(|past| past.seq == of).ok_or(refused(of, no_print))?;
        let observations = known
            .chosen(inputs)
            .map_err(|seq| refused(seq, "it is no recent observation of the grade"))?;
        let print = past.before.clone().tick(past.at, &observations);
        Ok(printed(grade, print, &observations))
    }

    fn grade(&mut self, grade: &Label, version: u16) -> Option<&mut GradeReplay> {
        if !self.grades.contains_key(grade) {
            let index = registered(version)?;
            let fresh = GradeReplay { index, waiting: Vec::new(), past: VecDeque::new() };
            self.grades.insert(grade.clone(), fresh);
        }
        self.grades.get_mut(grade)
    }

    fn print(&mut self, seq: Seq, said: &Printed) -> Option<Mismatch> {
        let at = said.print.at;
        let mismatch = |why| Some(Mismatch { seq, grade: said.grade.clone(), at, why });
        if said.print.methodology != METHODOLOGY {
            return mismatch(Why::Methodology(said.print.methodology));
        }
        if Some(at) < self.last_tick {
            return mismatch(Why::TimeRunsBackwards);
        }
        self.last_tick = Some(at);
        let grade = self.grade(&said.grade, said.print.methodology)?;
        let inputs = std::mem::take(&mut grade.waiting);
        let before = grade.index.clone();
        let observations: Vec<Observation> =
            inputs.iter().map(|(_, input)| input.clone()).collect();
        let print = grade.index.tick(at, &observations);
        grade.past.push_back(PastTick { seq, at, before, inputs });
        if REVISABLE_TICKS < grade.past.len() {
            grade.past.pop_front();
        }
        difference(said, print, &observations).and_then(mismatch)
    }

    fn revise(&mut self, seq: Seq, revised: &Revised) -> Option<Mismatch> {
        let said = &revised.printed;
        let at = said.print.at;
        let mismatch = |why| Some(Mismatch { seq, grade: said.grade.clone(), at, why });
        let not_of = || mismatch(Why::RevisionOf(revised.of));
        let Some(grade) = self.grades.get_mut(&said.grade) else { return not_of() };
        let observations = match grade.chosen(&revised.inputs) {
            Ok(observations) => observations,
            Err(input) => return mismatch(Why::RevisionInput(input)),
        };
        let is_revised = |past: &&mut PastTick| past.seq == revised.of && past.at == at;
        let Some(past) = grade.past.iter_mut().find(is_revised) else { return not_of() };
        // A revision can be revised, the print behind it no more.
        past.seq = seq;
        let print = past.before.clone().tick(at, &observations);
        difference(said, print, &observations).and_then(mismatch)
    }
}

impl GradeReplay {
    /// The observations in these rows, or the first row that is none.
    fn chosen(&self, rows: &[Seq]) -> Result<Vec<Observation>, Seq> {
        let inputs = self.past.iter().flat_map(|past| &past.inputs).chain(&self.waiting);
        let known: BTreeMap<Seq, &Observation> = inputs.map(|(seq, input)| (*seq, input)).collect();
        rows.iter().map(|seq| known.get(seq).map(|&input| input.clone()).ok_or(*seq)).collect()
    }
}

fn printed(grade: &Label, print: Print, observations: &[Observation]) -> Printed {
    let inputs = u32::try_from(observations.len()).unwrap_or(u32::MAX);
    Printed { grade: grade.clone(), print, inputs, root: merkle_root(observations) }
}

fn difference(said: &Printed, print: Print, observations: &[Observation]) -> Option<Why> {
    if usize::try_from(said.inputs) != Ok(observations.len()) {
        return Some(Why::Inputs { said: said.inputs, found: observations.len() });
    }
    if said.root != merkle_root(observations) {
        return Some(Why::Root);
    }
    (said.print != print).then(|| Why::Print(Box::new(print)))
}

/// A print of a tape, and why it is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The row of the print.
    pub seq: Seq,
    /// When it was written.
    pub written_at: Nanos,
    /// What it said.
    pub print: Print,
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
    let mut range: Option<(Nanos, Nanos)> = None;
    let mut found: Option<(Seq, Nanos, Printed, Index, Vec<Observation>)> = None;
    let scanned = scan(&dir.join(LOG), &mut |stored| {
        let entry = Entry::of(&stored, dir)?;
        let (of, printed) = match &entry.row {
            Row::Printed(printed) => (entry.seq, printed),
            Row::Revised(revised) => (revised.of, &revised.printed),
            Row::Observed(_) | Row::Refused(_) | Row::Judging(_) => {
                replay.take(&entry);
                return Ok(());
            }
        };
        if printed.grade == *grade {
            let tick = printed.print.at;
            range = Some(range.map_or((tick, tick), |(first, last)| (first, last.max(tick))));
        }
        let is_wanted = printed.grade == *grade && printed.print.at <= at;
        let known = replay.grades.get(grade);
        let shown = match &entry.row {
            Row::Revised(revised) => known.and_then(|it| it.chosen(&revised.inputs).ok()),
            Row::Printed(_) | Row::Observed(_) | Row::Refused(_) | Row::Judging(_) => {
                known.map(|it| it.waiting.iter().map(|(_, input)| input.clone()).collect())
            }
        };
        replay.take(&entry);
        let past = replay.grades.get(grade);
        let past = past.and_then(|it| it.past.iter().find(|past| past.seq == entry.seq));
        let is_newest = found
            .as_ref()
            .is_none_or(|(seq, _, last, ..)| last.print.at < printed.print.at || *seq == of);
        if let (true, true, Some(past)) = (is_wanted, is_newest, past) {
            let shown = shown.unwrap_or_default();
            let before = past.before.clone();
            found = Some((entry.seq, entry.written_at, printed.clone(), before, shown));
        }
        Ok(())
    })?;
    if let Some(fault) = scanned.faults.first() {
        let (dir, fault): (_, Fault) = (dir.to_path_buf(), fault.clone());
        return Err(TapeError::Damaged { dir, fault });
    }
    let explained = found.map(|(seq, written_at, printed, mut before, shown)| {
        let (print, explanation) = before.tick_explained(printed.print.at, &shown);
        Explained { seq, written_at, print, explanation }
    });
    Ok(Asked { range, explained })
}
