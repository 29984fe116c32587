//! What it takes to move an index: seeded markets in which a coalition lies, and what every estimator then settles at.
//!
//! Read `attack/market.rs` for the world, `attack/scheme.rs` for the attacks, `attack/arena.rs` for how one is measured. The table with
//! its reading is in `docs/attacks.md`.
//!
//! Invariants:
//! - a table follows from its plan alone: no clock, no floats, no chance but the seed's, whatever the number of threads;
//! - every estimator sees the same observations, and the error is against the same market without lies.

mod arena;
mod market;
mod scheme;
mod tune;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use instruments::Ppm;
use oracle::Estimator;

pub use self::market::Evidence;
pub use self::scheme::{Kind, Policy};

use self::arena::{Arena, Effect};
use self::market::Market;
use self::scheme::Scheme;
use self::tune::tune;
use crate::seed::Stream;

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How many markets.
    pub worlds: u64,
    /// Of which they all follow.
    pub seed: u64,
    /// The coalition's shares of the leased GPU-hours.
    pub shares: Vec<Ppm>,
    /// How long the short attacks last, in half-hours.
    pub ticks: u32,
    /// What the index is shown.
    pub evidence: Evidence,
    /// Which attacks.
    pub kinds: Vec<Kind>,
    /// Who is attacked.
    pub estimators: Vec<Estimator>,
}

/// One attack by a coalition of one share, against every estimator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What was done.
    pub kind: Kind,
    /// By whom: its share of the leased GPU-hours. The lone quote of [`Kind::OneWild`] is one of thirty equal ones.
    pub share: Ppm,
    /// What came of it, in the order of the plan's estimators.
    pub cells: Vec<Cell>,
    /// The median market's cost of the attack, as a share of what the whole market earns in a day.
    pub cost: Ppm,
    /// The median number of GPU-hours that were said to be leased and were not.
    pub pretended_hours: u64,
    /// What the adaptive attacker chose.
    pub policy: Option<Policy>,
}

/// What an attack did to one estimator, over all markets. Errors are in millionths of the honest settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Against whom.
    pub estimator: Estimator,
    /// The median size of the error.
    pub median: u64,
    /// The size that nineteen in twenty do not exceed.
    pub p95: u64,
    /// The median error with its sign.
    pub signed_median: i64,
    /// The largest move from one print to the next.
    pub worst_step: u64,
    /// Markets in which the attack left no settlement.
    pub unsettled: u32,
    /// The share of the last day's prints that were not `OK`.
    pub flagged: Ppm,
}

/// One market under one attack.
#[derive(Debug, Default)]
struct Trial {
    effects: Vec<Effect>,
    cost: Ppm,
    pretended: u64,
}

/// Tries all of it, with as many threads as there are processors; `done` hears how many parts of how many are finished.
#[must_use]
pub fn run(plan: &Plan, done: &(dyn Fn(usize, usize) + Sync)) -> Vec<Row> {
    let adaptive: Vec<(usize, Kind)> = (0..plan.shares.len())
        .flat_map(|share| plan.kinds.iter().map(move |&kind| (share, kind)))
        .filter(|(_, kind)| kind.aim().is_some())
        .collect();
    let parts: Vec<(u64, usize)> = (0..plan.worlds)
        .flat_map(|world| (0..plan.shares.len()).map(move |at| (world, at)))
        .collect();
    let all = adaptive.len() + parts.len();
    let finished = AtomicUsize::new(0);
    let report = || done(finished.fetch_add(1, Ordering::Relaxed) + 1, all);

    let policies = in_parallel(&adaptive, &report, |&(share, kind)| {
        kind.aim().map_or_else(Policy::default, |aim| {
            tune(plan.seed, plan.shares[share], plan.evidence, aim)
        })
    });
    let policy = |share: usize, kind: Kind| {
        adaptive.iter().position(|part| *part == (share, kind)).map(|at| policies[at])
    };
    let trials = in_parallel(&parts, &report, |&(world, share)| {
        let seed = Stream::new(plan.seed, &format!("attack: world {world}")).number();
        let market = || Market::new(seed, plan.shares[share], plan.evidence);
        let mut arena = Arena::new(market(), &plan.estimators);
        let trial = |kind: &Kind| {
            let ticks = usize::try_from(plan.ticks).unwrap_or(usize::MAX);
            let scheme = kind.scheme(ticks, policy(share, *kind).unwrap_or_default());
            if *kind == Kind::RouteStale {
                let rising = market().rising(scheme.end);
                try_one(&mut Arena::new(rising, &plan.estimators), &scheme)
            } else if *kind == Kind::OneWild {
                // Its coalition is one provider, whatever the share: once is enough.
                let consensus = (share == 0).then(|| Market::consensus(seed, plan.evidence));
                consensus.map_or_else(Trial::default, |market| {
                    try_one(&mut Arena::new(market, &plan.estimators), &scheme)
                })
            } else {
                try_one(&mut arena, &scheme)
            }
        };
        plan.kinds.iter().map(trial).collect::<Vec<Trial>>()
    });
    rows(plan, &trials, &policy)
}

fn try_one(arena: &mut Arena, scheme: &Scheme) -> Trial {
    let effects = arena.effects(scheme);
    Trial { effects, cost: arena.cost(scheme), pretended: arena.pretended(scheme) }
}

fn rows(
    plan: &Plan,
    trials: &[Vec<Trial>],
    policy: &dyn Fn(usize, Kind) -> Option<Policy>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, &kind) in plan.kinds.iter().enumerate() {
        for (share_place, &share) in plan.shares.iter().enumerate() {
            if kind == Kind::OneWild && 0 < share_place {
                continue;
            }
            let of_row: Vec<&Trial> = trials
                .iter()
                .skip(share_place)
                .step_by(plan.shares.len())
                .map(|kinds| &kinds[place])
                .collect();
            let cell = |(at, &estimator): (usize, &Estimator)| {
                cell(estimator, of_row.iter().map(|trial| trial.effects[at]).collect())
            };
            rows.push(Row {
                kind,
                share: if kind == Kind::OneWild { Ppm::new(33_333) } else { share },
                cells: plan.estimators.iter().enumerate().map(cell).collect(),
                cost: middle(of_row.iter().map(|trial| trial.cost).collect()).unwrap_or_default(),
                pretended_hours: middle(of_row.iter().map(|it| it.pretended).collect())
                    .unwrap_or(0),
                policy: policy(share_place, kind),
            });
        }
    }
    rows
}

fn cell(estimator: Estimator, effects: Vec<Effect>) -> Cell {
    let errors: Vec<i64> = effects.iter().filter_map(|effect| effect.error).collect();
    let mut sizes: Vec<u64> = errors.iter().map(|error| error.unsigned_abs()).collect();
    sizes.sort_unstable();
    let rank = (sizes.len() * 95).div_ceil(100).max(1) - 1;
    let prints = u64::try_from(effects.len() * market::DAY).unwrap_or(1).max(1);
    let flagged: u64 = effects.iter().map(|effect| u64::from(effect.flagged)).sum();
    Cell {
        estimator,
        p95: sizes.get(rank).copied().unwrap_or(0),
        median: middle(sizes).unwrap_or(0),
        signed_median: middle(errors.clone()).unwrap_or(0),
        worst_step: effects.iter().map(|it| it.worst_step.unsigned_abs()).max().unwrap_or(0),
        unsettled: u32::try_from(effects.len() - errors.len()).unwrap_or(u32::MAX),
        flagged: Ppm::new(i64::try_from(flagged * 1_000_000 / prints).unwrap_or(i64::MAX)),
    }
}

/// The middle one; of an even number the lower of the two.
fn middle<T: Ord + Copy>(mut all: Vec<T>) -> Option<T> {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied()
}

/// The results in the order of the parts, whoever worked on which.
fn in_parallel<P: Sync, R: Send>(
    parts: &[P],
    report: &(dyn Fn() + Sync),
    work: impl Fn(&P) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = parts.iter().map(|_| Mutex::new(None)).collect();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(parts.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(part) = parts.get(at) else { return };
                    let result = work(part);
                    *results[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                    report();
                }
            });
        }
    });
    let result = |slot: Mutex<Option<R>>| slot.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().filter_map(result).collect()
}
