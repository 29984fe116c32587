//! What a challenger shows: the rows of the operands that one row is computed from.
//!
//! Invariants:
//! - a row is used only after its hash was found in the root that the prover committed to, or read from
//!   the job's own blobs;
//! - shown numbers are looked at only if there are as many as the operand has.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Roots;
use crate::expand::Bytes32;
use crate::job::check::Shape;
use crate::job::leaves::Leaves;
use crate::job::row::{self, Rows};
use crate::job::spec::Digest;
use crate::job::{commit, run};
use crate::merkle::{self, Place};

/// The operands of one node, in the order of [`crate::job::Op::operands`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Of each operand.
    pub operands: Vec<Shown>,
}

/// What is shown of one operand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shown {
    /// Nothing: it lies in a blob of the job, or is not needed.
    Nothing,
    /// Some rows.
    Rows(Vec<ShownRow>),
    /// All of it, row after row.
    Whole(Vec<i32>),
}

/// One row and its way to the operand's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownRow {
    /// Which.
    pub row: u32,
    /// Its numbers.
    pub values: Vec<i32>,
    /// Siblings from its leaf up.
    pub path: Vec<Digest>,
}

/// Why evidence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongEvidence {
    /// Not as many operands, rows or numbers as there are.
    #[error("evidence does not have the form of the operation")]
    Form,
    /// A row that is needed was not shown.
    #[error("row {row} of operand {operand} is not shown")]
    Missing {
        /// Of which operand.
        operand: usize,
        /// Which.
        row: u32,
    },
    /// A row or a tensor does not lead to the root.
    #[error("operand {operand} does not lead to its root")]
    Root {
        /// Which operand.
        operand: usize,
    },
}

/// The node on trial and what is known of its step.
pub(super) struct About<'a> {
    pub(super) leaves: &'a Leaves,
    pub(super) step: u32,
    pub(super) node: usize,
    pub(super) roots: Roots<'a>,
}

impl Evidence {
    /// Row `row` of the node on trial, and how many numbers were read for it.
    pub(super) fn row(
        &self,
        about: &About<'_>,
        row: u32,
    ) -> Result<(Vec<i32>, u64), WrongEvidence> {
        let mut checked = Checked::new(about, self)?;
        let values = row::compute(about.roots.program, about.node, row, &mut checked)?;
        Ok((values, checked.read))
    }
}

impl About<'_> {
    /// Where an operand's rows come from when they need not be shown: the tensor and its first row.
    ///
    /// A tensor that steps replace is its own first value only before the first step.
    pub(super) fn in_blob(&self, value: usize) -> Option<(usize, u32)> {
        let program = self.roots.program;
        let is_replaced = program.next().iter().any(|(tensor, _)| *tensor == value);
        let is_as_given = value < program.tensors() && (!is_replaced || self.step == 1);
        is_as_given.then(|| (value, run::first_row(program, value, self.step)))
    }

    pub(super) fn shape(&self, value: usize) -> Shape {
        self.roots.program.values()[value].shape
    }
}

/// Operands that have been found in their roots, or are as soon as they are read.
struct Checked<'a> {
    about: &'a About<'a>,
    operands: Vec<Source<'a>>,
    read: u64,
}

enum Source<'a> {
    Blob { tensor: usize, first: u32 },
    Rows { value: usize, rows: BTreeMap<u32, &'a ShownRow> },
    Whole { columns: usize, values: &'a [i32] },
}

impl<'a> Checked<'a> {
    fn new(about: &'a About<'a>, evidence: &'a Evidence) -> Result<Self, WrongEvidence> {
        let op = &about.roots.program.ops()[about.node];
        let values: Vec<usize> = op.operands().copied().collect();
        if values.len() != evidence.operands.len() {
            return Err(WrongEvidence::Form);
        }
        let mut operands = Vec::with_capacity(values.len());
        for (operand, (value, shown)) in values.into_iter().zip(&evidence.operands).enumerate() {
            operands.push(source(about, operand, value, shown)?);
        }
        Ok(Self { about, operands, read: 0 })
    }
}

fn source<'a>(
    about: &About<'_>,
    operand: usize,
    value: usize,
    shown: &'a Shown,
) -> Result<Source<'a>, WrongEvidence> {
    if let Some((tensor, first)) = about.in_blob(value) {
        return Ok(Source::Blob { tensor, first });
    }
    let shape = about.shape(value);
    match shown {
        Shown::Nothing => Ok(Source::Rows { value, rows: BTreeMap::new() }),
        Shown::Rows(rows) if rows.len() <= shape.rows as usize => {
            Ok(Source::Rows { value, rows: rows.iter().map(|row| (row.row, row)).collect() })
        }
        Shown::Whole(values) if values.len() as u64 == shape.elements() => {
            if about.roots.of(value) != Some(commit::tensor_root(shape, values)) {
                return Err(WrongEvidence::Root { operand });
            }
            Ok(Source::Whole { columns: shape.columns as usize, values })
        }
        Shown::Rows(_) | Shown::Whole(_) => Err(WrongEvidence::Form),
    }
}

impl Rows for Checked<'_> {
    type Missing = WrongEvidence;

    fn row(
        &mut self,
        operand: usize,
        row: u32,
        values: &mut Vec<i32>,
    ) -> Result<(), WrongEvidence> {
        match &self.operands[operand] {
            Source::Blob { tensor, first } => self.about.leaves.row(*tensor, first + row, values),
            Source::Whole { columns, values: all } => {
                values.clear();
                values.extend_from_slice(&all[row as usize * columns..][..*columns]);
            }
            Source::Rows { value, rows } => {
                let shown = rows.get(&row).ok_or(WrongEvidence::Missing { operand, row })?;
                let root = self.about.roots.of(*value).ok_or(WrongEvidence::Form)?;
                if !leads(self.about.shape(*value), shown, &root) {
                    return Err(WrongEvidence::Root { operand });
                }
                values.clone_from(&shown.values);
            }
        }
        self.read = self.read.saturating_add(values.len() as u64);
        Ok(())
    }
}

fn leads(shape: Shape, shown: &ShownRow, root: &Digest) -> bool {
    let path: Vec<Bytes32> = shown.path.iter().map(|digest| digest.0).collect();
    let place = Place { index: shown.row as usize, count: shape.rows as usize };
    let leaf = commit::row_leaf(shape, shown.row, &shown.values);
    shown.values.len() == shape.columns as usize && merkle::proves(&root.0, &leaf.0, place, &path)
}

/// What an honest challenger shows for one row: the rows that it is computed from, no others.
pub(super) struct Gathering<'a> {
    about: &'a About<'a>,
    operands: Vec<(usize, &'a [i32], BTreeMap<u32, ()>)>,
}

impl<'a> Gathering<'a> {
    /// `held` gives the challenger's own numbers of a value.
    pub(super) fn new(about: &'a About<'a>, held: impl Fn(usize) -> &'a [i32]) -> Self {
        let op = &about.roots.program.ops()[about.node];
        let operand = |value: &usize| (*value, held(*value), BTreeMap::new());
        Self { about, operands: op.operands().map(operand).collect() }
    }

    /// Evidence for row `row`.
    pub(super) fn evidence(mut self, row: u32) -> Evidence {
        let Ok(_) = row::compute(self.about.roots.program, self.about.node, row, &mut self);
        let show = |(value, values, rows): (usize, &[i32], BTreeMap<u32, ()>)| {
            let shape = self.about.shape(value);
            if self.about.in_blob(value).is_some() {
                return Shown::Nothing;
            }
            if rows.len() == shape.rows as usize {
                return Shown::Whole(values.to_vec());
            }
            let leaves: Vec<Bytes32> =
                commit::leaves(shape, values).into_iter().map(|digest| digest.0).collect();
            let row = |row: u32| {
                let path = merkle::path(&leaves, row as usize).unwrap_or_default();
                let columns = shape.columns as usize;
                let values = values[row as usize * columns..][..columns].to_vec();
                ShownRow { row, values, path: path.into_iter().map(Digest).collect() }
            };
            Shown::Rows(rows.into_keys().map(row).collect())
        };
        Evidence { operands: self.operands.into_iter().map(show).collect() }
    }
}

impl Rows for Gathering<'_> {
    type Missing = std::convert::Infallible;

    fn row(
        &mut self,
        operand: usize,
        row: u32,
        values: &mut Vec<i32>,
    ) -> Result<(), Self::Missing> {
        let (value, held, rows) = &mut self.operands[operand];
        let columns = self.about.shape(*value).columns as usize;
        rows.insert(row, ());
        values.clear();
        values.extend_from_slice(&held[row as usize * columns..][..columns]);
        Ok(())
    }
}
