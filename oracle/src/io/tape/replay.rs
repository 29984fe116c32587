//! A tape's rows through the index again: every print from its inputs, by the method it names.
//!
//! The inputs of a print are the observations of its grade that came since the print before it, in order. A revision names its inputs
//! itself; it is computed from the state before the tick that it revises, and the prints after that tick stand unless they are revised too.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use instruments::{Nanos, Seq};

use super::Entry;
use super::fault::TapeError;
use super::log::BATCH_ROWS_MAX;
use super::row::{Evidence, Label, Observed, Printed, Revised, Row};
use crate::index::Index;
use crate::io::sign::{self, Intake, Refusal, ReportError, SignedObservation, SignedReport};
use crate::merkle::merkle_root;
use crate::observation::Observation;
use crate::params::Params;
use crate::print::{METHODOLOGY, Print};
use crate::report::{Provenance, Report, ReporterSet};

/// How many ticks of a grade can still be revised: a day of five minutes each.
const REVISABLE_TICKS: usize = 288;

/// Runs the index over rows, as they come.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    grades: BTreeMap<Label, GradeReplay>,
    last_tick: Option<Nanos>,
    intake: Option<Intake>,
    reporters: Option<ReporterSet>,
}

/// One grade.
#[derive(Debug, Clone)]
struct GradeReplay {
    index: Index,
    waiting: Vec<Input>,
    /// The last ticks, oldest first.
    past: VecDeque<PastTick>,
}

#[derive(Debug, Clone)]
struct Input {
    seq: Seq,
    observation: Observation,
    signed: Option<Box<SignedObservation>>,
}

#[derive(Debug, Clone)]
struct PastTick {
    seq: Seq,
    at: Nanos,
    before: Index,
    print: Print,
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
    /// Not signed by those who make a report.
    Report(ReportError),
    /// Signed, but not what the tape's print and inputs give.
    OtherReport,
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
            Self::Report(error) => write!(f, "its report is not believed: {error}"),
            Self::OtherReport => f.write_str("its report is not that of the print and its inputs"),
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

    /// What waits for the next print of a grade.
    pub(super) fn waiting(&self, grade: &Label) -> Vec<Observation> {
        let waiting = self.grades.get(grade).map_or(&[][..], |it| it.waiting.as_slice());
        waiting.iter().map(|input| input.observation.clone()).collect()
    }

    /// The observations of a grade in these rows; nothing when a row is none.
    pub(super) fn chosen(&self, grade: &Label, rows: &[Seq]) -> Vec<Observation> {
        self.grades.get(grade).and_then(|it| it.chosen(rows).ok()).unwrap_or_default()
    }

    /// The index as it was before the tick of a print that can still be revised.
    pub(super) fn before(&self, grade: &Label, print: Seq) -> Option<Index> {
        let past = &self.grades.get(grade)?.past;
        past.iter().find(|past| past.seq == print).map(|past| past.before.clone())
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
                    let signed = match evidence {
                        Evidence::Public(_) => None,
                        Evidence::Signed { signed, .. } => Some(signed.clone()),
                    };
                    let (seq, observation) = (entry.seq, observation.clone());
                    grade.waiting.push(Input { seq, observation, signed });
                }
                mismatch
            }
            Row::Refused(_) => None,
            Row::Judging(intake) => {
                self.intake = Some((**intake).clone());
                None
            }
            Row::Marked(marked) => {
                if let Some(grade) = self.grade(&marked.grade, METHODOLOGY) {
                    grade.index.set_mark(marked.at, marked.price);
                }
                None
            }
            Row::Reporting(set) => {
                self.reporters = Some(set.clone());
                None
            }
            Row::Reported(signed) => {
                let (grade, at) = (signed.report.grade.as_str(), signed.report.value_at);
                let why = self.doubt_report(signed)?;
                // A grade's id is a label.
                let grade = Label::new(grade).ok()?;
                Some(Mismatch { seq: entry.seq, grade, at, why })
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

    /// Why a report is not what its reporters should have signed.
    pub(super) fn doubt_report(&self, signed: &SignedReport) -> Option<Why> {
        let (Some(intake), Some(set)) = (&self.intake, &self.reporters) else {
            return Some(Why::NoIntake);
        };
        if let Err(error) = signed.verify(&intake.domain, set) {
            return Some(Why::Report(error));
        }
        let report = &signed.report;
        let at_tick = |grade: &'_ GradeReplay| {
            grade.past.iter().rev().find(|past| past.at == report.value_at).cloned()
        };
        let label = Label::new(report.grade.as_str()).ok()?;
        let Some(past) = self.grades.get(&label).and_then(at_tick) else {
            return Some(Why::OtherReport);
        };
        let inputs = self.grades.values().filter_map(at_tick).flat_map(|past| past.inputs);
        let mut statements: Vec<SignedObservation> =
            inputs.filter_map(|input| input.signed).map(|signed| *signed).collect();
        statements.sort_by_key(|signed| signed.statement.key().series);
        let due = Report::new(
            &past.print,
            Provenance {
                grade: report.grade.clone(),
                height: report.height,
                trigger: report.trigger,
                heartbeat: report.heartbeat,
                methodology: intake.domain.methodology,
                inputs_root: sign::merkle_root(&statements),
                inputs: u32::try_from(statements.len()).unwrap_or(u32::MAX),
                previous: report.previous,
            },
        );
        (due != *report).then_some(Why::OtherReport)
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
            inputs.iter().map(|input| input.observation.clone()).collect();
        let print = grade.index.tick(at, &observations);
        grade.past.push_back(PastTick { seq, at, before, print: print.clone(), inputs });
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
        past.print = print.clone();
        difference(said, print, &observations).and_then(mismatch)
    }
}

impl GradeReplay {
    /// The observations in these rows, or the first row that is none.
    fn chosen(&self, rows: &[Seq]) -> Result<Vec<Observation>, Seq> {
        let inputs = self.past.iter().flat_map(|past| &past.inputs).chain(&self.waiting);
        let known: BTreeMap<Seq, &Observation> =
            inputs.map(|input| (input.seq, &input.observation)).collect();
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
