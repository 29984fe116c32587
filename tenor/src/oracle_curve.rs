//! `tenor oracle curve`: a file of quotes in, the forward curve out, day by day, with how sure it is and which quotes contradict each other.
//!
//! All arithmetic is in the `oracle` crate; this file reads and writes.

mod input;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use instruments::{Date, MicroUsd};
use oracle::{Curve, CurveError, Violation, violations};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::figures::{self, InputError};
use input::{Period, Question, Read};

/// The formats of `tenor oracle curve`, shown by its `--help`.
pub(crate) const HELP: &str = r#"In, one JSON object; every number may be a string, prices are USD per GPU-hour with at most six decimals, dates are days in UTC.
  {"start":"2026-12-01","days":730,
   "contracts":[{"name":"DEC26","from":"2026-12-01","until":"2027-01-01","bid":"2.36","ask":"2.40"},
                {"name":"lease","from":"2027-01-01","until":"2028-01-01","price":"2.10","half_spread":"0.05"}],
   "shape":{"year_factor":"0.8","week":["1","1","1","1","1","0.97","0.97"],
            "launches":[{"date":"2027-06-01","factor":"0.85","half_life_days":60}]},
   "parameters":{"bend":"0.00005","slope_days":365,"half_spread_min":"0.00025"},
   "asked":[{"name":"Q1","from":"2027-01-01","until":"2027-04-01"}]}
  until is the day after the last. shape, parameters and asked may be absent; so may each field of the first two.

Out with --json: {"start","days","daily":[..],"contracts":[{"name","price","curve","off","conf"}],"asked":[{"name","price","conf"}],
  "alarms":[{"whole","parts","sell","buy","gain"}]}
  off is the curve less the quoted price, conf one standard deviation, gain what a GPU-hour of the whole earns against its parts."#;

/// Why there is no curve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CurveFileError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What it asks for.
    #[error(transparent)]
    Curve(#[from] CurveError),
    /// The output failed.
    #[error("cannot write the curve")]
    Write(#[source] io::Error),
}

/// Dollars, written as their digits: no float touches them.
#[derive(Clone, Copy)]
struct Exact(Decimal);

impl Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string());
        raw.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// One line of JSON.
#[derive(Serialize)]
struct Answer {
    start: String,
    days: usize,
    daily: Vec<Exact>,
    contracts: Vec<Fitted>,
    asked: Vec<Asked>,
    alarms: Vec<Alarm>,
}

#[derive(Serialize)]
struct Fitted {
    name: String,
    price: Exact,
    curve: Exact,
    off: Exact,
    conf: Exact,
}

#[derive(Serialize)]
struct Asked {
    name: String,
    price: Exact,
    conf: Exact,
}

#[derive(Serialize)]
struct Alarm {
    whole: String,
    parts: Vec<String>,
    sell: &'static str,
    buy: &'static str,
    gain: Exact,
}

/// Reads quotes from `file` and writes their curve to `out`.
///
/// # Errors
/// [`CurveFileError`], with the field and its limits.
pub(crate) fn run(file: &Path, json: bool, out: &mut impl Write) -> Result<(), CurveFileError> {
    let text = figures::read(file)?;
    of_text(&text, json, out)
}

fn of_text(text: &str, json: bool, out: &mut impl Write) -> Result<(), CurveFileError> {
    let question: Question = figures::parse(text, "a curve {\"start\":..,\"days\":..}")?;
    let read = question.read()?;
    let answer = answer(&read)?;
    let written = if json { answer.write_json(out) } else { answer.write_table(out) };
    written.map_err(CurveFileError::Write)
}

fn answer(read: &Read) -> Result<Answer, CurveFileError> {
    let logs = read.shape.logs(read.days)?;
    let contracts: Vec<_> = read.contracts.iter().map(|it| it.contract).collect();
    let curve = Curve::fit(&read.params, &logs, &contracts)?;
    let of = |period: &Period| -> Result<(MicroUsd, MicroUsd), CurveError> {
        let price = curve.price(period.days).ok_or(CurveError::OutOfRange)?;
        let conf = curve.conf(period.days).ok_or(CurveError::OutOfRange)?;
        Ok((price, conf))
    };
    let mut fitted = Vec::with_capacity(read.contracts.len());
    for quoted in &read.contracts {
        let (value, conf) = of(&quoted.period)?;
        fitted.push(Fitted {
            name: quoted.period.name.clone(),
            price: dollars(quoted.contract.price),
            curve: dollars(value),
            off: Exact((dollars(value).0 - dollars(quoted.contract.price).0).normalize()),
            conf: dollars(conf),
        });
    }
    let mut asked = Vec::with_capacity(read.asked.len());
    for period in &read.asked {
        let (price, conf) = of(period)?;
        asked.push(Asked { name: period.name.clone(), price: dollars(price), conf: dollars(conf) });
    }
    let quotes: Vec<_> = read.contracts.iter().map(|it| it.quote).collect();
    let alarms = violations(&quotes).iter().map(|found| alarm(read, found)).collect();
    Ok(Answer {
        start: date(read.start),
        days: curve.daily().len(),
        daily: curve.daily().iter().copied().map(dollars).collect(),
        contracts: fitted,
        asked,
        alarms,
    })
}

fn alarm(read: &Read, found: &Violation) -> Alarm {
    let name = |place: &usize| {
        read.contracts.get(*place).map_or_else(String::new, |it| it.period.name.clone())
    };
    let (whole, parts) = (dollars(found.whole_at), dollars(found.parts_at));
    let (sell, buy) = if found.whole_is_dear { ("whole", "parts") } else { ("parts", "whole") };
    let gain = Exact((whole.0 - parts.0).abs().normalize());
    let parts = found.parts.iter().map(name).collect();
    Alarm { whole: name(&found.whole), parts, sell, buy, gain }
}

fn dollars(money: MicroUsd) -> Exact {
    Exact(Decimal::new(money.micros(), 6).normalize())
}

fn date(days: u64) -> String {
    let Date { year, month, day } = Date::from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

impl Answer {
    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", serde_json::to_string(self)?)
    }

    /// The contracts, what was asked, the first day of each month, and the alarms.
    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<20}{:>12}{:>12}{:>12}{:>12}",
            "contract", "price", "curve", "off", "conf"
        )?;
        for it in &self.contracts {
            writeln!(
                out,
                "{:<20}{:>12}{:>12}{:>12}{:>12}",
                it.name, it.price, it.curve, it.off, it.conf
            )?;
        }
        for it in &self.asked {
            writeln!(out, "{:<20}{:>12}{:>12}{:>12}{:>12}", it.name, "", it.price, "", it.conf)?;
        }
        writeln!(out)?;
        let first = self.start.as_str();
        writeln!(out, "from {first}, every thirtieth of {} days:", self.days)?;
        for (day, price) in self.daily.iter().enumerate().step_by(30) {
            writeln!(out, "{day:>6}{price:>12}")?;
        }
        for it in &self.alarms {
            let parts = it.parts.join(" + ");
            writeln!(
                out,
                "alarm: {} against {parts}: sell the {}, buy the {}, {} a GPU-hour",
                it.whole, it.sell, it.buy, it.gain
            )?;
        }
        Ok(())
    }
}
