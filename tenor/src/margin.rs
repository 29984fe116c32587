//! `tenor margin`: the margin of a portfolio in a file, by the published rules, so that anyone can recompute what the venue asks for.
//!
//! All arithmetic is in `api::pricing::portfolio`; this file reads and writes.

mod input;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;

use api::pricing::portfolio::{Margin, PortfolioError, margin};
use api::pricing::scenarios::Scenarios;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::figures::{self, InputError};
use input::Portfolio;

/// The formats of `tenor margin`, shown by its `--help`.
pub(crate) const HELP: &str = r#"In, one JSON object; every number may be a string, with the same result. Fields that are not named here are refused.
  {"parameters":{..},"positions":[
    {"type":"C","K":"3.0","F":"2.5","iv":"0.9","dte":30,"qty":-1000,"exp":"E1"},
    {"type":"F","F":"2.5","dte":30,"qty":"5000","exp":"E1"}]}
  type  C call | P put | F future (no K, no iv)     F    price of the future, USD per GPU-hour, 1e-12 to 1e9
  K     strike, 1e-12 to 1e9                        iv   volatility, 0.9 = 90 % a year, 0 to 100
  dte   days to expiry, 0 to 36500; 0 is intrinsic  qty  GPU-hours, below zero when sold, -1e12 to 1e12
  exp   name of the expiry, at most 64 bytes; positions of one name offset without a roll charge
parameters, all optional, with their start values:
  price_range 0.2  buckets 4  vol_up 0.45  vol_down 0.3  min_vol_for_up 0.5  short_term_power 0.3  long_term_power 0.13  dte_floor 1
  extended_moves [-0.66,-0.33,0.5,1,2,3,4,5]  extended_dampener_usd 0  roll_rate 0.01  delta_contingency 0.006 (stands in no figure)
  at most 64 extended_moves, 100 buckets
  mm_factor 0.8  short_option_min_rate 0.01  extended_weight (a text; the weight is always price_range/|move|)

Out with --json, in USD:
  {"standard":[27 gains, for each price move low to high: vol down, same, up],"extended":[8 weighted gains],
   "worst":..,"roll":..,"short_option_minimum":..,"im":..,"mm":..,"delta_notional":{"E1":..}}
  im = max(worst + roll, short_option_minimum), mm = mm_factor x im. At most 10,000 positions."#;

/// Why there is no margin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MarginError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What it asks for.
    #[error(transparent)]
    Portfolio(#[from] PortfolioError),
    /// The output failed.
    #[error("cannot write the margin")]
    Write(#[source] io::Error),
}

/// Reads a portfolio from `file` and writes its margin to `out`.
///
/// # Errors
/// [`MarginError`], with the field and its limits.
pub(crate) fn run(file: &Path, json: bool, out: &mut impl Write) -> Result<(), MarginError> {
    let text = figures::read(file)?;
    of_text(&text, json, out)
}

fn of_text(text: &str, json: bool, out: &mut impl Write) -> Result<(), MarginError> {
    let Portfolio { scenarios, charges, positions } = input::parse(text)?;
    let margin = margin(scenarios.clone(), charges, &positions)?;
    let written = if json { write_json(&margin, out) } else { table(&scenarios, &margin, out) };
    written.map_err(MarginError::Write)
}

/// One line of JSON.
#[derive(Serialize)]
struct WireMargin<'a> {
    standard: &'a [f64],
    extended: &'a [f64],
    worst: f64,
    roll: f64,
    short_option_minimum: f64,
    im: f64,
    mm: f64,
    delta_notional: &'a BTreeMap<String, f64>,
}

fn write_json(margin: &Margin, out: &mut impl Write) -> io::Result<()> {
    let wire = WireMargin {
        standard: &margin.standard,
        extended: &margin.extended,
        worst: margin.worst,
        roll: margin.roll,
        short_option_minimum: margin.short_option_minimum,
        im: margin.initial,
        mm: margin.maintenance,
        delta_notional: &margin.delta_notionals,
    };
    writeln!(out, "{}", serde_json::to_string(&wire)?)
}

fn table(scenarios: &Scenarios, margin: &Margin, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>16} {:>16} {:>16}", "price move", "vol down", "same", "vol up")?;
    for (part, row) in scenarios.moves().zip(margin.standard.chunks(3)) {
        write!(out, "{:>10.2} %", 100.0 * part)?;
        for gain in row {
            write!(out, " {gain:>16.4}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{:>12} {:>50}", "extended", "weighted")?;
    for (part, gain) in scenarios.extended_moves.iter().zip(&margin.extended) {
        writeln!(out, "{:>10.2} % {gain:>50.4}", 100.0 * part)?;
    }
    for (expiry, notional) in &margin.delta_notionals {
        let expiry = figures::shown(expiry);
        writeln!(out, "delta notional {expiry:<20} {notional:>27.4}")?;
    }
    for (name, figure) in [
        ("worst", margin.worst),
        ("roll", margin.roll),
        ("short option minimum", margin.short_option_minimum),
        ("initial margin", margin.initial),
        ("maintenance margin", margin.maintenance),
    ] {
        writeln!(out, "{name:<35} {figure:>27.4}")?;
    }
    Ok(())
}
