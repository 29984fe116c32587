//! The demo's index: real observations, or seeded ones, run through the oracle; the last two days of prints are published while the
//! series trades, each half-hour in a third of a second.

use std::path::Path;

use anyhow::{Context, Result};
use api::venue::VenueClock;
use exchange::IndexPrint;
use instruments::{Grade, GradeId, MicroUsd, launch_grades};
use oracle::{Index, Params};

use crate::oracle_index::{self, TickObservations};

/// Half-hours that are published: the window of the fixing.
const PUBLISHED: usize = 48;
/// Half-hours that a generated history has: a week to learn the providers' levels from, and the published ones.
const GENERATED: usize = 7 * 48 + PUBLISHED;

/// The prints to publish, oldest first. At least one of them has a value.
#[derive(Debug, Clone)]
pub(super) struct Prints {
    /// What they price.
    pub(super) grade: Grade,
    /// The first value there is: what the series opens at.
    pub(super) opening: MicroUsd,
    pub(super) prints: Vec<IndexPrint>,
}

pub(super) fn source(observations: Option<&Path>) -> String {
    observations.map_or_else(|| "seeded observations".to_owned(), |path| path.display().to_string())
}

/// The launch grade that the observations price best: H100 when it is as good as any.
pub(super) fn prints(observations: Option<&Path>, seed: u64) -> Result<Prints> {
    let ticks = match observations {
        Some(path) => oracle_index::load(path, VenueClock::System.now())?,
        None => oracle_index::generate(seed, GENERATED),
    };
    let mut best: Option<(usize, Prints)> = None;
    for grade in launch_grades() {
        let prints = of_grade(&ticks, &grade.id);
        let values = prints.iter().filter(|print| print.value.is_some()).count();
        let opening = prints.iter().find_map(|print| print.value);
        if let Some(opening) = opening
            && best.as_ref().is_none_or(|(most, _)| *most < values)
        {
            best = Some((values, Prints { grade, opening, prints }));
        }
    }
    let none =
        "the observations give no index of a launch grade: four providers of one class are needed";
    Ok(best.context(none)?.1)
}

fn of_grade(ticks: &[TickObservations], grade: &GradeId) -> Vec<IndexPrint> {
    let mut index = Index::new(Params::default());
    let mut prints: Vec<IndexPrint> = ticks
        .iter()
        .map(|tick| {
            let observed = tick.by_grade.get(grade.as_str()).map(Vec::as_slice);
            let print = index.tick(tick.at, observed.unwrap_or_default());
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
    prints
}
