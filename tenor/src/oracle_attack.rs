//! `tenor oracle attack`: what a coalition can do to the index and to the plain averages, in simulated markets.
//!
//! All that happens is in `sim::attack`; this file asks and prints. The reading of the table is in `docs/attacks.md`.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use instruments::Ppm;
use oracle::Estimator;
use serde::Serialize;
use sim::attack::{Cell, Evidence, Kind, Plan, Policy, Row};

use crate::oracle_index::estimator;
use crate::progress::Progress;

/// Whom to attack, how, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct AttackArgs {
    /// How many markets each attack is tried in.
    #[arg(long, value_name = "N", default_value_t = 40,
        value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) worlds: u64,
    /// Of which all markets follow.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The coalition's shares of the leased GPU-hours, in per cent.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_value = "5,10,20,33,45",
        value_parser = clap::value_parser!(i64).range(1..=49))]
    pub(crate) share: Vec<i64>,
    /// How long the short attacks last, before the end of the day that settles.
    #[arg(long, value_name = "HOURS", default_value_t = 24,
        value_parser = clap::value_parser!(u32).range(1..=168))]
    pub(crate) hours: u32,
    /// What the index is shown: asks, leases with receipts and units, or asks alone.
    #[arg(long, value_name = "WHAT", default_value = "leases")]
    pub(crate) evidence: EvidenceArg,
    /// Whom to attack; all without it.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = estimator())]
    pub(crate) estimator: Vec<Estimator>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the index is shown of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvidenceArg {
    /// Asks, leases with receipts, and units.
    Leases,
    /// Asks alone: one listing each, so that all weigh the same.
    Asks,
}

impl EvidenceArg {
    const fn evidence(self) -> Evidence {
        match self {
            Self::Leases => Evidence::Leases,
            Self::Asks => Evidence::Asks,
        }
    }
}

impl AttackArgs {
    fn plan(&self) -> Plan {
        let mut shares = self.share.clone();
        shares.sort_unstable();
        shares.dedup();
        let mut estimators = self.estimator.clone();
        if estimators.is_empty() {
            estimators = Estimator::ALL.to_vec();
        }
        estimators.sort_unstable();
        estimators.dedup();
        Plan {
            worlds: self.worlds,
            seed: self.seed,
            shares: shares.into_iter().map(|percent| Ppm::new(percent * PPM_PER_PERCENT)).collect(),
            ticks: self.hours * 2,
            evidence: self.evidence.evidence(),
            kinds: Kind::ALL.to_vec(),
            estimators,
        }
    }
}

const PPM_PER_PERCENT: i64 = 10_000;

/// Tries all attacks and prints what came of them.
///
/// # Errors
/// What the output stream says.
pub(crate) fn run(args: &AttackArgs, out: &mut impl Write) -> io::Result<()> {
    let plan = args.plan();
    let progress = Progress::start("attacking");
    let rows = sim::attack::run(&plan, &|done, all| progress.at(done, all));
    drop(progress);
    if args.json { json(&plan, &rows, out) } else { text(&plan, &rows, out) }
}

fn json(plan: &Plan, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let wire = WireTable {
        seed: plan.seed,
        worlds: plan.worlds,
        evidence: shown(plan.evidence),
        hours: plan.ticks / 2,
        rows: rows.iter().map(wire_row).collect(),
    };
    writeln!(out, "{}", serde_json::to_string(&wire)?)
}

fn text(plan: &Plan, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let Plan { seed, worlds, ticks, .. } = plan;
    let shown = shown(plan.evidence);
    writeln!(out, "seed {seed}, {worlds} markets of {shown}, short attacks of {} h", ticks / 2)?;
    writeln!(out, "error of the day's fixing in %: median [95th percentile]")?;
    writeln!(out, "OK: share of the index's prints of that day that were OK")?;
    writeln!(out, "cost: in % of what the whole market earns in a day\n")?;
    write!(out, "{:<26} {:>5}", "attack", "share")?;
    for estimator in &plan.estimators {
        write!(out, " {:>16}", estimator.name())?;
    }
    writeln!(out, " {:>5} {:>6}", "OK", "cost")?;
    for row in rows {
        write!(out, "{:<26} {:>5}", row.kind.name(), tenths(row.share.ppm().unsigned_abs()))?;
        for cell in &row.cells {
            write!(out, " {:>16}", cell_text(cell))?;
        }
        let ours = row.cells.iter().find(|cell| cell.estimator == Estimator::Ours);
        let ok = ours.map_or_else(String::new, |cell| {
            (Ppm::ONE.ppm() - cell.flagged.ppm()).div_euclid(PPM_PER_PERCENT).to_string()
        });
        let cost = row.cost.ppm().div_euclid(PPM_PER_PERCENT);
        writeln!(out, " {ok:>5} {cost:>6}")?;
    }
    for row in rows {
        if let Some(Policy { walk_days, walk, ticks, offset, leased }) = row.policy {
            let share = tenths(row.share.ppm().unsigned_abs());
            writeln!(
                out,
                "{} at {share} %: {walk_days} days at ln {walk}/1000, then {ticks} half-hours at ln {offset}/1000, {} % said to be leased",
                row.kind.name(),
                leased / 10_000
            )?;
        }
    }
    Ok(())
}

const fn shown(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Leases => "leases",
        Evidence::Asks => "asks",
    }
}

fn cell_text(cell: &Cell) -> String {
    let unsettled = match cell.unsettled {
        0 => String::new(),
        count => format!(" -{count}"),
    };
    format!("{} [{}]{unsettled}", short(cell.median), short(cell.p95))
}

/// Millionths as per cent with two decimals, without any from a thousand per cent on.
fn short(ppm: u64) -> String {
    if ppm < 10_000_000 {
        return format!("{}.{:02}", ppm / 10_000, ppm % 10_000 / 100);
    }
    (ppm / 10_000).to_string()
}

fn tenths(ppm: u64) -> String {
    format!("{}.{}", ppm / 10_000, ppm % 10_000 / 1_000)
}

/// Errors, shares and costs in millionths.
#[derive(Serialize)]
struct WireTable {
    seed: u64,
    worlds: u64,
    evidence: &'static str,
    hours: u32,
    rows: Vec<WireRow>,
}

#[derive(Serialize)]
struct WireRow {
    attack: &'static str,
    share_ppm: i64,
    cost_ppm: i64,
    pretended_gpu_hours: u64,
    estimators: Vec<WireCell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<WirePolicy>,
}

#[derive(Serialize)]
struct WireCell {
    estimator: &'static str,
    median_error_ppm: u64,
    p95_error_ppm: u64,
    signed_median_ppm: i64,
    worst_step_ppm: u64,
    unsettled: u32,
    not_ok_ppm: i64,
}

#[derive(Serialize)]
struct WirePolicy {
    walk_days: u32,
    walk_log_thousandths: i32,
    half_hours: u32,
    offset_log_thousandths: i32,
    leased_ppm: u32,
}

fn wire_row(row: &Row) -> WireRow {
    let cell = |cell: &Cell| WireCell {
        estimator: cell.estimator.name(),
        median_error_ppm: cell.median,
        p95_error_ppm: cell.p95,
        signed_median_ppm: cell.signed_median,
        worst_step_ppm: cell.worst_step,
        unsettled: cell.unsettled,
        not_ok_ppm: cell.flagged.ppm(),
    };
    let policy = |policy: Policy| WirePolicy {
        walk_days: policy.walk_days,
        walk_log_thousandths: policy.walk,
        half_hours: policy.ticks,
        offset_log_thousandths: policy.offset,
        leased_ppm: policy.leased,
    };
    WireRow {
        attack: row.kind.name(),
        share_ppm: row.share.ppm(),
        cost_ppm: row.cost.ppm(),
        pretended_gpu_hours: row.pretended_hours,
        estimators: row.cells.iter().map(cell).collect(),
        policy: row.policy.map(policy),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn row(kind: Kind, policy: Option<Policy>) -> Row {
        let cell = |estimator, median, unsettled| Cell {
            estimator,
            median,
            p95: median * 2,
            signed_median: 0,
            worst_step: 51_234,
            unsettled,
            flagged: Ppm::new(250_000),
        };
        let cells = vec![cell(Estimator::Ours, 21_987, 0), cell(Estimator::Mean, 12_345_678, 3)];
        let (share, cost) = (Ppm::new(200_000), Ppm::new(190_000));
        Row { kind, share, cells, cost, pretended_hours: 12, policy }
    }

    /// ATTACK-003: the table says of which seed it is and in how many markets; both forms say the same.
    #[test]
    fn attack_003_a_table_names_its_seed_and_its_markets() {
        let args = AttackArgs {
            worlds: 40,
            seed: 7,
            share: vec![20, 20],
            hours: 24,
            evidence: EvidenceArg::Leases,
            estimator: vec![Estimator::Mean, Estimator::Ours],
            json: false,
        };
        let plan = args.plan();
        assert_eq!(plan.shares, [Ppm::new(200_000)]);
        let policy =
            Policy { walk_days: 3, walk: -150, ticks: 40, offset: 2_300, leased: 1_000_000 };
        let rows = [row(Kind::Tenfold, None), row(Kind::AdaptiveUp, Some(policy))];
        let mut out = Vec::new();
        text(&plan, &rows, &mut out).unwrap();
        json(&plan, &rows, &mut out).unwrap();
        expect![[r#"
            seed 7, 40 markets of leases, short attacks of 24 h
            error of the day's fixing in %: median [95th percentile]
            OK: share of the index's prints of that day that were OK
            cost: in % of what the whole market earns in a day

            attack                     share             ours             mean    OK   cost
            quotes x10                  20.0      2.19 [4.39]   1234 [2469] -3    75     19
            adaptive, 14 days, up       20.0      2.19 [4.39]   1234 [2469] -3    75     19
            adaptive, 14 days, up at 20.0 %: 3 days at ln -150/1000, then 40 half-hours at ln 2300/1000, 100 % said to be leased
            {"seed":7,"worlds":40,"evidence":"leases","hours":24,"rows":[{"attack":"quotes x10","share_ppm":200000,"cost_ppm":190000,"pretended_gpu_hours":12,"estimators":[{"estimator":"ours","median_error_ppm":21987,"p95_error_ppm":43974,"signed_median_ppm":0,"worst_step_ppm":51234,"unsettled":0,"not_ok_ppm":250000},{"estimator":"mean","median_error_ppm":12345678,"p95_error_ppm":24691356,"signed_median_ppm":0,"worst_step_ppm":51234,"unsettled":3,"not_ok_ppm":250000}]},{"attack":"adaptive, 14 days, up","share_ppm":200000,"cost_ppm":190000,"pretended_gpu_hours":12,"estimators":[{"estimator":"ours","median_error_ppm":21987,"p95_error_ppm":43974,"signed_median_ppm":0,"worst_step_ppm":51234,"unsettled":0,"not_ok_ppm":250000},{"estimator":"mean","median_error_ppm":12345678,"p95_error_ppm":24691356,"signed_median_ppm":0,"worst_step_ppm":51234,"unsettled":3,"not_ok_ppm":250000}],"policy":{"walk_days":3,"walk_log_thousandths":-150,"half_hours":40,"offset_log_thousandths":2300,"leased_ppm":1000000}}]}
        "#]].assert_eq(&String::from_utf8(out).unwrap());
    }
}
