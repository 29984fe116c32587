//! `tenor delivery attack`: every way of not delivering that we know, tried, beside the odds of being caught.
//!
//! All that happens is in `delivery_agent::attack`; this file asks and prints. The reading of the table is in `docs/delivery.md`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use delivery_agent::attack::{self, Plan, Row, TRIALS_MAX};
use serde::Serialize;

/// How often to try.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeliveryAttackArgs {
    /// Trials of each attack; the honest provider is tried ten times as often.
    #[arg(long, value_name = "N", default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(TRIALS_MAX)))]
    pub(crate) trials: u32,
    /// Of which all trials follow.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tries all attacks and prints what came of them; fails when one was caught more or less often than computed.
///
/// # Errors
/// When the machine failed, or the output stream.
pub(crate) fn run(args: &DeliveryAttackArgs, out: &mut impl Write) -> Result<ExitCode> {
    let plan = Plan { trials: args.trials, seed: args.seed };
    let rows = attack::run(plan)?;
    if args.json {
        json(plan, &rows, out)?
    } else {
        text(plan, &rows, out)?
    }
    let all_hold = rows.iter().all(Row::holds);
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(plan: Plan, rows: &[Row], out: &mut impl Write) -> Result<()> {
    let Plan { trials, seed } = plan;
    writeln!(
        out,
        "seed {seed}, {trials} trials of each attack; sigma: binomial standard deviations\n"
    )?;
    writeln!(
        out,
        "{:<24} {:>8} {:>9} {:>9} {:>6}",
        "attack", "trials", "expected", "caught", "sigma"
    )?;
    for row in rows {
        let sigma = row.deviations().map_or_else(|| "-".to_owned(), |sigma| format!("{sigma:.1}"));
        let verdict = if row.holds() { "" } else { "  DOES NOT HOLD" };
        let Row { attack, trials, expected, .. } = row;
        let caught = row.observed();
        writeln!(
            out,
            "{attack:<24} {trials:>8} {expected:>9.4} {caught:>9.4} {sigma:>6}{verdict}"
        )?;
        writeln!(out, "    {}", row.does)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct WireTable {
    seed: u64,
    rows: Vec<WireRow>,
}

#[derive(Serialize)]
struct WireRow {
    attack: &'static str,
    does: &'static str,
    trials: u32,
    caught: u32,
    expected: f64,
    observed: f64,
    sigma: Option<f64>,
    holds: bool,
}

fn json(plan: Plan, rows: &[Row], out: &mut impl Write) -> Result<()> {
    let wire = |row: &Row| WireRow {
        attack: row.attack,
        does: row.does,
        trials: row.trials,
        caught: row.caught,
        expected: row.expected,
        observed: row.observed(),
        sigma: row.deviations(),
        holds: row.holds(),
    };
    let table = WireTable { seed: plan.seed, rows: rows.iter().map(wire).collect() };
    writeln!(out, "{}", serde_json::to_string(&table)?)?;
    Ok(())
}
