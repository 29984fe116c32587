//! The demo's index: real observations, or seeded ones, run through the oracle; the last two days of prints are published while the
//! series trades, each half-hour in a third of a second.

use std::path::Path;

use anyhow::{Result, ensure};
use exchange::IndexPrint;
use instruments::{GradeId, MicroUsd};
use oracle::{Index, Params};

use crate::oracle_index;

/// Half-hours that are published: the window of the fixing.
const PUBLISHED: usize = 48;
/// Half-hours that a generated history has: a week to learn the providers' levels from, and the published ones.
const GENERATED: usize = 7 * 48 + PUBLISHED;
const GRADE: &str = "H100";

/// The prints to publish, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Prints(Vec<IndexPrint>);

impl Prints {
    /// The first value there is: what the series opens at.
    pub(super) fn opening(&self) -> Option<MicroUsd> {
        self.0.iter().find_map(|print| print.value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &IndexPrint> {
        self.0.iter()
    }
}

pub(super) fn source(observations: Option<&Path>) -> String {
    observations.map_or_else(|| "seeded observations".to_owned(), |path| path.display().to_string())
}

pub(super) fn prints(observations: Option<&Path>, seed: u64) -> Result<Prints> {
    let ticks = match observations {
        Some(path) => oracle_index::load(path)?,
        None => oracle_index::generate(seed, GENERATED),
    };
    let Some(grade) = GradeId::new(GRADE) else { return Ok(Prints(Vec::new())) };
    let mut index = Index::new(Params::default());
    let mut prints: Vec<IndexPrint> = ticks
        .iter()
        .map(|tick| {
            let of_grade = tick.by_grade.get(GRADE).map(Vec::as_slice).unwrap_or_default();
            let print = index.tick(tick.at, of_grade);
            IndexPrint {
                grade: grade.clone(),
                observed_at: print.at,
                value: print.value,
                conf: print.conf,
                state: print.state,
            }
        })
        .collect();
    prints.drain(..prints.len().saturating_sub(PUBLISHED));
    let has_value = prints.iter().any(|print| print.value.is_some());
    ensure!(
        has_value,
        "the observations give no {GRADE} index: is there a provider of that class?"
    );
    Ok(Prints(prints))
}
