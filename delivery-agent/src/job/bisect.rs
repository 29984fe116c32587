//! The game about a wrong result, and its referee, who computes one row of one operation.
//!
//! ```text
//! challenger          prover
//! Pick checkpoint ->
//!                     <- Steps: the roots inside
//! Pick step       ->
//!                     <- Nodes: the root of every value of that step
//! Pick node       ->
//!                     <- Leaves: the hashes of 256 rows each, and of each row
//! Pick part, row  ->
//! Evidence: rows of operands, with paths     then the referee computes that row
//! ```
//!
//! The challenger always names the first that differs from his own run, so what the row is computed
//! from is what both agree on. After the first, which opens
//! the dispute, a choice of one is no move. Neither can gain by other play: what the
//! prover shows must hash to what he has committed to, what the challenger shows to what the prover has.
//!
//! Invariants:
//! - pure: the same moves give the same ruling; a venue may play them again from its journal;
//! - at most [`MOVES_MAX`] moves, whatever the job;
//! - whoever makes a move that the rules do not allow has lost, and so has who makes none in time.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::check::{Arithmetic, Program, Shape};
use super::leaves::Leaves;
use super::spec::{Digest, JobResult};
use super::{commit, run};

mod evidence;
mod player;

pub use evidence::{Evidence, Shown, ShownRow, WrongEvidence};
pub use player::Player;

/// Most moves of both sides together.
pub const MOVES_MAX: u32 = 10;
/// Hashes of one answer about rows: two such answers reach every row.
pub const PART: u32 = 256;
/// How many levels of a tree lie below a part.
const PART_LEVELS: u32 = PART.ilog2();

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Says that the result is wrong.
    Challenger,
    /// Has committed to it.
    Prover,
}

impl Side {
    /// The other.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Challenger => Self::Prover,
            Self::Prover => Self::Challenger,
        }
    }
}

/// One move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Move {
    /// The challenger: the first that differs, counted from 0.
    Pick {
        /// Which checkpoint, step of the stretch, node, part or row.
        number: u32,
    },
    /// The prover: the chain after every step of the stretch.
    Steps {
        /// In order; the last is the checkpoint's.
        roots: Vec<Digest>,
    },
    /// The prover: the roots of all values of the step.
    Nodes {
        /// What the chain was made from before the step; the first step needs none.
        before: Option<Before>,
        /// Of every node, in order.
        roots: Vec<Digest>,
    },
    /// The prover: one level of the tree over a value's rows.
    Leaves {
        /// Of every part, or of every row of one part.
        hashes: Vec<Digest>,
    },
    /// The challenger: what the row is computed from.
    Evidence(Evidence),
}

/// What a step root was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// The chain before that step.
    pub root: Digest,
    /// The output after it.
    pub output: Digest,
    /// The states after it.
    pub states: Vec<Digest>,
}

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The challenger's.
    Challenger,
    /// The prover's.
    Prover,
    /// Nobody's.
    Over(Ruling),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// Who has won.
    pub winner: Side,
    /// What decided it.
    pub why: Why,
}

/// What decides a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The row that the prover committed to is not what the operation gives.
    RowRefuted,
    /// It is.
    RowHolds,
    /// The job rounds, so a row computed again proves nothing.
    NotExact,
    /// The result has not the form that the job asks for.
    Malformed,
    /// What was shown is not what was committed to.
    Unproven,
    /// Not the move that was due, or a number that is not there.
    Foul,
    /// No move in time.
    Silence,
}

/// A dispute and all that has been said in it.
pub struct Dispute<'a> {
    program: &'a Program,
    leaves: &'a Leaves,
    result: &'a JobResult,
    stage: Stage,
    moves: u32,
    work: u64,
}

/// Where a dispute stands: the last thing said, and what it was about.
#[derive(Debug, Clone)]
enum Stage {
    Checkpoint,
    Steps { checkpoint: usize },
    Step { first: u32, before: Digest, roots: Vec<Digest> },
    Nodes(At),
    Node { step: u32, states: Vec<Digest>, nodes: Vec<Digest> },
    Leaves(Trial),
    Part { trial: Trial, hashes: Vec<Digest> },
    Evidence { trial: Trial, row: u32, leaf: Digest },
    Over(Ruling),
}

/// A step and the chain on both sides of it.
#[derive(Debug, Clone, Copy)]
struct At {
    step: u32,
    before: Digest,
    after: Digest,
}

/// One node on trial.
#[derive(Debug, Clone)]
struct Trial {
    step: u32,
    node: usize,
    states: Vec<Digest>,
    nodes: Vec<Digest>,
    /// The rows that are still in question, and the root over them.
    first: u32,
    count: u32,
    root: Digest,
}

/// Who loses by what was just said, and why.
struct Lost(Side, Why);

const FOUL: Lost = Lost(Side::Challenger, Why::Foul);
const UNPROVEN: Lost = Lost(Side::Prover, Why::Unproven);

impl<'a> Dispute<'a> {
    /// A dispute about `result`. One that has not the job's form is lost at once.
    #[must_use]
    pub fn open(program: &'a Program, leaves: &'a Leaves, result: &'a JobResult) -> Self {
        let is_formed =
            result.job == program.id() && result.roots.len() == program.checkpoints().len();
        let stage = if program.arithmetic() != Arithmetic::Integer {
            Stage::Over(Ruling { winner: Side::Prover, why: Why::NotExact })
        } else if !is_formed {
            Stage::Over(Ruling { winner: Side::Challenger, why: Why::Malformed })
        } else {
            Stage::Checkpoint
        };
        Self { program, leaves, result, stage, moves: 0, work: 0 }
    }

    /// Whose move it is.
    #[must_use]
    pub fn turn(&self) -> Turn {
        match &self.stage {
            Stage::Checkpoint
            | Stage::Step { .. }
            | Stage::Node { .. }
            | Stage::Part { .. }
            | Stage::Evidence { .. } => Turn::Challenger,
            Stage::Steps { .. } | Stage::Nodes(_) | Stage::Leaves(_) => Turn::Prover,
            Stage::Over(ruling) => Turn::Over(*ruling),
        }
    }

    /// Moves made so far.
    #[must_use]
    pub const fn moves(&self) -> u32 {
        self.moves
    }

    /// Numbers the referee has multiplied and added so far.
    #[must_use]
    pub const fn work(&self) -> u64 {
        self.work
    }

    /// Takes a move of one side. A move of the side whose turn it is not is not taken.
    pub fn play(&mut self, side: Side, made: Move) {
        let is_due = match self.turn() {
            Turn::Challenger => side == Side::Challenger,
            Turn::Prover => side == Side::Prover,
            Turn::Over(_) => false,
        };
        if !is_due {
            return;
        }
        self.moves += 1;
        self.take(side, made);
        self.skip_choices_of_one();
    }

    /// The side whose turn it is has not moved in time.
    pub fn silent(&mut self) {
        let side = match self.turn() {
            Turn::Challenger => Side::Challenger,
            Turn::Prover => Side::Prover,
            Turn::Over(_) => return,
        };
        self.stage = Stage::Over(Ruling { winner: side.other(), why: Why::Silence });
    }

    fn take(&mut self, side: Side, made: Move) {
        let stage = match (&self.stage, made) {
            (Stage::Evidence { trial, row, leaf }, Move::Evidence(evidence)) => {
                let (trial, row, leaf) = (trial.clone(), *row, *leaf);
                self.judge(&trial, row, leaf, &evidence)
            }
            (stage, Move::Pick { number }) => self.picked(stage.clone(), number),
            (Stage::Steps { checkpoint }, Move::Steps { roots }) => {
                self.steps_shown(*checkpoint, roots)
            }
            (Stage::Nodes(at), Move::Nodes { before, roots }) => {
                self.nodes_shown(*at, before, roots)
            }
            (Stage::Leaves(trial), Move::Leaves { hashes }) => leaves_shown(trial.clone(), hashes),
            (_, _) => Err(Lost(side, Why::Foul)),
        };
        self.stage = stage
            .unwrap_or_else(|Lost(loser, why)| Stage::Over(Ruling { winner: loser.other(), why }));
    }

    fn skip_choices_of_one(&mut self) {
        loop {
            let choices = match &self.stage {
                Stage::Step { roots, .. } => roots.len(),
                Stage::Node { nodes, .. } => nodes.len(),
                Stage::Part { hashes, .. } => hashes.len(),
                Stage::Checkpoint
                | Stage::Steps { .. }
                | Stage::Nodes(_)
                | Stage::Leaves(_)
                | Stage::Evidence { .. }
                | Stage::Over(_) => 0,
            };
            if choices != 1 {
                return;
            }
            self.take(Side::Challenger, Move::Pick { number: 0 });
        }
    }

    fn picked(&self, stage: Stage, number: u32) -> Result<Stage, Lost> {
        let at = number as usize;
        match stage {
            Stage::Checkpoint => {
                self.result.roots.get(at).ok_or(FOUL)?;
                let (first, last) = self.stretch(at);
                if first < last {
                    return Ok(Stage::Steps { checkpoint: at });
                }
                self.steps_shown(at, vec![self.result.roots[at]])
            }
            Stage::Step { first, before, roots } => {
                let after = *roots.get(at).ok_or(FOUL)?;
                let before = at.checked_sub(1).map_or(before, |previous| roots[previous]);
                Ok(Stage::Nodes(At { step: first + number, before, after }))
            }
            Stage::Node { step, states, nodes } => {
                let root = *nodes.get(at).ok_or(FOUL)?;
                let count = self.shape_of(at).rows;
                Ok(Stage::Leaves(Trial { step, node: at, states, nodes, first: 0, count, root }))
            }
            Stage::Part { trial, hashes } => {
                let hash = *hashes.get(at).ok_or(FOUL)?;
                if trial.count <= PART {
                    return Ok(Stage::Evidence { row: trial.first + number, leaf: hash, trial });
                }
                let skipped = number * PART;
                let (first, count) = (trial.first + skipped, PART.min(trial.count - skipped));
                Ok(Stage::Leaves(Trial { first, count, root: hash, ..trial }))
            }
            Stage::Steps { .. }
            | Stage::Nodes(_)
            | Stage::Leaves(_)
            | Stage::Evidence { .. }
            | Stage::Over(_) => Err(FOUL),
        }
    }

    /// First and last step before a checkpoint.
    fn stretch(&self, checkpoint: usize) -> (u32, u32) {
        let spec = self.program.spec();
        let first = checkpoint as u32 * spec.stride;
        (first + 1, (first + spec.stride).min(spec.steps))
    }

    fn shape_of(&self, node: usize) -> Shape {
        self.program.values()[self.program.tensors() + node].shape
    }

    fn steps_shown(&self, checkpoint: usize, roots: Vec<Digest>) -> Result<Stage, Lost> {
        let (first, last) = self.stretch(checkpoint);
        let is_whole = roots.len() == (last - first + 1) as usize;
        if !is_whole || roots.last() != Some(&self.result.roots[checkpoint]) {
            return Err(UNPROVEN);
        }
        let before = match checkpoint.checked_sub(1) {
            Some(previous) => self.result.roots[previous],
            None => commit::begin(self.program, &run::states_before(self.program, self.leaves)),
        };
        Ok(Stage::Step { first, before, roots })
    }

    /// The shown roots must be those that both ends of the step were made from.
    fn nodes_shown(
        &self,
        at: At,
        before: Option<Before>,
        nodes: Vec<Digest>,
    ) -> Result<Stage, Lost> {
        let At { step, before: root, after } = at;
        let states = match before {
            None if step == 1 => run::states_before(self.program, self.leaves),
            Some(Before { root: earlier, output, states }) if 1 < step => {
                if commit::after(&earlier, step - 1, &output, &states) != root {
                    return Err(UNPROVEN);
                }
                states
            }
            Some(_) | None => return Err(UNPROVEN),
        };
        if nodes.len() != self.program.ops().len() || states.len() != self.program.next().len() {
            return Err(UNPROVEN);
        }
        let roots = Roots { program: self.program, states: &states, nodes: &nodes };
        let output = roots.of(self.program.output());
        let later: Option<Vec<Digest>> =
            self.program.next().iter().map(|(_, by)| roots.of(*by)).collect();
        let (Some(output), Some(later)) = (output, later) else {
            unreachable!("output and replacements are nodes")
        };
        let is_last = step == self.program.spec().steps;
        if commit::after(&root, step, &output, &later) != after
            || (is_last && output != self.result.output_root)
        {
            return Err(UNPROVEN);
        }
        Ok(Stage::Node { step, states, nodes })
    }

    fn judge(
        &mut self,
        trial: &Trial,
        row: u32,
        leaf: Digest,
        evidence: &Evidence,
    ) -> Result<Stage, Lost> {
        let roots = Roots { program: self.program, states: &trial.states, nodes: &trial.nodes };
        let about =
            evidence::About { leaves: self.leaves, step: trial.step, node: trial.node, roots };
        let computed = evidence.row(&about, row);
        let (values, work) = computed.map_err(|_unproven| Lost(Side::Challenger, Why::Unproven))?;
        self.work = self.work.saturating_add(work);
        let is_right = commit::row_leaf(self.shape_of(trial.node), row, &values) == leaf;
        let (loser, why) = match is_right {
            true => (Side::Challenger, Why::RowHolds),
            false => (Side::Prover, Why::RowRefuted),
        };
        Err(Lost(loser, why))
    }
}

/// The roots of a step's values.
#[derive(Clone, Copy)]
struct Roots<'a> {
    program: &'a Program,
    states: &'a [Digest],
    nodes: &'a [Digest],
}

impl Roots<'_> {
    /// The root of a value; `None` for a tensor that no step replaces.
    fn of(&self, value: usize) -> Option<Digest> {
        if let Some(node) = value.checked_sub(self.program.tensors()) {
            return self.nodes.get(node).copied();
        }
        let state = self.program.next().iter().position(|(tensor, _)| *tensor == value)?;
        self.states.get(state).copied()
    }
}

fn leaves_shown(trial: Trial, hashes: Vec<Digest>) -> Result<Stage, Lost> {
    let width = if PART < trial.count { trial.count.div_ceil(PART) } else { trial.count };
    if hashes.len() != width as usize || commit::root(&hashes) != trial.root {
        return Err(UNPROVEN);
    }
    Ok(Stage::Part { trial, hashes })
}
